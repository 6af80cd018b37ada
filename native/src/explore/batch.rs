//! The full run: `ilk run` in a process of its own. The end of its standard input stops it: when a
//! person cancels, and when this process ends in any way.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use ilk_core::job::SimilarityJob;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    cli,
    error::{Error, reason},
    interrupt::END_WITH_STDIN,
    settings::PartialSource,
    text::quoted,
};

/// What the page asks to be run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Which column is what.
    pub(crate) columns: Columns,
    /// What to compute.
    pub(crate) job: SimilarityJob,
}

/// Which column is what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Columns {
    /// Who.
    pub(crate) user: String,
    /// What.
    pub(crate) item: String,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weight: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    /// What the item is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item_label: Option<String>,
}

/// What every batch has in common, whatever the page asks.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Inputs, conditions and delimiter; its columns are not used.
    pub(crate) source: PartialSource,
    /// Other flags, such as threads and lists.
    pub(crate) flags: Vec<String>,
    /// Where the result goes; further ones beside it, with a number.
    pub(crate) out: PathBuf,
}

/// Batches, one at a time.
#[derive(Debug)]
pub(crate) struct Batches {
    terms: Terms,
    last: Arc<Mutex<Option<Batch>>>,
}

/// A batch that was begun.
#[derive(Debug)]
struct Batch {
    told: Told,
    begun: Instant,
    /// Closed to end it.
    leash: Option<ChildStdin>,
    report: PathBuf,
}

/// What the page is told of a batch.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told {
    state: State,
    wish: Wish,
    /// As people would type it.
    command: String,
    out: String,
    seconds: f64,
    stages: Vec<Stage>,
    notes: Vec<String>,
    error: Option<Failure>,
}

/// How a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Done,
    Cancelled,
    Failed,
}

/// A stage of a batch.
#[derive(Clone, Debug, Serialize)]
struct Stage {
    name: String,
    /// Share that is done, 0 to 1, where that is known.
    done: Option<f64>,
    /// What came of it, once it is over.
    message: Option<String>,
    seconds: Option<f64>,
}

/// Why a batch failed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Failure {
    message: String,
    #[serde(default)]
    help: Option<String>,
}

/// There is a batch under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Batches {
    /// Begins with none.
    pub(crate) fn new(terms: Terms) -> Self {
        Self { terms, last: Arc::default() }
    }

    fn last(&self) -> MutexGuard<'_, Option<Batch>> {
        lock(&self.last)
    }

    /// Returns the state of the last batch; `None` where none was begun.
    pub(crate) fn told(&self) -> Option<Told> {
        self.last().as_ref().map(|batch| {
            let mut told = batch.told.clone();
            if told.state == State::Running {
                told.seconds = batch.begun.elapsed().as_secs_f64();
            }
            told
        })
    }

    /// Reads the report of the last batch, once that is done.
    pub(crate) fn report(&self) -> Option<Vec<u8>> {
        let last = self.last();
        let done = last.as_ref().filter(|batch| batch.told.state == State::Done)?;
        fs::read(&done.report).ok()
    }

    /// Begins a batch.
    ///
    /// # Errors
    /// Where one is under way. One that cannot be begun is told as failed.
    pub(crate) fn begin(&self, wish: Wish) -> Result<(), Busy> {
        let mut last = self.last();
        if last.as_ref().is_some_and(|batch| batch.told.state == State::Running) {
            return Err(Busy);
        }
        let (out, report) = free_places(&self.terms.out);
        let arguments = arguments(&wish, &self.terms, &out);
        let told = Told {
            state: State::Running,
            wish,
            command: command_text(&arguments),
            out: out.display().to_string(),
            seconds: 0.0,
            stages: Vec::new(),
            notes: Vec::new(),
            error: None,
        };
        let mut batch = Batch { told, begun: Instant::now(), leash: None, report };
        match start(&arguments, &batch.report) {
            Ok(mut child) => {
                batch.leash = child.stdin.take();
                let shared = Arc::clone(&self.last);
                // The page asks; a thread listens to the child.
                thread::spawn(move || follow(child, &shared));
            }
            Err(error) => batch.fail(&error),
        }
        *last = Some(batch);
        Ok(())
    }

    /// Ends the batch that is under way, if there is one.
    pub(crate) fn cancel(&self) {
        if let Some(batch) = &mut *self.last() {
            drop(batch.leash.take());
        }
    }
}

