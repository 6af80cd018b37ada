//! Bytes that JavaScript holds, read slice by slice: an array, a blob, a file.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use ilk_formats::Source;
use js_sys::{Function, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};

/// A file as JavaScript hands it over. Only the thread that opened it reads it.
pub(crate) struct JsSource {
    name: String,
    length: u64,
    place: SendWrapper<Place>,
    taken: AtomicU64,
}

enum Place {
    Bytes(Uint8Array),
    /// `(offset, length) => Uint8Array`
    Reader(Function),
}

impl JsSource {
    /// A file in an array.
    pub(crate) fn of_bytes(name: String, bytes: Uint8Array) -> Self {
        Self::new(name, u64::from(bytes.length()), Place::Bytes(bytes))
    }

    /// A file that a function reads.
    pub(crate) fn of_reader(name: String, length: u64, read: Function) -> Self {
        Self::new(name, length, Place::Reader(read))
    }

    fn new(name: String, length: u64, place: Place) -> Self {
        Self { name, length, place: SendWrapper::new(place), taken: AtomicU64::new(0) }
    }

    /// Counts the bytes read so far, repeated ones included.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }
}

impl Source for JsSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        self.taken.fetch_add(length as u64, Relaxed);
        let array = match &*self.place {
            Place::Bytes(bytes) => bytes.subarray(offset as u32, (offset + length as u64) as u32),
            Place::Reader(read) => {
                let (offset, length) = (JsValue::from_f64(offset as f64), JsValue::from(length));
                let answer = read.call2(&JsValue::UNDEFINED, &offset, &length);
                let answer = answer.map_err(|error| io::Error::other(text(&error)))?;
                answer
                    .dyn_into::<Uint8Array>()
                    .map_err(|_| io::Error::other("the function that reads gave no Uint8Array"))?
            }
        };
        if array.length() as usize != length {
            let found = array.length();
            let why = format!("{found} bytes where {length} were asked for");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        Ok(array.to_vec().into())
    }
}

/// What an exception says.
fn text(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| error.message().into());
    message.or_else(|| error.as_string()).unwrap_or_else(|| "reading failed".into())
}
