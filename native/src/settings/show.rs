//! What `ilk config` prints.

use ilk_core::job::{Job, SimilarityJob};
use ilk_core::{measure::Measure, weighting::Weighting};
use ilk_engine::{Lists, PartialSource, Setting, TargetSource};
use serde::Serialize;

use super::{budget::Budget, layers::Layers, record::Publishing};
use crate::{
    error::Error,
    memory::{self, Bytes},
    text::{Align, Table},
};

/// The origin of what nothing says.
const DEFAULT: &str = "default";

/// Lists the settings of a second behaviour, if there is one.
fn of_target(target: &TargetSource) -> Vec<(&'static str, Option<String>)> {
    if !target.is_given() {
        return Vec::new();
    }
    let conditions = target.conditions.iter().map(ToString::to_string).collect::<Vec<_>>();
    vec![
        ("target", Some(target.input.join(", "))),
        ("target_user", target.user.clone()),
        ("target_item", target.item.clone()),
        ("target_weight", target.weight.clone()),
        ("target_time", target.time.clone()),
        ("target_where", (!conditions.is_empty()).then(|| conditions.join(", "))),
    ]
}

/// Lists what becomes of what is there already.
fn of_publishing(publishing: Publishing) -> [(&'static str, Option<String>); 8] {
    let Publishing {
        overwrite,
        keep,
        report,
        restart_if_changed,
        csv_safe,
        min_rows,
        max_change,
        out_format,
    } = publishing;
    [
        ("overwrite", Some(overwrite.to_string())),
        ("keep", keep.map(|keep| keep.to_string())),
        ("report", report.map(|report| report.display().to_string())),
        ("restart_if_changed", Some(restart_if_changed.to_string())),
        ("csv_safe", Some(csv_safe.to_string())),
        ("min_rows", min_rows.map(|rows| rows.to_string())),
        ("max_change", max_change.map(|share| share.to_string())),
        ("out_format", out_format.map(|format| format.to_string())),
    ]
}

impl Layers {
    /// Lists every setting in force: data source, job, lists, output.
    ///
    /// # Errors
    /// For a setting that cannot be.
    pub(crate) fn list(&self) -> Result<Vec<Setting>, Error> {
        let source = self.source()?;
        let job = self.resolve()?;
        let lists: Lists = self.get("lists")?;
        let mut list = Vec::new();
        let mut add = |group: &str, name: &'static str, value: Option<String>| {
            let origin = self.origin(&format!("{group}.{name}"));
            let origin = origin.or_else(|| {
                let preset = self.origin(&format!("preset.{name}"));
                preset.filter(|_| group == "job")
            });
            list.push(Setting {
                name: name.into(),
                value: value.unwrap_or_else(|| "–".into()),
                origin: origin.unwrap_or_else(|| DEFAULT.into()),
            });
        };
        let texts = |texts: &[String]| (!texts.is_empty()).then(|| texts.join(", "));
        add("source", "input", texts(&source.input));
        for (name, column) in [
            ("user", &source.user),
            ("item", &source.item),
            ("weight", &source.weight),
            ("time", &source.time),
            ("item_label", &source.item_label),
        ] {
            add("source", name, column.clone());
        }
        if !source.labels.is_empty() {
            add("source", "labels", texts(&source.labels));
            add("source", "label_id", source.label_id.clone());
            add("source", "label", source.label.clone());
        }
        if source.group.is_some() {
            add("source", "group", source.group.clone());
        }
        for (name, value) in of_target(&source.target) {
            add("source", name, value);
        }
        add(
            "source",
            "item_separator",
            source.item_separator.as_ref().map(|text| format!("{text:?}")),
        );
        add("source", "time_unit", Some(source.time_unit.unwrap_or_default().to_string()));
        add("source", "time_format", source.time_format.as_ref().map(ToString::to_string));
        let format = source.input_format.map_or("detected", ilk_formats::FileFormat::name);
        add("source", "input_format", Some(format.into()));
        add("source", "ignore_table_format", Some(source.ignore_table_format.to_string()));
        let conditions: Vec<_> = source.conditions.iter().map(ToString::to_string).collect();
        add("source", "where", texts(&conditions));
        if source.csv.delimiter.is_none() {
            add("source", "delimiter", Some("detected".into()));
        }
        let mut said = source.csv.said();
        said.retain(|(name, _)| *name != "null");
        said.extend(texts(&source.csv.null).map(|null| ("null", null)));
        for (name, value) in said {
            add("source", name, Some(value));
        }
        add("job", "like", self.job()?.like.map(|like| like.to_string()));
        for (name, value) in job_values(&job, &self.job()?) {
            add("job", name, value);
        }
        for (name, files) in
            [("only", &lists.only), ("exclude", &lists.exclude), ("for", &lists.targets)]
        {
            let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            add("lists", name, texts(&files));
        }
        if lists.rule().is_some() {
            add("lists", "within", Some(lists.within.to_string()));
            add("lists", "max_per_group", lists.max_per_group.map(|most| most.to_string()));
        }
        let out: Option<std::path::PathBuf> = self.get("output.out")?;
        add("output", "out", out.map(|out| out.display().to_string()));
        let run_dir: Option<std::path::PathBuf> = self.get("output.run_dir")?;
        add("output", "run_dir", run_dir.map(|folder| folder.display().to_string()));
        for (name, value) in of_publishing(self.publishing()?) {
            add("output", name, value);
        }
        let threads = self.threads()?;
        let threads = threads.map_or_else(|| "one per core".into(), |threads| threads.to_string());
        add("work", "threads", Some(threads));
        let memory = self.memory()?;
        add("work", "memory", Some(memory.map_or_else(|| "70 % of RAM".into(), String::from)));
        let shard_size = self.shard_size()?.unwrap_or(memory::Allowance::SHARD);
        add("work", "shard_size", Some(shard_size.into()));
        let Budget { time, hard, memory, cost, disk, price_per_hour } = self.budget()?;
        for (name, value) in [
            ("budget_time", time.map(|time| time.to_string())),
            ("budget_hard", Some(hard.to_string())),
            ("budget_memory", memory.map(String::from)),
            ("max_disk", disk.map(String::from)),
            ("budget_cost", cost.map(|cost| cost.to_string())),
            ("price_per_hour", price_per_hour.map(|price| price.to_string())),
        ] {
            add("budget", name, value);
        }
        Ok(list)
    }

    /// Writes the settings as a table no wider than `width`.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub(crate) fn table(&self, width: usize) -> Result<String, Error> {
        let mut table =
            Table::new([("setting", Align::Left), ("value", Align::Left), ("origin", Align::Left)]);
        if let Some(choice) = &self.datasource {
            table.row(["datasource".into(), choice.name.clone(), choice.origin.clone()]);
        }
        for setting in self.list()? {
            table.row([setting.name, setting.value, setting.origin]);
        }
        Ok(table.render(width))
    }

    /// Writes a job file that gives these settings, from the folder it is written in.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub(crate) fn to_toml(&self) -> Result<String, Error> {
        // What cannot run is not worth a file.
        self.resolve()?;
        self.toml_of(self.job()?, self.source()?, self.get("lists")?)
    }

    /// Writes a job file of these settings for another job on `source` with `lists`.
    ///
    /// # Errors
    /// For a value of the wrong type.
    pub(crate) fn toml_of(
        &self,
        job: SimilarityJob,
        source: PartialSource,
        lists: Lists,
    ) -> Result<String, Error> {
        let chosen = self.datasource.as_ref();
        let name = chosen.map_or_else(|| "data".into(), |choice| choice.name.clone());
        let file = File {
            datasource: [(name.as_str(), source)].into(),
            job: JobTable {
                datasource: &name,
                out: self.get("output.out")?,
                run_dir: self.get("output.run_dir")?,
                threads: self.threads()?.map(std::num::NonZeroUsize::get),
                memory: self.memory()?,
                shard_size: self.shard_size()?,
                budget: self.budget()?,
                publishing: self.publishing()?,
                lists,
                job,
            },
        };
        toml::to_string_pretty(&file).map_err(|error| Error::internal(error.to_string()))
    }
}

