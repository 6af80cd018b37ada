//! Files that were dropped, chosen or made: what they are, whether they fit, and reading them.

use std::sync::Arc;

use ilk_core::{job::Job, prepare::clean};
use ilk_formats::{ColumnKind, CsvOptions, Input, Source, Table, guess_columns};
use ilk_shop as shop;
use js_sys::Uint8Array;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    arguments,
    error::Fault,
    memory::{self, PerRow},
    reading::{Forecast, Reading, all_needs},
    records::{
        ColumnRecord, DataSource, Estimate, FileRecord, GuessRecord, Inspection, ReadRequest,
        from_js, to_js,
    },
    source::JsSource,
};

/// Files that are read together, as one table. Nothing of them is loaded until it is read.
#[wasm_bindgen]
#[derive(Default)]
pub struct Files {
    sources: Vec<Arc<JsSource>>,
}

#[wasm_bindgen]
impl Files {
    /// Begins with no file.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the orders of a made-up shop, to try things on; `demoRequest()` reads them.
    pub fn demo() -> Self {
        let orders = Uint8Array::from(shop::csv().as_bytes());
        Self { sources: vec![Arc::new(JsSource::of_bytes("orders.csv".into(), orders))] }
    }

    /// Returns what reads the demo's orders, and the job that people would write for them.
    ///
    /// # Errors
    /// Never.
    #[wasm_bindgen(js_name = demoRequest, unchecked_return_type = "ReadRequest")]
    pub fn demo_request() -> Result<JsValue, Fault> {
        let column = |name: &str| Some(name.to_owned());
        let source = DataSource {
            user: "member".into(),
            item: "sku".into(),
            weight: column("quantity"),
            item_label: column("product"),
            ..DataSource::default()
        };
        let job = ilk_core::job::SimilarityJob {
            min_overlap: Some(5),
            shrinkage: Some(10.0),
            ..Default::default()
        };
        to_js(&ReadRequest { source, job, sample: None })
    }

    /// Adds a file in memory. `name`: what messages call it; its ending may tell the format.
    ///
    /// # Errors
    /// If `name` is no text, or `bytes` are none.
    #[wasm_bindgen(js_name = addBytes)]
    pub fn add_bytes(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "string")] name: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array")] bytes: &JsValue,
    ) -> Result<(), Fault> {
        let (name, bytes) = (arguments::text("name", name)?, arguments::bytes("bytes", bytes)?);
        self.sources.push(Arc::new(JsSource::of_bytes(name, bytes)));
        Ok(())
    }

    /// Adds a file of `size` bytes that `read` gives slice by slice, at once and not by promise:
    /// in a worker with `FileReaderSync`, in Node with `fs.readSync`.
    ///
    /// # Errors
    /// If `name` is no text, `size` no whole number, or `read` no function.
    #[wasm_bindgen(js_name = addReader)]
    pub fn add_reader(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "string")] name: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number")] size: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "(offset: number, length: number) => Uint8Array")]
        read: &JsValue,
    ) -> Result<(), Fault> {
        let (name, size) = (arguments::text("name", name)?, arguments::whole("size", size)?);
        let read = arguments::function("read", read)?;
        self.sources.push(Arc::new(JsSource::of_reader(name, size, read)));
        Ok(())
    }

    /// Describes what the files are and which columns they have, with a guess which is which. Reads
    /// the schemas only.
    ///
    /// # Errors
    /// For files that cannot be read, or none.
    #[wasm_bindgen(unchecked_return_type = "Inspection")]
    pub fn inspect(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "string | Partial<DataSource>")]
        settings: JsValue,
    ) -> Result<JsValue, Fault> {
        let csv = match settings.as_string() {
            Some(delimiter) => {
                CsvOptions { delimiter: Some(delimiter.parse()?), ..CsvOptions::default() }
            }
            None => from_js::<DataSource>(settings)?.csv(),
        };
        let inputs = self.sources()?.iter().map(|source| {
            Input::open(Arc::clone(source) as Arc<dyn Source>, &csv).map_err(Fault::from)
        });
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let schema = inputs[0].schema();
        let files = inputs.iter().zip(&self.sources).map(|(input, source)| FileRecord {
            name: input.name().into(),
            format: input.format().name(),
            bytes: source.len() as f64,
            rows: input.row_count().map(|rows| rows as f64),
            dialect: input.dialect().map(ToString::to_string),
            notes: input.notes().to_vec(),
        });
        let columns = schema.columns.iter().map(|column| ColumnRecord {
            name: column.name.clone(),
            kind: kind_name(column.kind),
            r#type: column.type_name.clone(),
        });
        let guess = guess_columns(schema);
        to_js(&Inspection {
            files: files.collect(),
            columns: columns.collect(),
            guess: GuessRecord {
                user: guess.user,
                item: guess.item,
                weight: guess.weight,
                time: guess.time,
                item_label: guess.item_label,
            },
        })
    }

    /// Estimates how many rows the files have, how many fit into memory, and which sample does.
    /// Reads the first rows.
    ///
    /// # Errors
    /// For settings that cannot be, and files that cannot be read.
    #[wasm_bindgen(unchecked_return_type = "Estimate")]
    pub fn estimate(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ReadRequest")] request: JsValue,
    ) -> Result<JsValue, Fault> {
        let request: ReadRequest = from_js(request)?;
        let job = request.job.resolve(request.source.given())?;
        let forecast = self.forecast(&self.tables(&request.source)?, &job, &request)?;
        let fits = memory::left() / forecast.per_row.most();
        let all_fit = forecast.kept <= fits;
        to_js(&Estimate {
            rows: forecast.rows.round(),
            is_exact: forecast.is_exact,
            bytes_per_row: forecast.per_row.most().round(),
            bytes: (forecast.kept * forecast.per_row.most()).round(),
            limit: memory::limit(),
            rows_that_fit: (fits * forecast.rows / forecast.kept.max(1.0)).floor(),
            fits: all_fit,
            rate: if all_fit { 1.0 } else { memory::rate_that_fits(1.0, forecast.kept, fits) },
        })
    }

    /// Begins to read the files, or a sample of their users; the task's result is a `Data`.
    ///
    /// # Errors
    /// For settings that cannot be, files that cannot be opened, and rows that would not fit.
    pub fn read(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ReadRequest")] request: JsValue,
    ) -> Result<Reading, Fault> {
        let request: ReadRequest = from_js(request)?;
        let job = request.job.resolve(request.source.given())?;
        let tables = self.tables(&request.source)?;
        let forecast = self.forecast(&tables, &job, &request)?;
        if request.sample.is_none_or(|sample| sample.users.is_none()) {
            forecast
                .check(self.sources[0].name(), request.sample.and_then(|sample| sample.rate))?;
        }
        let sources = self.sources.clone();
        Reading::new(tables, sources, job, &request, forecast)
    }
}

