//! `ilk explore`: the notebook with a sample of your data.

use clap::ArgMatches;
use ilk_core::{data::TextList, job::Job};
use ilk_formats::{Guess, OutputFormat, guess_columns};
use serde_json::{Value, json};

use super::{
    inspect::{complete, schema_of},
    sample::rate_text,
};
use ilk_engine::{files::Files, is_stdout};

use crate::{
    cli::{ExploreArgs, call_of},
    drawing::{Drawn, Left, Size},
    error::Error,
    explore::{Access, Batches, Explored, Listening, Terms, are_there},
    inputs, interrupt,
    lists::IdLists,
    pool::Pool,
    progress::Reporter,
    settings::{DataSource, Layers, PartialSource},
    stdout,
    text::{counted, grouped},
};

/// Rows that a browser holds with ease, and compares in a few seconds.
const MOST_ROWS: usize = 2_000_000;

/// Draws a sample, and serves the notebook with it until the program is ended.
///
/// # Errors
/// For input that cannot be read, and an address that cannot be listened on.
pub(crate) fn explore(
    args: &ExploreArgs,
    matches: &ArgMatches,
    reporter: &Reporter,
) -> Result<(), Error> {
    if !are_there() {
        return Err(Error::input("this program was built without the notebook")
            .with_help("run `cargo xtask web` in the checkout, then rebuild the program"));
    }
    let layers = args.layers(matches)?.of_call(call_of("explore", matches));
    let out = layers.out()?.unwrap_or_else(|| "similar.parquet".into());
    if is_stdout(&out) {
        return Err(Error::input("`ilk explore` prints no table, so --out - has no effect")
            .with_help("name the output of the full run, as in --out similar.parquet"));
    }
    let (job, wish) = (layers.resolve()?, layers.job()?);
    let partial = layers.checked_source()?;
    let source = source_of(&layers, &partial)?;
    let lists = lists(&layers, &source, &job)?;
    source.target.refuse("`ilk explore` is", "the notebook compares the items of one behaviour")?;
    if source.group.is_some() {
        reporter.note("groups apply to the full run; the notebook compares items of all groups");
    }
    if source.label.is_some() {
        reporter.note("--labels names the items in the full run; the notebook shows IDs");
    }
    // An address that is not available is reported before any work.
    let listening = Listening::at(&args.server.listen)?;
    let files = Files::open(&source, None, reporter)?;
    let pool = Pool::new(layers.threads()?)?;
    let drawn = Drawn::draw(size_of(args), &files, job.of, &pool, reporter)?;
    if drawn.rows() == 0 {
        return Err(no_rows(&drawn));
    }
    let mut sample = Vec::new();
    drawn.write(OutputFormat::Parquet.into(), &files, drawn.kinds(&files)?, &mut sample)?;
    let rate = drawn.sample.rate();
    let what =
        if rate < 1.0 { format!("{} of the users: ", rate_text(rate)) } else { String::new() };
    let rows = counted(drawn.rows(), "row");
    reporter.count(
        "sampled",
        format!("{what}{rows} of {}{}", grouped(drawn.all), left_text(drawn.left)),
        &[("rows", drawn.rows())],
    );

    let setup = json!({
        "name": name_of(&source),
        "inputs": source.input,
        "where": source.conditions,
        "delimiter": source.csv.delimiter,
        "item_separator": source.item_separator,
        "time_unit": source.time_unit,
        "time_format": source.time_format,
        "input_format": source.input_format,
        "ignore_table_format": source.ignore_table_format,
        "columns": {
            "user": source.user,
            "item": source.item,
            "weight": source.weight,
            "time": source.time,
            "item_label": source.item_label,
        },
        "job": wish,
        "lists": lists,
        "rate": rate,
        "rows": drawn.all,
        "sampledRows": drawn.rows(),
        "left": { "unreadable": drawn.left.unreadable, "ofNobody": drawn.left.of_nobody },
        "users": args.size.users,
    });
    drop(drawn);
    let access = Access::new(listening.address, &args.server.listen)?;
    let url = access.url();
    let explored = Explored {
        access,
        setup: setup.to_string().into(),
        sample: sample.into(),
        batches: Batches::new(Terms { source: partial, flags: flags(&layers)?, out }),
    };
    announce(&url, &listening, args, reporter)?;
    listening.serve(explored)
}

/// Explains why no row was drawn.
fn no_rows(drawn: &Drawn) -> Error {
    let Left { unreadable, of_nobody } = drawn.left;
    if unreadable + of_nobody < drawn.all {
        return Error::input("the sample contains no users")
            .with_help("take more users with --rate or --users");
    }
    let rows = counted(drawn.all, "row");
    Error::input(format!("none of the {rows} is usable{}", left_text(drawn.left)))
        .with_help("`ilk inspect` shows the first rows of each reason")
}

