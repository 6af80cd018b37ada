//! Tables: rows come in, the work is done step by step, the result goes out.

use std::sync::Arc;

use ilk_core::{
    cost::Layout,
    data::{TimeRule, TimeUnit},
    executor::Sequential,
    forecast::find_heavy_user,
    job::{Given, Job, Pairs},
    kernel::{NoneLeft, Task, best_without_threshold, none_listed, pairs_once},
    plan::{ItemFilter, codes_of},
    prepare::{Cleaned, Folded, Folding, Needs, Reason, Refusal, Tally, clean, encode, fold},
    result::{Catalogue, Neighbours},
};
use ilk_formats::{Feed, NeighbourStream, ReadOptions, notes_of_settings};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, job};

/// Which column is what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// The column that says who.
    pub user: String,
    /// The column that says what.
    pub item: String,
    /// The column of how much.
    pub weight: Option<String>,
    /// The column of when.
    pub time: Option<String>,
    /// The column of what items are called.
    pub item_label: Option<String>,
    /// What numbers in the column of when count; found out where absent.
    pub time_unit: Option<TimeUnit>,
    /// How times are written, in the terms of strftime; ISO 8601 where absent.
    pub time_format: Option<String>,
    /// Conditions that rows must satisfy.
    #[serde(rename = "where")]
    pub conditions: Vec<String>,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Where to look.
    pub source: Source,
    /// The job as JSON.
    pub job: String,
    /// Ids that alone may be neighbours.
    pub only: Option<Vec<String>>,
    /// Ids that may not be neighbours.
    pub exclude: Option<Vec<String>>,
    /// Ids to compute neighbours for.
    pub wanted: Option<Vec<String>>,
}

/// How far a session has got.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What it is doing.
    pub stage: &'static str,
    /// Share of the stage that is done, 0 to 1.
    pub done: f64,
    /// The result can be taken.
    pub finished: bool,
}

/// Something worth knowing about the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// For programs.
    pub code: &'static str,
    /// How many.
    pub count: u64,
    /// For people.
    pub text: String,
}

/// One table on its way to its neighbours.
pub struct Session {
    job: Job,
    needs: Needs,
    /// The conditions that rows must satisfy, as they were given.
    conditions: Vec<String>,
    lists: Lists,
    tally: Tally,
    notes: Vec<Note>,
    state: State,
}

#[derive(Default)]
struct Lists {
    only: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    wanted: Option<Vec<String>>,
}

impl Lists {
    /// Names those that there are, as requests do.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let lists = [("only", &self.only), ("exclude", &self.exclude), ("wanted", &self.wanted)];
        lists.into_iter().filter(|(_, list)| list.is_some()).map(|(name, _)| name)
    }
}

enum State {
    Reading {
        feed: Box<Feed>,
        chunks: Vec<Cleaned>,
    },
    Arranging(Box<Folded>),
    Comparing {
        task: Box<Task>,
        catalogue: Box<Catalogue>,
        filter: ItemFilter,
    },
    Finished {
        catalogue: Box<Catalogue>,
        found: Neighbours,
        stream: Box<NeighbourStream>,
    },
    /// An error was returned, or a panic unwound.
    Broken,
}

/// Tiles of a step: a job has about 512.
const TILES: usize = 4;

impl Session {
    /// Begins.
    ///
    /// # Errors
    /// For settings that cannot be.
    pub fn open(request: Request) -> Result<Self, Failure> {
        let Request { source, job: wish, only, exclude, wanted } = request;
        for (setting, column) in [("user", &source.user), ("item", &source.item)] {
            if column.is_empty() {
                let message = format!("source.{setting} is missing: name the column");
                return Err(Failure::new("setting", message));
            }
        }
        let given = Given { weight: source.weight.is_some(), time: source.time.is_some() };
        let job = job(&wish)?.resolve(given)?;
        let (unit, pattern) = (source.time_unit.unwrap_or_default(), source.time_format);
        if let Some(Err(why)) = pattern.as_deref().map(TimeRule::check_pattern) {
            return Err(Failure::new("setting", format!("source.time_format: {why}")));
        }
        let parsed = source.conditions.iter().map(|text| text.parse());
        let options = ReadOptions {
            user: source.user,
            item: source.item,
            weight: source.weight,
            time: source.time,
            item_label: source.item_label,
            conditions: parsed.collect::<Result<_, _>>()?,
            // Nobody here knows the present.
            times: TimeRule { unit, pattern, now: None },
            ..ReadOptions::default()
        };
        // A table has no CSV, and no settings of it.
        let unused = notes_of_settings(&[&options], true, &str::to_owned);
        let unused =
            unused.into_iter().map(|text| Note { code: "unused_settings", count: 1, text });
        let feed = Box::new(Feed::new("the table", options));
        Ok(Self {
            needs: Needs::of(&job, given),
            job,
            conditions: source.conditions,
            lists: Lists { only, exclude, wanted },
            tally: Tally::default(),
            notes: unused.collect(),
            state: State::Reading { feed, chunks: Vec::new() },
        })
    }

