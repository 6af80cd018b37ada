//! Settings as they come in and records as they go out. What JavaScript sees of them is in
//! `types.d.ts` and `settings.d.ts`; settings are spelled as in a job file.

use ilk_core::{
    data::{TimeRule, TimeUnit},
    job::{Given, SimilarityJob},
    prepare::Sample,
};
use ilk_formats::{
    CsvOptions, Decimal, Delimiter, Encoding, Escape, FileFormat, Header, Quote, ReadOptions,
    RecordSize,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::{arguments, error::Fault};

/// Turns a record into a JavaScript object.
pub(crate) fn to_js(record: &impl Serialize) -> Result<JsValue, Fault> {
    let serializer = Serializer::new().serialize_maps_as_objects(true);
    record.serialize(&serializer).map_err(|error| Fault::new("internal", error.to_string()))
}

/// Reads settings; `undefined` and `null` are no settings. Unknown ones are refused by name.
pub(crate) fn from_js<T: DeserializeOwned + Default>(settings: JsValue) -> Result<T, Fault> {
    let refuse = |why: String| Fault::new("setting", why);
    if settings.is_undefined() || settings.is_null() {
        return Ok(T::default());
    }
    arguments::check_settings("", &settings)?;
    // By way of a tree: read straight from an object, unknown fields would go unseen.
    let tree: Value = serde_wasm_bindgen::from_value(settings)
        .map_err(|error| refuse(format!("cannot read the settings: {error}")))?;
    let error = match serde_json::from_value(tree.clone()) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let is_read = |tree: Value| serde_json::from_value::<T>(tree).is_ok();
    Err(match wrong_setting(&tree, &is_read) {
        Some((path, setting)) => {
            refuse(format!("{path}: {error}")).with("setting", setting.as_str())
        }
        None => refuse(error.to_string()),
    })
}

/// Finds the setting without which all others are read; returns its path and its name.
fn wrong_setting(tree: &Value, is_read: &dyn Fn(Value) -> bool) -> Option<(String, String)> {
    tree.as_object()?.iter().find_map(|(name, value)| {
        let with = |value: Option<Value>| {
            let mut others = tree.clone();
            let object = others.as_object_mut()?;
            match value {
                Some(value) => object.insert(name.clone(), value),
                None => object.remove(name),
            };
            Some(others)
        };
        let inner = wrong_setting(value, &|value| with(Some(value)).is_some_and(is_read));
        let inner = inner.map(|(path, setting)| (format!("{name}.{path}"), setting));
        inner.or_else(|| with(None).is_some_and(is_read).then(|| (name.clone(), name.clone())))
    })
}

/// Where the data is and which column is what, as in a job file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DataSource {
    pub(crate) user: String,
    pub(crate) item: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item_separator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_unit: Option<TimeUnit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input_format: Option<FileFormat>,
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delimiter: Option<Delimiter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quote: Option<Quote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) escape: Option<Escape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) no_header: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skip_lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoding: Option<Encoding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) null: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decimal: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_record_size: Option<RecordSize>,
}

impl DataSource {
    /// Returns which optional columns exist.
    pub(crate) fn given(&self) -> Given {
        Given { weight: self.weight.is_some(), time: self.time.is_some() }
    }

    /// Returns how CSV files are written, as formats takes it.
    pub(crate) fn csv(&self) -> CsvOptions {
        let is_absent = self.no_header == Some(true);
        CsvOptions {
            delimiter: self.delimiter.clone(),
            quote: self.quote,
            escape: self.escape,
            header: if is_absent { Header::Absent } else { Header::Named },
            skip_lines: self.skip_lines.unwrap_or(0),
            encoding: self.encoding,
            comment: self.comment.clone().filter(|comment| !comment.is_empty()),
            max_record_size: self.max_record_size.map(|size| size.0),
            ..CsvOptions::default()
        }
    }

    /// Checks the settings, as formats takes them.
    pub(crate) fn options(&self) -> Result<ReadOptions, Fault> {
        for (setting, column) in [("user", &self.user), ("item", &self.item)] {
            if column.is_empty() {
                let message = format!("source.{setting} is missing: name the column");
                return Err(Fault::new("setting", message).with("setting", setting));
            }
        }
        if let Some(Err(why)) = self.time_format.as_deref().map(TimeRule::check_pattern) {
            let message = format!("source.time_format is not a strftime format: {why}");
            return Err(Fault::new("setting", message).with("setting", "time_format"));
        }
        let conditions = self.conditions.iter().map(|text| text.parse());
        Ok(ReadOptions {
            user: self.user.clone(),
            item: self.item.clone(),
            weight: self.weight.clone(),
            time: self.time.clone(),
            item_label: self.item_label.clone(),
            conditions: conditions.collect::<Result<_, _>>()?,
            csv: self.csv(),
            nulls: self.null.clone(),
            decimal: self.decimal.unwrap_or_default(),
            item_separator: self.item_separator.clone(),
            format: self.input_format,
            times: TimeRule {
                unit: self.time_unit.unwrap_or_default(),
                pattern: self.time_format.clone(),
                now: Some((js_sys::Date::now() * 1e3) as i64),
            },
            chunk_rows: None,
            constants: Vec::new(),
        })
    }
}

