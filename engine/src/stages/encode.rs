//! Stage `encode`: codes for ids, and one interaction of every user and item.

use ilk_core::{
    cost::Layout,
    data::DoubtfulIds,
    job::{Job, Of},
    prepare::{Cleaned as Chunk, EncodeError, Folded, Folding, encode as give_codes, fold},
    result::Catalogue,
};

use crate::{
    context::Run,
    csv::report_ids,
    data::{Data, Made, Scale},
    error::Error,
    handed::Encoded,
    keep::{CleanedFor, Ending, Keep, Step},
    pool::Pool,
    progress::Reporter,
    record::StageName,
    spill::{self, Ending as Spilled, Intake, Rows, Spiller},
    text::{counted, grouped, shortened},
};

/// Gives ids their codes and folds rows into interactions.
///
/// # Errors
/// For rows that guards refuse, ids that do not go together, damaged results, and where the disk
/// refuses.
pub(crate) fn encode<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    cleaned: CleanedFor<'r, K>,
) -> Result<Made<Encoded, K::Done>, Error> {
    if let Some(done) = keep.done(StageName::Encode) {
        return Ok(Made::Before(done));
    }
    let rows = cleaned.tally.kept();
    let mut step = keep.begin(run, (StageName::Encode, Scale::Memory), None);
    let taken = match cleaned.rows {
        Some(rows) => rows,
        None => take(run, keep, rows, &cleaned.again)?,
    };
    let encoded = match taken {
        Data::Memory(chunks) => {
            let of_job = (run.job, run.needs);
            let files = (run.names, run.target);
            let folded = in_memory(chunks, files, of_job, run.means.pool)?;
            let Folded { interactions, catalogue, others, folding } = folded;
            Encoded { folded: Data::Memory((interactions, others)), catalogue, folding }
        }
        Data::Disk(spiller) => {
            run.reporter.note(format!(
                "more than fits in {} of memory: working in files {}",
                run.means.budget.limit,
                run.means.desk.text()
            ));
            on_disk(run, keep, &step, (*spiller, &cleaned.again))?
        }
    };
    let encoded = with_labels(run, encoded)?;
    keep.encoded(run, &step, &encoded)?;
    let others = match &encoded.folded {
        Data::Memory((_, others)) => others.doubtful(),
        Data::Disk(folded) => folded.doubtful_others(),
    };
    let (size, folding) = (encoded.size(run.job.top), encoded.folding);
    let sides = (size.users as u64, size.items as u64);
    for (name, count) in [
        ("users", sides.0),
        ("items", sides.1),
        ("interactions", size.interactions as u64),
        ("events", folding.events),
        ("pairs", folding.pairs),
        ("netted_away", folding.netted_away),
        ("capped_users", folding.capped_users),
        ("capped_pairs", folding.capped_pairs),
        ("rare_items", folding.rare_items),
        ("rare_pairs", folding.rare_pairs),
        ("emptied_users", folding.emptied_users),
        // Of items that were dropped nobody counts anything.
        ("uncompared_users", if run.job.of == Of::Items { folding.emptied_users } else { 0 }),
        ("catalogue_bytes", spill::catalogue_bytes(&encoded.catalogue) as u64),
    ] {
        step.count(name, count);
    }
    if let Some(input_items) = encoded.catalogue.target {
        step.count("input_items", input_items.into());
    }
    step.clear();
    report_ids([others, doubtful_items(&encoded.catalogue)], run.job, run.reporter);
    report_folding(&folding, encoded.operations(), run.job, run.reporter);
    let pairs = size.interactions as u64;
    let text = match encoded.catalogue.target {
        None => folded_text(sides, pairs, run.job.of),
        Some(_) => joined_text(&encoded.catalogue, sides.0, pairs),
    };
    let ending = Ending { rows_in: rows, rows_out: pairs, of_stage: text.clone(), of_part: text };
    keep.finish(step, ending)?;
    Ok(Made::Now(encoded))
}

