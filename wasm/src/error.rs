//! Errors as JavaScript gets them: an `Error` with `code`, `message` and `details`.

use std::panic::PanicHookInfo;

use ilk_core::{
    job::JobError,
    kernel::NoneLeft,
    prepare::{EncodeError, Refusal},
};
use ilk_formats::{ConditionError, DialectError, Error, printable};
use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

/// An error; becomes an `Error` in JavaScript.
#[derive(Debug)]
pub struct Fault {
    code: &'static str,
    message: String,
    details: Vec<(&'static str, Detail)>,
}

/// A number or a text beside the message.
#[derive(Clone, Debug)]
pub(crate) enum Detail {
    Number(f64),
    Text(String),
}

impl From<f64> for Detail {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl Fault {
    /// Makes an error; `code` is for programs, `message` for people.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: printable(&message.into()).into_owned(), details: Vec::new() }
    }

    /// Adds a detail.
    pub(crate) fn with(mut self, name: &'static str, detail: impl Into<Detail>) -> Self {
        self.details.push((name, detail.into()));
        self
    }
}

impl From<Fault> for JsValue {
    fn from(fault: Fault) -> Self {
        let error = js_sys::Error::new(&fault.message);
        let details = Object::new();
        for (name, detail) in fault.details {
            let value = match detail {
                Detail::Number(number) => Self::from_f64(number),
                Detail::Text(text) => Self::from_str(&text),
            };
            set(&details, name, &value);
        }
        set(&error, "code", &fault.code.into());
        set(&error, "details", &details);
        error.into()
    }
}

/// Sets a property of an object of our own, which cannot fail.
fn set(object: &Object, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (code, file, column) = match &error {
            Error::Read { file, .. } => ("read", Some(file), None),
            Error::Damaged { file, .. } => ("damaged", Some(file), None),
            Error::Dialect { file, .. } => ("dialect", Some(file), None),
            Error::NotAsNamed { file, .. } | Error::Unsupported { file, .. } => {
                ("unsupported", Some(file), None)
            }
            Error::NoHeader { file } => ("empty", Some(file), None),
            Error::MissingColumn { file, column, .. }
            | Error::DuplicateColumn { file, column, .. }
            | Error::ColumnType { file, column, .. }
            | Error::NumericId { file, column, .. }
            | Error::RoundedId { file, column, .. } => ("column", Some(file), Some(column)),
            Error::Literal { .. } | Error::OutputFormat { .. } => ("setting", None, None),
            _ => ("input", None, None),
        };
        let named =
            |name, text: Option<&String>| text.map(|text| (name, Detail::Text(text.clone())));
        let details = named("file", file).into_iter().chain(named("column", column)).collect();
        Self { details, ..Self::new(code, error.to_string()) }
    }
}

impl From<JobError> for Fault {
    fn from(error: JobError) -> Self {
        let fault = Self::new("setting", error.to_string());
        match error {
            JobError::Name { what: setting, .. }
            | JobError::Value { setting, .. }
            | JobError::Misplaced { setting, .. } => fault.with("setting", setting),
            _ => fault,
        }
    }
}

impl From<DialectError> for Fault {
    fn from(error: DialectError) -> Self {
        Self::new("setting", error.to_string()).with("setting", error.setting)
    }
}

impl From<ConditionError> for Fault {
    fn from(error: ConditionError) -> Self {
        Self::new("setting", error.to_string()).with("setting", "where")
    }
}

impl From<EncodeError> for Fault {
    fn from(error: EncodeError) -> Self {
        Self::new("ids", format!("{error}; write the column with one type in all files"))
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let Refusal::TooManyBadRows { bad, rows, .. } = refusal else {
            return Self::new("refused", refusal.to_string());
        };
        let percent = (bad * 100).div_ceil(rows.max(1));
        let way = format!("fix them, or allow more with max_bad_rows: \"{percent}%\"");
        Self::new("refused", format!("{refusal}; {way}"))
    }
}

impl From<NoneLeft> for Fault {
    fn from(none: NoneLeft) -> Self {
        Self::new("refused", format!("{none}; {}", none.help()))
    }
}

/// Throws a panic as an `Error`: a damaged file if foreign bytes were being decoded, else an internal
/// error. The module cannot be used reliably after it: start a new worker.
pub(crate) fn throw(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let why = payload.downcast_ref::<String>().map(String::as_str);
    let why = why.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("unknown");
    let fault = if ilk_formats::is_decoding() {
        Fault::new("damaged", format!("the file is damaged ({why}); copy or export it again"))
    } else {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        Fault::new("internal", format!("internal error: {why} ({place}); please report it"))
    };
    let fault = fault.with("fatal", 1.0);
    if cfg!(target_family = "wasm") {
        wasm_bindgen::throw_val(fault.into());
    }
}
