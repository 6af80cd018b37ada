//! `ilk sample`: the rows of some users, and how stable their neighbours are.

use std::{
    fmt::Write as _,
    io::{self, BufWriter, Write as _},
    path::Path,
};

use clap::ArgMatches;
use ilk_core::{
    insight::{Agreement, neighbours_of_part},
    job::{Job, Of},
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Folded, Sample, Tally, clean},
};
use ilk_engine::{
    files::Files,
    is_stdout, needs,
    parts::{Cleaning, check_output, heavy_user},
    place_text,
};

use super::run::check_out_format;
use crate::{
    cli::{SampleArgs, call_of},
    drawing::{Drawn, Size},
    error::Error,
    output::style_of,
    pool::Pool,
    progress::Reporter,
    publish::{self, Existing, WorkingFile},
    settings::{Layers, Settings},
    stdout,
    text::{Align, Table, counted, grouped, width},
};

const SAMPLE_EACH: &str = "sample the inputs and the target one by one, at the same --rate: the \
                           same users are drawn";

/// Writes the sample and prints how stable its neighbours are.
///
/// # Errors
/// For input that cannot be read, and output that cannot be written.
pub(crate) fn sample(
    args: &SampleArgs,
    matches: &ArgMatches,
    reporter: &Reporter,
) -> Result<(), Error> {
    let layers = args.layers(matches)?.of_call(call_of("sample", matches));
    sampled(args, &layers, reporter).map_err(|error| layers.told(error))
}

fn sampled(args: &SampleArgs, layers: &Layers, reporter: &Reporter) -> Result<(), Error> {
    let settings = layers.settings_for(Some(args.out.clone()))?;
    check_out_format(Some(&args.out), args.out_format)?;
    let style = style_of(&args.out, args.out_format)?;
    settings.source.target.refuse("`ilk sample` is", SAMPLE_EACH)?;
    let mut place = Place::begin(args)?;
    let files = Files::open(&settings.source, None, reporter)?;
    if let Place::File(_) = place {
        let lists = layers.lists()?;
        let others = lists.paths().cloned().chain(layers.file_path());
        check_output(&args.out, &settings.source, &files, others.collect())?;
    }
    let pool = Pool::new(settings.threads)?;
    let size = match (args.size.rate, args.size.users) {
        (_, Some(users)) => Size::Users(users.get() as usize),
        (rate, None) => Size::Rate(rate.unwrap_or(1.0)),
    };
    let drawn = Drawn::draw(size, &files, settings.resolved.of, &pool, reporter)?;

    let stage = reporter.stage("writing", None);
    let rows = drawn.rows();
    stage.count("rows", rows);
    let kinds = drawn.kinds(&files)?;
    let failed = |error: &io::Error| place_error(&args.out, error);
    let mut out = BufWriter::with_capacity(1 << 20, place.writer());
    let written = drawn.write(style, &files, kinds, &mut out).map_err(|error| match error {
        ilk_formats::Error::Write { source } => failed(&source),
        error => error.into(),
    });
    let written = written.and_then(|()| out.flush().map_err(|error| failed(&error)));
    // What is still in the buffer of a pipe has nowhere to go; dropping it would try once more.
    let _ = out.into_parts();
    written?;
    let told = format!("{} to {}", counted(rows, "row"), place_text(&args.out));
    match place {
        Place::Pipe(_) => {
            stage.finish(told);
            Ok(())
        }
        Place::File(working) => {
            working.publish()?;
            stage.finish(told);
            report(&settings, drawn, files.names().to_vec(), &pool, reporter)
        }
    }
}

/// Where the rows go.
enum Place {
    File(WorkingFile),
    Pipe(io::Stdout),
}

impl Place {
    /// Checks the place before any work is done.
    fn begin(args: &SampleArgs) -> Result<Self, Error> {
        if is_stdout(&args.out) {
            return Ok(Self::Pipe(io::stdout()));
        }
        let existing = if args.overwrite { Existing::Replace } else { Existing::Refuse };
        publish::remove_orphans(&args.out);
        Ok(Self::File(WorkingFile::output(&args.out, existing)?))
    }

    fn writer(&mut self) -> &mut (dyn io::Write + Send) {
        match self {
            Self::File(working) => working.file(),
            Self::Pipe(out) => out,
        }
    }
}

/// Makes an error of what the place that is written to reported.
fn place_error(out: &Path, error: &io::Error) -> Error {
    if is_stdout(out) {
        return ilk_engine::Error::stdout(error).into();
    }
    Error::file("write", out, error)
}

