//! Data that was read: what became of its rows, what it looks like, samples of it, comparing it.

use std::rc::Rc;

use ilk_core::{
    forecast::{Degrees, Profile, find_heavy_user},
    job::{Given, Job, NegativeWeights, Of, SimilarityJob},
    prepare::{Encoded, Events, Folded, Needs, Reason, Tally, fold},
};
use serde::Serialize;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    climb::Climb,
    comparison::Comparison,
    error::Fault,
    records::{
        CompareRequest, LadderRequest, ReadRequest, RowRecord, RowsRecord, SampleRequest,
        SetAsideRecord, from_js, to_js,
    },
    threads::crew,
};

/// Users and items that `shape` names one by one.
const TOP: usize = 10;

/// Rows in memory, as codes. Every job can be run on them that keeps to the `negative_weights`
/// and the side (`of`) that they were read with.
#[wasm_bindgen]
pub struct Data {
    read: Read,
    given: Given,
    negative_weights: NegativeWeights,
    /// What was compared when the data was read: the other side is sampled.
    side: Of,
    /// The interactions that were folded last, with what decided them.
    folded: Option<(Fold, Rc<Folded>)>,
}

/// What reading gives.
pub(crate) struct Read {
    pub(crate) encoded: Encoded,
    pub(crate) tally: Tally,
    /// Their names, by number.
    pub(crate) files: Vec<String>,
    /// What may be read otherwise than it is meant.
    pub(crate) notes: Vec<String>,
}

/// What of a job decides the interactions.
#[derive(Clone, Debug, PartialEq)]
struct Fold {
    of: Of,
    needs: (bool, bool),
    duplicates: ilk_core::job::Duplicates,
    cap: Option<u32>,
    min_support: u32,
}

#[wasm_bindgen]
impl Data {
    /// Returns how many rows were kept and why others were set aside, with the first of them.
    ///
    /// # Errors
    /// Never.
    #[wasm_bindgen(unchecked_return_type = "RowsReport")]
    pub fn rows(&self) -> Result<JsValue, Fault> {
        let record = |reason: Reason| {
            let rows = self.read.tally.samples.iter().filter(|row| row.reason == reason);
            SetAsideRecord {
                reason: reason.name(),
                rows: self.read.tally.count(reason) as f64,
                first: rows
                    .map(|row| RowRecord {
                        file: self.read.files[row.file as usize].clone(),
                        row: row.row as f64,
                        user: row.user.clone(),
                        item: row.item.clone(),
                        detail: row.detail.clone(),
                    })
                    .collect(),
            }
        };
        let present = Reason::ALL.into_iter().filter(|reason| self.read.tally.count(*reason) > 0);
        to_js(&RowsRecord {
            rows: self.read.tally.rows as f64,
            kept: self.read.tally.kept() as f64,
            set_aside: present.map(record).collect(),
            notes: self.read.notes.clone(),
        })
    }