/// What to read, and how much of it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReadRequest {
    pub(crate) source: DataSource,
    pub(crate) job: SimilarityJob,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sample: Option<SampleRequest>,
}

/// Which users to keep.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SampleRequest {
    /// A share of all users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
    /// So many users, those of the smallest hashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) users: Option<u32>,
    /// The others instead.
    pub(crate) rest: bool,
}

impl SampleRequest {
    /// Returns the number of users asked for, if it was not a rate.
    pub(crate) fn users(self) -> Result<Option<usize>, Fault> {
        match (self.rate, self.users) {
            (None, Some(_)) if self.rest => Err(wrong_sample("sample.rest goes with a rate")),
            (None, Some(0)) => Err(wrong_sample("sample.users is 0, expected 1 or more")),
            (Some(_), None) | (None, Some(_)) => Ok(self.users.map(|users| users as usize)),
            _ => Err(wrong_sample("sample takes either rate or users")),
        }
    }

    /// Returns the sample of the rate asked for.
    pub(crate) fn of_rate(self) -> Result<Sample, Fault> {
        let rate = self.rate.unwrap_or(f64::NAN);
        Sample::of_rate(rate)
            .ok_or_else(|| wrong_sample(format!("sample.rate is {rate}, expected 0 to 1")))
    }
}

fn wrong_sample(why: impl Into<String>) -> Fault {
    Fault::new("setting", why).with("setting", "sample")
}

/// What to compare, and what with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CompareRequest {
    pub(crate) job: SimilarityJob,
    /// Ids that alone may be neighbours.
    pub(crate) only: Option<Vec<String>>,
    /// Ids that may not be neighbours.
    pub(crate) exclude: Option<Vec<String>>,
    /// Ids to compute neighbours for.
    #[serde(rename = "for")]
    pub(crate) wanted: Option<Vec<String>>,
    /// The kernel, for measuring.
    pub(crate) kernel: Option<String>,
}

/// What to measure on samples.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LadderRequest {
    pub(crate) job: SimilarityJob,
    /// The sample that the data is.
    pub(crate) rate: Option<f64>,
}

/// A file as it is opened.
#[derive(Debug, Serialize)]
pub(crate) struct FileRecord {
    pub(crate) name: String,
    pub(crate) format: &'static str,
    pub(crate) bytes: f64,
    pub(crate) rows: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dialect: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// A column of the files.
#[derive(Debug, Serialize)]
pub(crate) struct ColumnRecord {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) r#type: String,
}

/// What can be said of files before their rows are read.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    pub(crate) files: Vec<FileRecord>,
    pub(crate) columns: Vec<ColumnRecord>,
    pub(crate) guess: GuessRecord,
}

/// Which column is probably what.
#[derive(Debug, Default, Serialize)]
pub(crate) struct GuessRecord {
    pub(crate) user: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) weight: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) item_label: Option<String>,
}

/// Whether files fit into memory.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Estimate {
    pub(crate) rows: f64,
    pub(crate) is_exact: bool,
    pub(crate) bytes_per_row: f64,
    pub(crate) bytes: f64,
    pub(crate) limit: f64,
    pub(crate) rows_that_fit: f64,
    pub(crate) fits: bool,
    pub(crate) rate: f64,
}

/// How many rows took which path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RowsRecord {
    pub(crate) rows: f64,
    pub(crate) kept: f64,
    pub(crate) set_aside: Vec<SetAsideRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// The rows of one reason.
#[derive(Debug, Serialize)]
pub(crate) struct SetAsideRecord {
    pub(crate) reason: &'static str,
    pub(crate) rows: f64,
    pub(crate) first: Vec<RowRecord>,
}

/// A row that was set aside.
#[derive(Debug, Serialize)]
pub(crate) struct RowRecord {
    pub(crate) file: String,
    pub(crate) row: f64,
    pub(crate) user: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) detail: Option<String>,
}

/// An item (or user, where users are compared).
#[derive(Debug, Serialize)]
pub(crate) struct ItemRecord {
    pub(crate) code: u32,
    pub(crate) id: String,
    pub(crate) label: Option<String>,
    pub(crate) support: u32,
}

/// One of an item's neighbours.
#[derive(Debug, Serialize)]
pub(crate) struct NeighbourRecord {
    pub(crate) rank: u32,
    pub(crate) score: f32,
    pub(crate) overlap: u32,
    #[serde(flatten)]
    pub(crate) item: ItemRecord,
}