/// Adds the labels of a table of their own, if there is one.
fn with_labels(run: Run<'_>, mut encoded: Encoded) -> Result<Encoded, Error> {
    if let Some(table) = run.labels {
        let means = (run.means.pool, run.means.budget);
        encoded.catalogue.labels =
            Some(table.of_catalogue(&encoded.catalogue, means, run.reporter)?);
    }
    Ok(encoded)
}

/// Reads the kept rows, into memory if they fit; `rows`: how many there are.
fn take<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &K,
    rows: u64,
    again: &K::Again,
) -> Result<Rows, Error> {
    let intake = Intake::new(*run.means.budget, run.coming(Some(rows)), run.means.desk)?;
    keep.again(run, again, &|part, chunk| intake.add(part, chunk))?;
    Ok(intake.finish())
}

/// Encodes and folds rows in memory. `target`: the number of the first file of a second behaviour, if
/// there are two.
///
/// # Errors
/// For ids that do not go together.
pub(crate) fn in_memory(
    chunks: Vec<Chunk>,
    (names, target): (&[String], Option<u32>),
    (job, needs): (&Job, ilk_core::prepare::Needs),
    pool: &Pool,
) -> Result<Folded, Error> {
    let of_target =
        target.map(|first| chunks.iter().map(|chunk| chunk.file() >= first).collect::<Vec<_>>());
    let mixed = |error: EncodeError| mixed_ids(&error, names);
    let coded = give_codes(chunks, pool).map_err(mixed)?;
    let coded = match of_target {
        None => coded,
        Some(of_target) => coded.apart(&of_target).map_err(mixed)?,
    };
    let folded = fold(coded, job, needs, pool);
    check_behaviours(&folded)?;
    Ok(folded)
}

/// Refuses two behaviours without a user in common.
fn check_behaviours(folded: &Folded) -> Result<(), Error> {
    let interactions = &folded.interactions;
    if interactions.target().is_none() || interactions.pair_operations() > 0 {
        return Ok(());
    }
    let first = |is_of: fn(&[u32], &[u32]) -> bool| {
        let mut users = 0..interactions.users() as u32;
        let user = users.find(|user| {
            let (input, target) = interactions.split(*user);
            is_of(input, target)
        })?;
        Some(folded.others.display(user).into_owned())
    };
    Err(nobody_in_common([
        first(|input, _| !input.is_empty()),
        first(|_, target| !target.is_empty()),
    ]))
}

/// The error of two behaviours without a user in common: the ids of users are then written
/// differently, or the data is of other users. Users of both are shown.
fn nobody_in_common([input, target]: [Option<String>; 2]) -> Error {
    let error = Error::input("the input and the target have no user in common");
    match (input, target) {
        (Some(input), Some(target)) => error.with_help(format!(
            "the input has users such as `{}`, the target such as `{}`; --target-user names another column",
            shortened(&input, 40),
            shortened(&target, 40)
        )),
        _ => error.with_help("one of them has no usable rows; `ilk inspect` shows why"),
    }
}

/// Looks for ids that may be meant otherwise among the items.
pub(crate) fn doubtful_items(catalogue: &Catalogue) -> DoubtfulIds {
    catalogue.compared_ids().doubtful()
}

/// Describes the result of folding two behaviours.
fn joined_text(catalogue: &Catalogue, users: u64, interactions: u64) -> String {
    format!(
        "{} of {}, {} of the input and {} of the target",
        counted(interactions, "interaction"),
        counted(users, "user"),
        counted(catalogue.compared().len() as u64, "item"),
        grouped(catalogue.candidates().len() as u64)
    )
}

