//! What did not go well, as hosts get it.

use ilk_core::{
    job::JobError,
    kernel::NoneLeft,
    matrix::Malformed,
    prepare::{EncodeError, Refusal},
};
use ilk_formats::{ConditionError, Error, printable};
use serde::Serialize;

/// Why something did not go well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// For programs.
    pub code: &'static str,
    /// For people, on one line: control characters of names and values are escaped.
    pub message: String,
}

impl Failure {
    /// Makes one.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: printable(&message.into()).into_owned() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Damaged { .. } => "damaged",
            Error::MissingColumn { .. }
            | Error::DuplicateColumn { .. }
            | Error::ColumnType { .. }
            | Error::NumericId { .. }
            | Error::RoundedId { .. } => "column",
            Error::Literal { .. } => "setting",
            _ => "input",
        };
        Self::new(code, error.to_string())
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        Self::new("setting", error.to_string())
    }
}

impl From<ConditionError> for Failure {
    fn from(error: ConditionError) -> Self {
        Self::new("setting", error.to_string())
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::new("ids", format!("{error}; give the column one type in all batches"))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new("refused", refusal.to_string())
    }
}

impl From<NoneLeft> for Failure {
    fn from(none: NoneLeft) -> Self {
        Self::new("refused", format!("{none}; {}", none.help()))
    }
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Self {
        let message = format!(
            "{error}: starts must rise from 0 to the number of users, users must ascend strictly \
             within an item and stay below `numbers`, and there must be as many weights as users"
        );
        Self::new("block", message)
    }
}

/// Reads a job: an empty text is one of no settings.
pub(crate) fn job(text: &str) -> Result<ilk_core::job::SimilarityJob, Failure> {
    if text.is_empty() {
        return Ok(ilk_core::job::SimilarityJob::default());
    }
    serde_json::from_str(text).map_err(|error| Failure::new("setting", format!("job: {error}")))
}