fn lock(last: &Mutex<Option<Batch>>) -> MutexGuard<'_, Option<Batch>> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Batch {
    fn fail(&mut self, error: &Error) {
        self.told.state = State::Failed;
        let help = error.help().map(Into::into);
        self.told.error = Some(Failure { message: error.message().into(), help });
    }

    /// Takes in an event of the child's.
    fn hear(&mut self, event: &Map<String, Value>) {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| event.get(key).and_then(Value::as_f64);
        let stage = |stages: &mut Vec<Stage>, change: &dyn Fn(&mut Stage)| {
            let mut running = stages.iter_mut().rev();
            if let Some(stage) = running.find(|stage| stage.name == text("name")) {
                change(stage);
            }
        };
        match text("event") {
            "stage_started" => self.told.stages.push(Stage {
                name: text("name").into(),
                done: None,
                message: None,
                seconds: None,
            }),
            "progress" => stage(&mut self.told.stages, &|stage| {
                let share = number("done").zip(number("total").filter(|total| *total > 0.0));
                stage.done = share.map(|(done, total)| (done / total).min(1.0));
            }),
            "stage_finished" => stage(&mut self.told.stages, &|stage| {
                stage.message = Some(text("message").into());
                stage.seconds = number("seconds");
            }),
            "counted" | "note" => {
                let name = text("name").replace('_', " ");
                let name = if name == "note" { String::new() } else { format!("{name}: ") };
                self.told.notes.push(name + text("message"));
            }
            "error" => {
                self.told.error = serde_json::from_value(Value::Object(event.clone())).ok();
            }
            _ => {}
        }
    }

    /// Takes in how the child ended.
    fn end(&mut self, ended_well: bool) {
        let was_cancelled = self.leash.take().is_none();
        self.told.seconds = self.begun.elapsed().as_secs_f64();
        self.told.state = match (ended_well, was_cancelled) {
            (true, _) => State::Done,
            (false, true) => State::Cancelled,
            (false, false) => State::Failed,
        };
        if self.told.state == State::Failed && self.told.error.is_none() {
            let message = "the run ended without an error message".into();
            let help = Some("run its command in a terminal for details".into());
            self.told.error = Some(Failure { message, help });
        }
    }
}

/// Starts `ilk run` with what it tells on a pipe.
fn start(arguments: &[String], report: &Path) -> Result<Child, Error> {
    let program = env::current_exe();
    let mut command = Command::new(program.unwrap_or_else(|_| "ilk".into()));
    // What the page does not say is not to come from variables: it was shown to the page already.
    for name in cli::variables_of_jobs() {
        command.env_remove(name);
    }
    command.env(END_WITH_STDIN, "1");
    command.arg("run").args(["--log=json", "--report"]).arg(report);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|error| Error::input(format!("cannot start a run: {}", reason(&error))))
}

/// Listens to the child until it ends.
fn follow(mut child: Child, last: &Mutex<Option<Batch>>) {
    let told = child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read>);
    for line in BufReader::new(told.unwrap_or_else(|| Box::new(std::io::empty()))).lines() {
        let event = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        if let (Some(event), Some(batch)) = (event, &mut *lock(last)) {
            batch.hear(&event);
        }
    }
    let ended_well = child.wait().is_ok_and(|status| status.success());
    if let Some(batch) = &mut *lock(last) {
        batch.end(ended_well);
    }
}

/// Finds where a result and its report can be written: `similar.parquet` and `similar.html`, else
/// `similar-2.parquet` and `similar-2.html`, and so on.
fn free_places(out: &Path) -> (PathBuf, PathBuf) {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let numbered = |number: u32| {
        let stem = if number == 1 { stem.clone() } else { format!("{stem}-{number}") };
        let ending = out.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
        let result = out.with_file_name(format!("{stem}{}", ending.unwrap_or_default()));
        (result, out.with_file_name(format!("{stem}.html")))
    };
    let is_free = |(result, report): &(PathBuf, PathBuf)| !result.exists() && !report.exists();
    (1..10_000).map(numbered).find(is_free).unwrap_or_else(|| numbered(1))
}

/// The arguments of `ilk run`, as people would write them.
fn arguments(wish: &Wish, terms: &Terms, out: &Path) -> Vec<String> {
    let settings = |value: Result<Value, _>| -> BTreeMap<String, Value> {
        value.ok().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    };
    let mut arguments = Vec::new();
    let mut flag = |name: &str, value: &str| {
        arguments.push(format!("--{}={value}", name.replace('_', "-")));
    };
    let (columns, job) = (serde_json::to_value(&wish.columns), serde_json::to_value(&wish.job));
    for (name, value) in settings(columns).into_iter().chain(settings(job)) {
        match value {
            Value::Null => {}
            Value::String(text) => flag(&name, &text),
            value => flag(&name, &value.to_string()),
        }
    }
    for condition in &terms.source.conditions {
        flag("where", &condition.to_string());
    }
    for (name, value) in terms.source.csv.said() {
        flag(name, &value);
    }
    for (name, value) in terms.source.reading_flags() {
        flag(name, &value);
    }
    flag("out", &out.display().to_string());
    arguments.extend(terms.flags.iter().cloned());
    arguments.push("--".into());
    arguments.extend(terms.source.input.iter().cloned());
    arguments
}