/// Counts the rows that are in no sample.
fn left_text(Left { unreadable, of_nobody }: Left) -> String {
    let parts = [(unreadable, "unreadable"), (of_nobody, "without a user")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let texts = parts.map(|(count, what)| format!("{} {what}", grouped(count)));
    let texts = texts.collect::<Vec<_>>();
    if texts.is_empty() { String::new() } else { format!(": {}", texts.join(", ")) }
}

/// Prints the address, and opens it in a browser.
fn announce(
    url: &str,
    listening: &Listening,
    args: &ExploreArgs,
    reporter: &Reporter,
) -> Result<(), Error> {
    if !listening.address.ip().is_loopback() {
        reporter.note(
            "other machines can reach the notebook: anyone who has its address can read the sample \
             and start the job, and the traffic is not encrypted",
        );
    }
    stdout::print(|out| writeln!(out, "{url}"))?;
    if !args.server.no_open && opener::open_browser(url).is_err() {
        reporter.note("could not open a browser: open the address above");
    }
    interrupt::forget_farewell();
    reporter.note("serving the notebook; stop with Ctrl-C");
    Ok(())
}

/// Takes the columns that were named, and guesses the others as `ilk inspect` does.
fn source_of(layers: &Layers, partial: &PartialSource) -> Result<DataSource, Error> {
    if partial.input.is_empty() {
        return Err(Error::input("missing: INPUT").with_help("as in `ilk explore orders.parquet`"));
    }
    let is_named = partial.user.is_some() && partial.item.is_some();
    let guess = if is_named {
        Guess::default()
    } else {
        let files = inputs::resolve(&partial.input, partial.table_formats())?.files;
        guess_columns(&schema_of(&files[0], partial)?)
    };
    complete(partial, &guess).ok_or_else(|| {
        Error::input("cannot infer the user and item columns").with_help(format!(
            "name them: --user COL --item COL; `{}` lists the columns",
            layers.call().inspect()
        ))
    })
}

/// How large a sample is wanted; one that fits the browser unless people say so.
fn size_of(args: &ExploreArgs) -> Size {
    match (args.size.rate, args.size.users) {
        (_, Some(users)) => Size::Users(users.get() as usize),
        (Some(rate), None) => Size::Rate(rate),
        (None, None) => Size::Rows(MOST_ROWS),
    }
}

/// What the page calls the data.
fn name_of(source: &DataSource) -> String {
    let [first, others @ ..] = &source.input[..] else { return String::new() };
    let trimmed = first.trim_end_matches('/');
    let name = trimmed.rsplit('/').next().unwrap_or(trimmed);
    match others.len() {
        0 => name.into(),
        more => format!("{name} and {more} more"),
    }
}

/// The lists of ids, for the page to compute what the full run would: of each its files and its
/// ids.
fn lists(layers: &Layers, source: &DataSource, job: &Job) -> Result<Value, Error> {
    let files = layers.lists()?;
    let ids = IdLists::read(&files, source, job)?;
    let list = |(name, ids): (&str, &TextList)| {
        let files = match name {
            "only" => &files.only,
            "exclude" => &files.exclude,
            _ => &files.targets,
        };
        let files = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        (name.to_owned(), json!({ "files": files, "ids": ids.iter().collect::<Vec<_>>() }))
    };
    Ok(Value::Object(ids.named().map(list).collect()))
}

/// The flags of the full run that the page does not decide.
fn flags(layers: &Layers) -> Result<Vec<String>, Error> {
    let lists = layers.lists()?;
    let (within, most) = (lists.within, lists.max_per_group);
    let lists = [("only", lists.only), ("exclude", lists.exclude), ("for", lists.targets)];
    let lists = lists.into_iter().flat_map(|(name, paths)| {
        paths.into_iter().map(move |path| format!("--{name}={}", path.display()))
    });
    let threads = layers.threads()?.map(|threads| format!("--threads={threads}"));
    let memory = layers.memory()?.map(|memory| format!("--memory={}", String::from(memory)));
    let shard = layers.shard_size()?.map(|size| format!("--shard-size={}", String::from(size)));
    let PartialSource { labels, label_id, label, group, .. } = layers.source()?;
    let labels = labels.into_iter().map(|path| format!("--labels={path}"));
    let labels = labels
        .chain(label_id.map(|column| format!("--label-id={column}")))
        .chain(label.map(|column| format!("--label={column}")))
        .chain(group.map(|column| format!("--group={column}")))
        .chain(within.then(|| "--within".into()))
        .chain(most.map(|most| format!("--max-per-group={most}")));
    Ok(lists.chain(labels).chain(threads).chain(memory).chain(shard).collect())
}