impl Files {
    fn sources(&self) -> Result<&[Arc<JsSource>], Fault> {
        if self.sources.is_empty() {
            return Err(Fault::new("setting", "no files: add one with addBytes()"));
        }
        Ok(&self.sources)
    }

    fn tables(&self, source: &DataSource) -> Result<Vec<Table>, Fault> {
        let options = source.options()?;
        let open = |(number, source): (u32, &Arc<JsSource>)| {
            Table::open(Arc::clone(source) as Arc<dyn Source>, number, &options)
        };
        Ok((0..).zip(self.sources()?).map(open).collect::<Result<_, _>>()?)
    }

    /// Reads the first rows of the first file with any, and concludes from them.
    fn forecast(
        &self,
        tables: &[Table],
        job: &Job,
        request: &ReadRequest,
    ) -> Result<Forecast, Fault> {
        let given = request.source.given();
        let sizes = self.sources.iter().map(|source| source.len());
        let bytes = sizes.sum::<u64>() as f64;
        let exact = tables.iter().map(Table::row_count).sum::<Option<u64>>();
        for (table, source) in tables.iter().zip(&self.sources) {
            let taken = source.taken();
            let Some(first) = first_chunk(table, job, request, exact.is_some())? else { continue };
            let FirstChunk { rows, chunk, used, counted } = first;
            // The last piece read may reach past the rows: good enough for an estimate.
            let of_chunk = (source.taken() - taken).max(1) as f64;
            let (of_rows, of_bytes) = counted.unwrap_or((rows, of_chunk));
            let all = exact.map_or(of_rows * (bytes / of_bytes).max(1.0), |rows| rows as f64);
            let kept = chunk / rows;
            let per_row = PerRow::new(given, used / chunk.max(1.0));
            return Ok(Forecast {
                rows: all,
                kept: all * kept,
                is_exact: exact.is_some(),
                per_row,
            });
        }
        let per_row = PerRow::new(given, 0.0);
        Ok(Forecast { rows: 0.0, kept: 0.0, is_exact: true, per_row })
    }
}

/// What is known once the first chunk of a table was read.
struct FirstChunk {
    rows: f64,
    /// Rows kept.
    chunk: f64,
    /// Bytes that these take.
    used: f64,
    /// Rows and bytes of its whole part, where that is small.
    counted: Option<(f64, f64)>,
}

/// Bytes of a part at most that is read to its end for an estimate: a piece of a CSV file is loaded
/// whole in any case.
const WHOLE_PART: u64 = 8 << 20;

/// Reads and cleans the first chunk.
fn first_chunk(
    table: &Table,
    job: &Job,
    request: &ReadRequest,
    is_exact: bool,
) -> Result<Option<FirstChunk>, Fault> {
    let needs = all_needs(request);
    for part in 0..table.parts().len() {
        let mut cursor = table.begin(part)?;
        let before = memory::in_use();
        let Some(rows) = table.next(&mut cursor)? else { continue };
        let all = rows.len();
        let (chunk, _) = clean(rows, job, needs);
        // What was asked of the allocator, room to grow included.
        let used = memory::in_use().saturating_sub(before);
        let bytes = table.parts()[part].bytes;
        let mut counted = None;
        if !is_exact && bytes <= WHOLE_PART {
            let mut of_part = all;
            while let Some(rows) = table.next(&mut cursor)? {
                of_part += rows.len();
            }
            counted = Some((of_part as f64, bytes as f64));
        }
        let (rows, chunk, used) = (all as f64, chunk.len() as f64, used as f64);
        return Ok(Some(FirstChunk { rows, chunk, used, counted }));
    }
    Ok(None)
}

const fn kind_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "integer",
        ColumnKind::Number => "number",
        ColumnKind::Text => "text",
        ColumnKind::Untyped => "untyped",
        ColumnKind::Time => "time",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Uuid => "uuid",
        ColumnKind::Other => "other",
    }
}