/// Folds rows that are on their way to disk. Where their ids turn out to be of another kind than
/// they looked at first, they are read once more.
fn on_disk<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &K,
    step: &Step<'_>,
    (spiller, again): (Spiller, &K::Again),
) -> Result<Encoded, Error> {
    let pool = run.means.pool;
    let mixed = |error: &EncodeError| mixed_ids(error, run.names);
    let spilled = match spiller.finish(pool, mixed)? {
        Spilled::Done(spilled) => spilled,
        Spilled::Again(spiller) => {
            run.reporter.note("the ID type changed after the first rows; reading the input again");
            keep.again(run, again, &|_, chunk| spiller.add(chunk))?;
            match spiller.finish(pool, mixed)? {
                Spilled::Done(spilled) => spilled,
                Spilled::Again(_) => {
                    return Err(Error::input("the inputs changed while they were read")
                        .with_help("run the job again when nothing writes to the inputs"));
                }
            }
        }
    };
    step.expect(spilled.work(run.job.of));
    let progress = |units| step.advance(units);
    let layout = Layout { kernel: run.means.kernel, ..Layout::default() };
    let work = run.on_disk(layout, K::RECORDING)?;
    let (folded, catalogue): (_, Catalogue) = spill::fold(*spilled, work, &progress)?;
    if catalogue.target.is_some() && folded.operations() == 0 {
        return Err(nobody_in_common(folded.examples()?));
    }
    let folding = folded.folding;
    Ok(Encoded { folded: Data::Disk(folded), catalogue, folding })
}

/// Describes the result of folding. `sides`: how many there are of those who are not compared, and
/// of those who are.
pub(crate) fn folded_text(sides: (u64, u64), interactions: u64, of: Of) -> String {
    let (users, items) = match of {
        Of::Items => sides,
        Of::Users => (sides.1, sides.0),
    };
    format!(
        "{} of {} and {}",
        counted(interactions, "interaction"),
        counted(users, "user"),
        counted(items, "item")
    )
}

/// Describes which files have ids of different types.
pub(crate) fn mixed_ids(error: &EncodeError, names: &[String]) -> Error {
    match error {
        EncodeError::MixedKinds { column, integers, text } => {
            let (integers, text) = (&names[*integers as usize], &names[*text as usize]);
            Error::input(format!("{column} ids are integers in {integers} but text in {text}"))
                .with_help(format!("write the {column} column with one type in all files"))
        }
        EncodeError::TooWide { file, .. } => {
            Error::input(format!("{error} (in {})", names[*file as usize]))
                .with_help("write the column as text")
        }
        _ => Error::input(error.to_string()),
    }
}

/// Reports what folding left out. `operations`: pair operations of what is left.
pub(crate) fn report_folding(folding: &Folding, operations: u128, job: &Job, reporter: &Reporter) {
    if folding.netted_away > 0 {
        let text =
            format!("{} whose weights sum to 0 or less", counted(folding.netted_away, "pair"));
        reporter.count("netted", text, &[("pairs", folding.netted_away)]);
    }
    let repeated = folding.repeated_ratings(job);
    if repeated > 0 {
        let text = counted(repeated, "repeated rating");
        reporter.note(format!(
            "{text} added up; name --time so that the last one counts, or say --duplicates"
        ));
    }
    if let Some(cap) = job.max_items_per_user.filter(|_| folding.capped_users > 0) {
        let saved = folding.capped_operations as f64 * 100.0
            / (folding.capped_operations + operations).max(1) as f64;
        let text = format!(
            "{} to {} ({} less, {saved:.1} % of the pair operations)",
            counted(folding.capped_users, "user"),
            counted(cap.into(), "item"),
            counted(folding.capped_pairs, "interaction")
        );
        let counts = [("users", folding.capped_users), ("interactions", folding.capped_pairs)];
        reporter.count("capped", text, &counts);
    }
    if folding.rare_items > 0 {
        let text = format!(
            "{} with fewer than {} ({}{})",
            counted(folding.rare_items, "item"),
            counted(job.min_support.into(), "user"),
            counted(folding.rare_pairs, "interaction"),
            match folding.emptied_users {
                0 => String::new(),
                users => format!(", {}", counted(users, "user")),
            }
        );
        let counts = [
            ("items", folding.rare_items),
            ("interactions", folding.rare_pairs),
            ("users", folding.emptied_users),
        ];
        reporter.count("dropped", text, &counts);
    }
}