/// Prints the sample's size and how stable its neighbours are.
fn report(
    settings: &Settings,
    drawn: Drawn,
    names: Vec<String>,
    pool: &Pool,
    reporter: &Reporter,
) -> Result<(), Error> {
    let (job, reporter) = (&settings.resolved, &reporter.for_report());
    let needs = needs(&settings.source, job);
    let (sample, rows, all, left) = (drawn.sample, drawn.rows(), drawn.all, drawn.left);
    let (mut chunks, mut tally) = (Vec::with_capacity(drawn.chunks.len()), Tally::default());
    for rows in drawn.chunks {
        let (chunk, of_chunk) = clean(rows, job, needs);
        chunks.push(chunk);
        tally.merge(of_chunk);
    }
    let folded = Cleaning::new(chunks, tally, names).fold((job, needs), pool, reporter)?;
    let users = folded.others.len() as u64;
    let noun = if job.of == Of::Users { "item" } else { "user" };
    let mut text = format!(
        "{} of {} ({:.2} %), sampled at {}: {} with usable rows\n",
        grouped(rows),
        counted(all, "row"),
        rows as f64 * 100.0 / all as f64,
        rate_text(sample.rate()),
        counted(users, noun),
    );
    if left.unreadable > 0 {
        let _ = writeln!(
            text,
            "{} unreadable, in no sample; `ilk inspect` shows why",
            counted(left.unreadable, "row")
        );
    }
    if folded.interactions.is_empty() {
        text.push_str("nothing to compare in this sample\n");
    } else if heavy_user(&folded.interactions, &folded.others).is_some() {
        text.push_str("too much work to check how stable its neighbours are\n");
    } else {
        let stage = reporter.stage("comparing", None);
        let kept = Kept::of(&folded, sample, job, pool);
        stage.finish("parts of the sample");
        text.push_str(&kept.text(job, noun));
    }
    stdout::print_text(&text)
}

/// How far the neighbours of parts of the sample agree.
struct Kept {
    halves: Agreement,
    half: Agreement,
    quarter: Agreement,
    /// Items that were compared.
    items: usize,
}

/// What comparing the parts of a sample may take.
const COMPARED: Few = Few { items: 2_000, cost: 10_000_000_000_000 };

/// How many items stand for all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Few {
    /// At most so many.
    pub(super) items: usize,
    /// Their neighbours may take so many picoseconds of one core.
    pub(super) cost: u64,
}

impl Kept {
    fn of(folded: &Folded, sample: Sample, job: &Job, pool: &Pool) -> Self {
        let interactions = &folded.interactions;
        let hashes = (0..folded.others.len() as u32).map(|user| folded.others.hash(user));
        let hashes = hashes.collect::<Vec<_>>();
        let hash = |user: u32| hashes[user as usize];
        let asked = few(folded, job, COMPARED, pool);
        let part =
            |keep: &dyn Fn(u32) -> bool| neighbours_of_part(interactions, keep, &asked, job, pool);
        let nested = |share: f64| {
            let smaller = sample.part(share);
            part(&|user| smaller.admits(hash(user)))
        };
        let (whole, half, quarter) = (part(&|_| true), nested(0.5), nested(0.25));
        // The last bit of a hash knows nothing of the first ones, which decide on the sample.
        let (even, odd) = (part(&|user| hash(user) & 1 == 0), part(&|user| hash(user) & 1 == 1));
        Self {
            halves: Agreement::of(&even, &odd),
            half: Agreement::of(&half, &whole),
            quarter: Agreement::of(&quarter, &half),
            items: asked.len(),
        }
    }

    fn text(&self, job: &Job, noun: &str) -> String {
        let mut table = Table::new([
            ("neighbours in common", Align::Left),
            ("mean", Align::Right),
            ("95 % interval", Align::Right),
            ("items", Align::Right),
        ]);
        for (name, agreement) in [
            (format!("two halves, no {noun} in common"), self.halves),
            ("the sample and its half".into(), self.half),
            ("that half and its quarter".into(), self.quarter),
        ] {
            let Agreement { items, mean, interval: (low, high) } = agreement;
            table.row([
                name,
                format!("{:.1} %", mean * 100.0),
                format!("{:.1}–{:.1} %", low * 100.0, high * 100.0),
                grouped(items as u64),
            ]);
        }
        let mut text = String::new();
        let compared = match job.of {
            Of::Items => "item",
            Of::Users => "user",
        };
        let _ = writeln!(
            text,
            "\ntop {} of {}:\n\n{}\n{}",
            job.top,
            counted(self.items as u64, compared),
            table.render(width()),
            advice(self.halves.mean, noun)
        );
        text
    }
}

/// What two halves that agree so far mean for lists from this sample.
fn advice(mean: f64, noun: &str) -> String {
    let agree = format!("Two halves agree on {:.1} %", mean * 100.0);
    if mean < 0.3 {
        format!(
            "{agree}: lists from this sample are mostly noise;\n\
             take more {noun}s or raise --min-overlap."
        )
    } else if mean < 0.7 {
        format!("{agree}: more {noun}s would change part of each list.")
    } else {
        format!("{agree}: more {noun}s will change little.")
    }
}

/// Writes a share with three digits that matter.
pub(super) fn rate_text(rate: f64) -> String {
    let percent = rate * 100.0;
    let digits = if percent < 1.0 { 4 } else { 2 };
    let text = format!("{percent:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} %")
}

/// Picks the items whose neighbours are compared: those of the smallest hashes.
pub(super) fn few(folded: &Folded, job: &Job, limit: Few, pool: &Pool) -> Vec<u32> {
    let ids = &folded.catalogue.ids;
    let mut codes = (0..ids.len() as u32).collect::<Vec<_>>();
    codes.sort_by_cached_key(|code| (ids.hash(*code), *code));
    codes.truncate(limit.items);
    let matrix = Matrix::new(&folded.interactions, job, pool);
    let filter = ItemFilter::new(ids.len(), None, None, Some(&codes));
    let cost = Plan::of_job(&matrix, job, &filter).cost;
    if cost > limit.cost {
        // About as many as may be.
        let share = limit.cost as f64 / cost as f64;
        codes.truncate(((codes.len() as f64 * share) as usize).max(20));
    }
    codes.sort_unstable();
    codes
}