    /// Takes the next bytes of an Arrow IPC stream.
    ///
    /// # Errors
    /// For damaged bytes, columns that cannot serve, and once steps have begun.
    pub fn add(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let (mut feed, mut chunks) = match self.take() {
            State::Reading { feed, chunks } => (feed, chunks),
            State::Broken => return Err(broken()),
            _ => {
                let why = "rows come before the first step: open another session for these";
                return Err(Failure::new("unfinished", why));
            }
        };
        let (job, needs, tally) = (&self.job, self.needs, &mut self.tally);
        feed.push(bytes, &mut |rows| {
            let (chunk, of_chunk) = clean(rows, job, needs);
            chunks.push(chunk);
            tally.merge(of_chunk);
            Ok::<_, Failure>(())
        })?;
        self.state = State::Reading { feed, chunks };
        Ok(())
    }

    /// Does the next piece of work.
    ///
    /// # Errors
    /// For rows that do not make a job, and guards that refuse.
    pub fn step(&mut self) -> Result<Progress, Failure> {
        self.state = match self.take() {
            State::Reading { feed, chunks } => {
                feed.finish()?;
                State::Arranging(Box::new(self.sort(chunks)?))
            }
            State::Arranging(folded) => self.arrange(*folded)?,
            State::Comparing { task, catalogue, filter } => {
                self.compare(task, catalogue, filter)?
            }
            finished @ State::Finished { .. } => finished,
            State::Broken => return Err(broken()),
        };
        Ok(self.progress())
    }