    /// Returns users, items, interactions, degrees, skew and the exact work of a job.
    ///
    /// # Errors
    /// For settings that cannot be, and guards of the job that refuse.
    #[wasm_bindgen(unchecked_return_type = "Shape")]
    pub fn shape(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "SimilarityJob | undefined")] job: JsValue,
    ) -> Result<JsValue, Fault> {
        let job = self.resolve(&from_js(job)?)?;
        let folded = self.folded(&job);
        to_js(&Shape::of(&folded, &job))
    }

    /// Returns the data of some of the users: of a share of them (10 % lies within 20 %), the
    /// others, or a number of them. Rows set aside are reported as those of the whole.
    ///
    /// # Errors
    /// For a sample that cannot be.
    pub fn sample(
        &self,
        #[wasm_bindgen(unchecked_param_type = "SampleRequest")] sample: JsValue,
    ) -> Result<Data, Fault> {
        let request: SampleRequest = from_js(sample)?;
        let of = self.side;
        let ids = match of {
            Of::Items => &self.read.encoded.users,
            Of::Users => &self.read.encoded.items,
        };
        let hashes = (0..ids.len() as u32).map(|code| ids.hash(code)).collect::<Vec<_>>();
        let keep = if let Some(users) = request.users()? {
            self.smallest(&hashes, users)
        } else {
            let sample = request.of_rate()?;
            hashes.iter().map(|hash| sample.admits(*hash) != request.rest).collect()
        };
        let pick = |events: &Events| {
            let rows =
                self.sampled(events).iter().enumerate().filter(|(_, code)| keep[**code as usize]);
            let rows = rows.map(|(row, _)| row).collect::<Vec<_>>();
            Events {
                user: rows.iter().map(|row| events.user[*row]).collect(),
                item: rows.iter().map(|row| events.item[*row]).collect(),
                weight: events
                    .weight
                    .as_ref()
                    .map(|all| rows.iter().map(|row| all[*row]).collect()),
                time: events.time.as_ref().map(|all| rows.iter().map(|row| all[*row]).collect()),
            }
        };
        Ok(Self {
            read: Read {
                encoded: Encoded {
                    users: self.read.encoded.users.clone(),
                    items: self.read.encoded.items.clone(),
                    labels: self.read.encoded.labels.clone(),
                    events: self.read.encoded.events.iter().map(pick).collect(),
                    target: None,
                },
                tally: self.read.tally.clone(),
                files: self.read.files.clone(),
                notes: self.read.notes.clone(),
            },
            given: self.given,
            negative_weights: self.negative_weights,
            side: of,
            folded: None,
        })
    }

    /// Begins to compare; the task's result are `Neighbours`.
    ///
    /// # Errors
    /// For settings that cannot be, and guards of the job that refuse.
    pub fn compare(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "CompareRequest | undefined")] request: JsValue,
    ) -> Result<Comparison, Fault> {
        let request: CompareRequest = from_js(request)?;
        let job = self.resolve(&request.job)?;
        self.read.tally.check_kept()?;
        Comparison::new(self.folded(&job), job, &request)
    }

    /// Begins to measure a job on nested samples of the users, 1, 10, 20 and 40 % of those that are
    /// here, beside what the cost model predicts; the task's result is a `LadderReport`. What takes
    /// long is measured on some of its tiles: a second or two in all, and one more the first time.
    ///
    /// # Errors
    /// For settings that cannot be, and guards of the job that refuse.
    pub fn ladder(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "LadderRequest | undefined")] request: JsValue,
    ) -> Result<Climb, Fault> {
        let request: LadderRequest = from_js(request)?;
        let job = self.resolve(&request.job)?;
        let base = SampleRequest { rate: Some(request.rate.unwrap_or(1.0)), ..Default::default() };
        Ok(Climb::new(self.folded(&job), job, base.of_rate()?))
    }
}

impl Data {
    pub(crate) fn new(read: Read, job: &Job, request: &ReadRequest) -> Self {
        Self {
            read,
            given: request.source.given(),
            negative_weights: job.negative_weights,
            side: job.of,
            folded: None,
        }
    }

    /// Decides the settings of a job on this data, and lets its guards look at the rows.
    fn resolve(&self, job: &SimilarityJob) -> Result<Job, Fault> {
        let mut job = job.clone();
        let wanted = job.negative_weights.unwrap_or(self.negative_weights);
        if wanted.count() != self.negative_weights.count() {
            let message = format!(
                "negative_weights is {wanted}, but the data was read with {}; read it again",
                self.negative_weights
            );
            return Err(Fault::new("setting", message).with("setting", "negative_weights"));
        }
        if self.given.weight {
            job.negative_weights = Some(wanted);
        }
        let job = job.resolve(self.given)?;
        self.read.tally.check(&job)?;
        Ok(job)
    }

    /// Returns the interactions of a job; those of the last one are kept.
    fn folded(&mut self, job: &Job) -> Rc<Folded> {
        let needs = Needs::of(job, self.given);
        let fold_of = Fold {
            of: job.of,
            needs: (needs.weight, needs.time),
            duplicates: job.duplicates,
            cap: job.max_items_per_user,
            min_support: job.min_support,
        };
        if let Some((last, folded)) = &self.folded
            && *last == fold_of
        {
            return Rc::clone(folded);
        }
        // What is not needed any more makes room first.
        self.folded = None;
        let folded = Rc::new(fold(self.read.encoded.clone(), job, needs, &crew()));
        self.folded = Some((fold_of, Rc::clone(&folded)));
        folded
    }

