//! How the program tells what happens: one layer prints the engine's events to stderr, as a few calm
//! lines for people or as JSON for machines. Bars, for what takes longer than a second on a
//! terminal, stand beside them.

use std::{
    fmt::{self, Display},
    io::{self, IsTerminal as _, Write as _},
    sync::Arc,
};

use ilk_engine::progress::{Bar, Bars, Reporter, TARGET, Telling, Ticker};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::{Event, Subscriber, field::Field};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt as _},
    registry,
};

use crate::{
    bar::PatientBar,
    text::{hung, width_of_notes},
};

/// How progress and errors are written to stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// Whether to print only errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// Print only errors.
    Yes,
    /// Print progress too.
    No,
}

/// How much is told, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Quiet,
    Lines,
    LinesAndBars,
    Events,
}

/// Columns that the names of lines take up, with the space after them.
const MARGIN: usize = 11;

impl Voice {
    /// Chooses: `--quiet` silences everything, `--log json` turns lines into events.
    pub(crate) fn of(format: LogFormat, quiet: Quiet) -> Self {
        match (format, quiet) {
            (_, Quiet::Yes) => Self::Quiet,
            (LogFormat::Json, Quiet::No) => Self::Events,
            (LogFormat::Text, Quiet::No) if io::stderr().is_terminal() => Self::LinesAndBars,
            (LogFormat::Text, Quiet::No) => Self::Lines,
        }
    }

    /// Returns whether lines for people are told.
    pub(crate) const fn speaks_to_people(self) -> bool {
        matches!(self, Self::Lines | Self::LinesAndBars)
    }

    /// Begins to print what is told, once in a process.
    pub(crate) fn reporter(self) -> Reporter {
        // The first subscriber of a process prints; others find one there.
        let _ = tracing::subscriber::set_global_default(registry().with(Printer { voice: self }));
        match self {
            Self::Quiet => Reporter::new(Telling::Nothing),
            Self::Lines => Reporter::new(Telling::All),
            Self::LinesAndBars => Reporter::new(Telling::All).with_bars(Arc::new(OnTerminal)),
            Self::Events => Reporter::new(Telling::All).with_bars(Arc::new(OfEvents)),
        }
    }
}

/// Bars on a terminal.
#[derive(Debug)]
struct OnTerminal;

impl Bars for OnTerminal {
    fn begin(&self, name: &'static str, total: Option<u64>) -> Box<dyn Bar> {
        Box::new(PatientBar::start(name, total))
    }
}

/// Events in the place of bars.
#[derive(Debug)]
struct OfEvents;

impl Bars for OfEvents {
    fn begin(&self, name: &'static str, total: Option<u64>) -> Box<dyn Bar> {
        Box::new(Ticker::start(name, total))
    }
}

/// Prints events to stderr.
struct Printer {
    voice: Voice,
}

impl<S: Subscriber> Layer<S> for Printer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != TARGET {
            return;
        }
        let mut told = Told::default();
        event.record(&mut told);
        match self.voice {
            Voice::Events => say(&stamped(told.into_json())),
            _ => told.say(),
        }
    }
}

/// The fields of an event.
#[derive(Default)]
struct Told {
    event: String,
    name: String,
    message: String,
    record: String,
}

impl tracing::field::Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let place = match field.name() {
            "event" => &mut self.event,
            "name" => &mut self.name,
            "message" => &mut self.message,
            "record" => &mut self.record,
            _ => return,
        };
        *place = format!("{value:?}");
    }
}

impl Told {
    /// Writes the line that people read, if there is one.
    fn say(&self) {
        match self.event.as_str() {
            "stage_started" | "progress" => {}
            "row" => {
                say(&hung(&" ".repeat(MARGIN + 1), &self.message, width_of_notes()));
            }
            // What a report sums up is not told.
            _ if self.message.is_empty() => {}
            _ => say_named(&self.name, &self.message),
        }
    }

    /// Returns the object that machines read.
    fn into_json(self) -> Value {
        let record = serde_json::from_str(&self.record);
        let mut record: Map<String, Value> = record.unwrap_or_default();
        // Cells say all there is of a row; people read of the seconds in the message.
        let has_message = !self.message.is_empty() && self.event != "row";
        if has_message && !record.contains_key("message") {
            record.insert("message".into(), json!(self.message));
        }
        record.insert("event".into(), json!(self.event));
        record.insert("name".into(), json!(self.name));
        Value::Object(record)
    }
}

/// Adds to an event when it happened.
pub(crate) fn stamped(mut event: Value) -> Value {
    event["timestamp"] = json!(format!("{:.3}", Timestamp::now()));
    event
}

/// Writes one line to stderr; if that is closed, nobody listens.
fn say(line: &dyn Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes text with its name before it: names stand in a column of their own.
fn say_named(name: &str, text: &str) {
    let name = format!("{:<width$}", name.replace('_', " "), width = MARGIN - 1);
    let name = console::style(name).for_stderr().dim().to_string();
    say(&hung(&name, text, width_of_notes()));
}