#[derive(Serialize)]
struct File<'a> {
    datasource: std::collections::BTreeMap<&'a str, PartialSource>,
    job: JobTable<'a>,
}

#[derive(Serialize)]
struct JobTable<'a> {
    datasource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<std::path::PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_dir: Option<std::path::PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard_size: Option<Bytes>,
    #[serde(flatten)]
    budget: Budget,
    #[serde(flatten)]
    publishing: Publishing,
    #[serde(flatten)]
    lists: Lists,
    #[serde(flatten)]
    job: SimilarityJob,
}

/// Lists the decided job, with the parameters its measure and weighting have.
fn job_values(job: &Job, written: &SimilarityJob) -> Vec<(&'static str, Option<String>)> {
    let mut values =
        vec![("of", Some(job.of.to_string())), ("measure", Some(job.measure.name().to_string()))];
    let number = |number: f64| Some(number.to_string());
    match job.measure {
        Measure::Tversky { alpha, beta } => {
            values.extend([("alpha", number(alpha)), ("beta", number(beta))]);
        }
        Measure::AsymmetricCosine { alpha } | Measure::Conditional { alpha } => {
            values.push(("alpha", number(alpha)));
        }
        Measure::Lift { kappa } => values.push(("kappa", number(kappa))),
        _ => {}
    }
    values.push(("weighting", Some(job.weighting.name().to_string())));
    match job.weighting {
        Weighting::Bm25 { k1, b, .. } => values.extend([("k1", number(k1)), ("b", number(b))]),
        Weighting::Decay { .. } => {
            let now = written.now.clone().unwrap_or_else(|| "the newest time".into());
            values.extend([("half_life", written.half_life.clone()), ("now", Some(now))]);
        }
        Weighting::Raw | Weighting::Centred(_) => {
            values.push(("center", Some(job.weighting.center().to_string())));
        }
        _ => {}
    }
    values.extend([
        ("top", Some(job.top.to_string())),
        ("min_support", Some(job.min_support.to_string())),
        ("min_overlap", Some(job.min_overlap.to_string())),
        ("shrinkage", number(job.shrinkage)),
        ("pairs", Some(job.pairs.to_string())),
        ("threshold", job.threshold.map(|threshold| threshold.to_string())),
        ("duplicates", Some(job.duplicates.to_string())),
        ("negative_weights", Some(job.negative_weights.to_string())),
        ("max_items_per_user", job.max_items_per_user.map(|cap| cap.to_string())),
        // Shares are few digits; binary fractions would add noise.
        ("max_bad_rows", Some(format!("{}%", (job.max_bad_rows * 1e8).round() / 1e6))),
        ("strict", Some(job.strict.to_string())),
    ]);
    values
}