    /// Returns the codes of the side that is sampled.
    fn sampled<'a>(&self, events: &'a Events) -> &'a [u32] {
        match self.side {
            Of::Items => &events.user,
            Of::Users => &events.item,
        }
    }

    /// Marks the users of the smallest hashes, of those that have rows.
    fn smallest(&self, hashes: &[u64], users: usize) -> Vec<bool> {
        let mut is_there = vec![false; hashes.len()];
        for code in self.read.encoded.events.iter().flat_map(|events| self.sampled(events)) {
            is_there[*code as usize] = true;
        }
        let present = hashes.iter().zip(&is_there).filter(|(_, is_there)| **is_there);
        let mut present = present.map(|(hash, _)| *hash).collect::<Vec<_>>();
        present.sort_unstable();
        let bound = users.checked_sub(1).map(|last| present.get(last).copied());
        hashes
            .iter()
            .map(|hash| bound.is_some_and(|bound| bound.is_none_or(|bound| *hash <= bound)))
            .collect()
    }
}

/// What data looks like under a job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    users: f64,
    items: f64,
    interactions: f64,
    density: f64,
    pair_operations: f64,
    user_degrees: DegreesRecord,
    item_degrees: DegreesRecord,
    work_of_heaviest: Vec<Share>,
    top_users: Vec<Counted>,
    top_items: Vec<Counted>,
    folding: FoldingRecord,
    heavy_user: Option<HeavyRecord>,
}

#[derive(Serialize)]
struct DegreesRecord {
    median: f64,
    mean: f64,
    p90: f64,
    p99: f64,
    most: f64,
    histogram: Vec<f64>,
}

#[derive(Serialize)]
struct Share {
    users: f64,
    work: f64,
}

#[derive(Serialize)]
struct Counted {
    id: String,
    label: Option<String>,
    count: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FoldingRecord {
    events: f64,
    pairs: f64,
    netted_away: f64,
    capped_users: f64,
    capped_pairs: f64,
    capped_operations: f64,
    rare_items: f64,
    rare_pairs: f64,
    emptied_users: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeavyRecord {
    id: String,
    items: f64,
    operations: f64,
    cap: u32,
    capped_operations: f64,
}

impl From<&Degrees> for DegreesRecord {
    fn from(degrees: &Degrees) -> Self {
        Self {
            median: degrees.median as f64,
            mean: degrees.mean,
            p90: degrees.p90 as f64,
            p99: degrees.p99 as f64,
            most: degrees.most as f64,
            histogram: degrees.histogram.iter().map(|count| *count as f64).collect(),
        }
    }
}

impl Shape {
    fn of(folded: &Folded, job: &Job) -> Self {
        let profile = Profile::of(&folded.interactions, TOP);
        let Folded { catalogue, others, folding, .. } = folded;
        let (users, items) = (profile.users as f64, profile.items as f64);
        let labels = catalogue.labels.as_ref().filter(|_| job.of == Of::Items);
        let label = |code: u32| labels.and_then(|labels| labels.get(code as usize)).map(Into::into);
        let user = |(code, count): &(u32, u64)| Counted {
            id: others.display(*code).into(),
            label: None,
            count: *count as f64,
        };
        let item = |(code, count): &(u32, u64)| Counted {
            id: catalogue.ids.display(*code).into(),
            label: label(*code),
            count: *count as f64,
        };
        let heavy = find_heavy_user(folded.interactions.degrees()).map(|heavy| HeavyRecord {
            id: others.display(heavy.user).into(),
            items: heavy.items as f64,
            operations: heavy.operations as f64,
            cap: heavy.cap,
            capped_operations: heavy.capped_operations as f64,
        });
        Self {
            users,
            items,
            interactions: profile.interactions as f64,
            density: profile.interactions as f64 / (users * items).max(1.0),
            pair_operations: profile.pair_operations as f64,
            user_degrees: (&profile.user_degrees).into(),
            item_degrees: (&profile.item_degrees).into(),
            work_of_heaviest: profile
                .work_of_heaviest
                .iter()
                .map(|(users, work)| Share { users: *users, work: *work })
                .collect(),
            top_users: profile.top_users.iter().map(user).collect(),
            top_items: profile.top_items.iter().map(item).collect(),
            folding: FoldingRecord {
                events: folding.events as f64,
                pairs: folding.pairs as f64,
                netted_away: folding.netted_away as f64,
                capped_users: folding.capped_users as f64,
                capped_pairs: folding.capped_pairs as f64,
                capped_operations: folding.capped_operations as f64,
                rare_items: folding.rare_items as f64,
                rare_pairs: folding.rare_pairs as f64,
                emptied_users: folding.emptied_users as f64,
            },
            heavy_user: heavy,
        }
    }
}