    /// Takes the next bytes of the result; `None` after the last ones.
    ///
    /// # Errors
    /// Before it is finished.
    pub fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let State::Finished { catalogue, found, stream } = &mut self.state else {
            let why = "there is no result yet: call step until it says `finished`";
            return Err(Failure::new("unfinished", why));
        };
        Ok(stream.next(catalogue, found)?)
    }

    /// Returns what became of the rows.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Takes the state; what follows an error is that there is none.
    fn take(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Broken)
    }

    fn progress(&self) -> Progress {
        let (stage, done) = match &self.state {
            State::Reading { .. } | State::Broken => ("sorting", 0.0),
            State::Arranging(_) => ("arranging", 0.0),
            State::Comparing { task, .. } => ("comparing", task.done()),
            State::Finished { .. } => {
                return Progress { stage: "comparing", done: 1.0, finished: true };
            }
        };
        Progress { stage, done, finished: false }
    }

    fn sort(&mut self, chunks: Vec<Cleaned>) -> Result<Folded, Failure> {
        self.note("rows", self.tally.rows, "rows read".into());
        for reason in Reason::ALL {
            let rows = self.tally.count(reason);
            if rows > 0 {
                let first = self.tally.samples.iter().find(|row| row.reason == reason);
                let text =
                    first.map_or_else(String::new, |row| format!("; the first is row {}", row.row));
                self.note(reason.name(), rows, format!("rows set aside as {reason}{text}"));
            }
        }
        if self.tally.rows == 0 {
            return Err(Failure::new("no_rows", "there are no rows: add a table before stepping"));
        }
        self.tally.check(&self.job)?;
        self.tally.check_kept().map_err(|none| self.nothing_kept(none))?;
        let folded = fold(encode(chunks, &Sequential)?, &self.job, self.needs, &Sequential);
        let Folding { netted_away, capped_users, rare_items, emptied_users, .. } = folded.folding;
        for (code, count, text) in [
            ("netted_away", netted_away, "pairs netted to zero or less"),
            ("capped_users", capped_users, "users with more items than the cap"),
            ("rare_items", rare_items, "items below min_support"),
            ("emptied_users", emptied_users, "users left without items"),
            (
                "repeated_ratings",
                folded.folding.repeated_ratings(&self.job),
                "repeated ratings added up; name a time column so that the last one counts",
            ),
        ] {
            if count > 0 {
                self.note(code, count, text.into());
            }
        }
        if let Some(half_lives) = self.tally.vanishing_half_lives(&self.job) {
            let text = "half-lives since the oldest row, whose weight vanishes";
            self.note("vanishing_weights", half_lives, text.into());
        }
        if let Some(heavy) = find_heavy_user(folded.interactions.degrees())
            && self.lists.wanted.is_none()
        {
            return Err(Failure::new(
                "refused",
                format!(
                    "user {} has {} items, which alone take {} pair operations: set \
                     max_items_per_user to {}",
                    folded.others.display(heavy.user),
                    heavy.items,
                    heavy.operations,
                    heavy.cap
                ),
            ));
        }
        Ok(folded)
    }

    /// Says which settings took the rows, if conditions did.
    fn nothing_kept(&self, none: Refusal) -> Failure {
        if self.tally.count(Reason::Filtered) == 0 {
            return none.into();
        }
        let conditions = self.conditions.join(" and ");
        Failure::new("refused", format!("{none}; change the conditions of where: {conditions}"))
    }

    fn arrange(&mut self, folded: Folded) -> Result<State, Failure> {
        let filter = self.filter(&folded)?;
        let Folded { interactions, catalogue, .. } = folded;
        let task = Task::new(&interactions, &self.job, &filter, Layout::default(), &Sequential);
        Ok(State::Comparing { task: Box::new(task), catalogue: Box::new(catalogue), filter })
    }

    /// Computes some tiles; takes the neighbours out after the last.
    fn compare(
        &self,
        mut task: Box<Task>,
        catalogue: Box<Catalogue>,
        filter: ItemFilter,
    ) -> Result<State, Failure> {
        task.advance(TILES, &Sequential);
        if !task.is_complete() {
            return Ok(State::Comparing { task, catalogue, filter });
        }
        let matrix = Arc::clone(task.matrix());
        let found = task.finish(&Sequential);
        if found.is_empty()
            && let Some(none) = NoneLeft::of(&self.job, self.lists.names(), "")
        {
            let (supports, job) = (&catalogue.supports, &self.job);
            return Err(none
                .with_best(|| best_without_threshold(&matrix, supports, job, &filter, &Sequential))
                .into());
        }
        let found = match self.job.pairs {
            Pairs::Both => found,
            Pairs::Once => pairs_once(&found, &Sequential),
        };
        let stream = Box::new(NeighbourStream::new(&catalogue)?);
        Ok(State::Finished { catalogue, found, stream })
    }

    fn filter(&mut self, folded: &Folded) -> Result<ItemFilter, Failure> {
        let ids = &folded.catalogue.ids;
        let mut unknown = Vec::new();
        let mut codes = |name: &'static str, list: &Option<Vec<String>>| {
            let Some(list) = list else { return Ok(None) };
            let (codes, not_there) = codes_of(ids, list.iter().map(String::as_str));
            unknown.push((name, not_there.len() as u64));
            if codes.is_empty() && !list.is_empty() && name != "exclude" {
                return Err(Failure::new("refused", none_listed(name, list, ids).to_string()));
            }
            Ok(Some(codes))
        };
        let lists = &self.lists;
        let only = codes("only", &lists.only)?;
        let exclude = codes("exclude", &lists.exclude)?;
        let wanted = codes("wanted", &lists.wanted)?;
        for (name, count) in unknown.into_iter().filter(|(_, count)| *count > 0) {
            self.note("unknown_ids", count, format!("IDs of {name} that are not in the data"));
        }
        Ok(ItemFilter::new(ids.len(), only.as_deref(), exclude.as_deref(), wanted.as_deref()))
    }

    fn note(&mut self, code: &'static str, count: u64, text: String) {
        self.notes.push(Note { code, count, text });
    }
}

fn broken() -> Failure {
    Failure::new("unfinished", "the session failed before: open another one")
}
