//! Reads bytes as a file, with whatever columns it has in every role that they can serve, in memory
//! and time that grow with the bytes.

#[path = "memory.rs"]
mod memory;

use std::{sync::Arc, time::Duration};

use ilk_core::data::TimeRule;
use ilk_formats::{CsvOptions, Error, FileFormat, Input, Memory, ReadOptions, Source, Table};
use rustix::time::{ClockId, clock_gettime};

/// Bytes that reading takes however short a file is: buffers, and the first chunk.
const BASE: usize = 32 << 20;
/// Bytes that it takes for every byte of the file: text that is packed grows a thousand times.
const EACH: usize = 4 << 10;
/// CPU time that it takes however short a file is.
const MOMENT: Duration = Duration::from_secs(2);
/// CPU time that it takes for every byte of the file.
const MOMENT_EACH: Duration = Duration::from_micros(100);

/// Opens and reads `bytes` under a name, in a format if one is given.
///
/// # Panics
/// If that takes more memory or time than bytes of their number may.
pub fn read(name: &str, format: Option<FileFormat>, bytes: &[u8]) {
    let begin = cpu_time();
    let peak = memory::peak_of(|| read_all(name, format, bytes));
    let (length, took) = (bytes.len(), cpu_time() - begin);
    assert!(peak <= BASE + EACH * length, "{length} bytes take {peak} bytes of memory");
    let most = MOMENT + MOMENT_EACH * length as u32;
    assert!(took <= most, "{length} bytes take {took:?}");
}

/// CPU time of this process so far: others may take turns with it.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn read_all(name: &str, format: Option<FileFormat>, bytes: &[u8]) {
    let source: Arc<dyn Source> = Arc::new(Memory::new(name, bytes.to_vec()));
    let Ok(input) = Input::open_as(Arc::clone(&source), format, &CsvOptions::default()) else {
        return;
    };
    let names = input.schema().names().map(str::to_owned).collect::<Vec<_>>();
    // The first bytes choose which columns serve as what; few inputs have more than a handful.
    let pick = |place: usize| {
        let byte = bytes.get(bytes.len() / 2 + place).copied().unwrap_or_default();
        names.get(usize::from(byte) % names.len().max(1)).cloned()
    };
    let (Some(user), Some(item)) = (pick(0), pick(1)) else { return };
    let options = ReadOptions {
        user,
        item,
        weight: pick(2).filter(|_| bytes.len() % 2 == 0),
        time: pick(3).filter(|_| bytes.len() % 3 == 0),
        item_label: pick(4).filter(|_| bytes.len() % 5 == 0),
        item_separator: (bytes.len() % 7 == 0).then(|| " ".into()),
        format,
        times: TimeRule::default(),
        chunk_rows: Some(1 << 10),
        ..ReadOptions::default()
    };
    let Ok(table) = Table::open(source, 0, &options) else { return };
    for part in 0..table.parts().len() {
        let mut rows = 0;
        let read = table.read(part, &mut |chunk| {
            rows += chunk.len();
            // Lengths of columns agree, and the last row has a number.
            assert!(chunk.is_empty() || chunk.number(chunk.len() - 1) >= chunk.first_row);
            // Rows that take no bytes are as many as anybody says.
            if rows > 1 << 20 { Err(stop()) } else { Ok::<_, Error>(()) }
        });
        if read.is_err() {
            return;
        }
    }
}

fn stop() -> Error {
    Error::NoHeader { file: String::new() }
}