/// The command as a shell takes it.
fn command_text(arguments: &[String]) -> String {
    let words = arguments.iter().map(|word| quoted(word));
    ["ilk".to_owned(), "run".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(out: &Path) -> Terms {
        let source = PartialSource {
            input: vec!["orders".into(), "-odd.csv".into()],
            conditions: vec!["country=FR".parse().unwrap()],
            ..PartialSource::default()
        };
        Terms { source, flags: vec!["--threads=2".into()], out: out.into() }
    }

    #[test]
    fn a_wish_becomes_the_command_people_would_type() {
        let wish: Wish = serde_json::from_value(serde_json::json!({
            "columns": { "user": "the member", "item": "sku" },
            "job": { "measure": "llr", "top": 20, "threshold": -1.5, "strict": true },
        }))
        .unwrap();
        let out = Path::new("similar.parquet");
        assert_eq!(
            command_text(&arguments(&wish, &terms(out), out)),
            "ilk run --item=sku '--user=the member' --measure=llr --strict=true --threshold=-1.5 \
             --top=20 --where=country=FR --out=similar.parquet --threads=2 -- orders -odd.csv"
        );
    }

    #[test]
    fn settings_that_no_job_has_are_refused() {
        let wish =
            |text: &str| serde_json::from_str::<Wish>(text).map_err(|error| error.to_string());
        assert!(wish(r#"{"columns":{"user":"u","item":"i"},"job":{}}"#).is_ok());
        for text in [
            r#"{"columns":{"user":"u","item":"i"},"job":{"out":"/etc/passwd"}}"#,
            r#"{"columns":{"user":"u","item":"i","input":"x"},"job":{}}"#,
            r#"{"columns":{"user":"u","item":"i"},"job":{},"flags":["--overwrite"]}"#,
            r#"{"columns":{"user":"u"},"job":{}}"#,
            "[]",
        ] {
            assert!(wish(text).is_err(), "{text}");
        }
    }

    #[test]
    fn results_go_beside_those_that_are_there() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let places = || free_places(&at("similar.parquet"));
        assert_eq!(places(), (at("similar.parquet"), at("similar.html")));
        fs::write(at("similar.html"), "").unwrap();
        assert_eq!(places(), (at("similar-2.parquet"), at("similar-2.html")));
        fs::write(at("similar-2.parquet"), "").unwrap();
        assert_eq!(places(), (at("similar-3.parquet"), at("similar-3.html")));
        assert_eq!(free_places(&at("out")), (at("out"), at("out.html")));
    }

    #[test]
    fn what_a_run_tells_becomes_stages() {
        let wish = Wish { columns: Columns::default(), job: SimilarityJob::default() };
        let told = Told {
            state: State::Running,
            wish,
            command: String::new(),
            out: String::new(),
            seconds: 0.0,
            stages: Vec::new(),
            notes: Vec::new(),
            error: None,
        };
        let mut batch = Batch { told, begun: Instant::now(), leash: None, report: PathBuf::new() };
        for line in [
            r#"{"event":"stage_started","name":"reading"}"#,
            r#"{"event":"stage_finished","name":"reading","message":"13 rows","seconds":0.5}"#,
            r#"{"event":"counted","name":"set_aside","message":"null_user: 1 row"}"#,
            r#"{"event":"stage_started","name":"comparing"}"#,
            r#"{"event":"progress","name":"comparing","done":1,"total":4}"#,
            r#"{"event":"error","kind":"input","message":"no","help":"do","exit_code":2}"#,
        ] {
            batch.hear(&serde_json::from_str(line).unwrap());
        }
        batch.leash = None;
        batch.end(false);
        let Told { state, stages, notes, error, .. } = batch.told;
        assert_eq!(state, State::Cancelled);
        assert_eq!(stages[0].message.as_deref(), Some("13 rows"));
        assert_eq!((stages[1].done, &stages[1].message), (Some(0.25), &None));
        assert_eq!(notes, ["set aside: null_user: 1 row"]);
        let error = error.unwrap();
        assert_eq!((&*error.message, error.help.as_deref()), ("no", Some("do")));
    }
}
