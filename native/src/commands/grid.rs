//! What `ilk evaluate` compares: a grid of measures, weightings and limits, and the best as a job file.

use std::{fs, io::Write as _, path::Path};

use ilk_core::{
    job::{Job, SimilarityJob},
    measure::MeasureName,
    weighting::WeightingName,
};

use crate::{
    cli::{EvaluateArgs, Measures},
    error::Error,
    progress::Reporter,
    publish::WorkingFile,
    settings::{Layers, Lists, Reading},
    text::counted,
};

/// A job that is compared with others.
pub(super) struct Contender {
    /// Its measure, and weighting if that is not binary.
    pub(super) name: String,
    /// The job as a job file has it.
    pub(super) wish: SimilarityJob,
    pub(super) job: Job,
}

impl Contender {
    fn new(wish: SimilarityJob, job: Job) -> Self {
        let name = match job.weighting.name().name() {
            "binary" => job.measure.name().to_string(),
            weighting => format!("{} ({weighting})", job.measure.name()),
        };
        Self { name, wish, job }
    }
}

/// Lists the jobs to compare: the job with each measure, weighting and limit in its place.
///
/// # Errors
/// For a measure or value that the job cannot have. With all measures, those whose columns the data
/// lacks are left out, with a note.
pub(super) fn contenders(
    args: &EvaluateArgs,
    reading: &Reading,
    reporter: &Reporter,
) -> Result<Vec<Contender>, Error> {
    let is_all = args.measures.contains(&Measures::All);
    let weightings = each(&args.weightings);
    let (overlaps, shrinkages) = (each(&args.min_overlaps), each(&args.shrinkages));
    let (mut found, mut left_out, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for measure in measures(args, reading) {
        let (before, mut first) = (found.len(), None);
        let mut wishes: Vec<SimilarityJob> = Vec::new();
        for weighting in &weightings {
            let wish = wish(measure, *weighting, reading);
            // A measure that counts users has no weighting.
            if !wishes.contains(&wish) {
                wishes.push(wish);
            }
        }
        for wish in wishes {
            for (min_overlap, shrinkage) in overlaps
                .iter()
                .flat_map(|overlap| shrinkages.iter().map(move |one| (*overlap, *one)))
            {
                let wish = SimilarityJob {
                    min_overlap: min_overlap.or(wish.min_overlap),
                    shrinkage: shrinkage.or(wish.shrinkage),
                    ..wish.clone()
                };
                match wish.resolve(reading.source.given()) {
                    Ok(job) => found.push(Contender::new(wish, job)),
                    Err(_) if is_all && wish.resolve(EVERYTHING).is_ok() => {
                        left_out.push(measure.to_string());
                    }
                    Err(error) => {
                        let error = format!("measure {measure}: {error}");
                        refused.push(error.clone());
                        first = first.or(Some(error));
                    }
                }
            }
        }
        // One that was asked for takes part in some way.
        if let Some(error) = first.filter(|_| found.len() == before && !is_all) {
            return Err(Error::input(error));
        }
    }
    if let Some(error) = refused.first().filter(|_| found.is_empty()) {
        return Err(Error::input(error));
    }
    check_rows_alike(&found)?;
    refused.dedup();
    for error in refused {
        reporter.note(format!("left out: {error}"));
    }
    left_out.dedup();
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        reporter.note(format!("left out: {names}; they need --weight or --time"));
    }
    Ok(found)
}

/// Checks that all jobs combine repeated rows alike, which decay does by their age.
fn check_rows_alike(contenders: &[Contender]) -> Result<(), Error> {
    let decays = |one: &Contender| one.job.weighting.name() == WeightingName::Decay;
    let count = contenders.iter().filter(|one| decays(one)).count();
    if count == 0 || count == contenders.len() {
        return Ok(());
    }
    Err(Error::input("weighting decay cannot be compared with others in one table")
        .with_help("evaluate it alone, with --weighting decay and measures that use weights"))
}

/// Data with every column.
const EVERYTHING: ilk_core::job::Given = ilk_core::job::Given { weight: true, time: true };

/// Returns the values, or the job's own if there are none.
fn each<T: Copy>(values: &[T]) -> Vec<Option<T>> {
    if values.is_empty() { vec![None] } else { values.iter().copied().map(Some).collect() }
}

fn measures(args: &EvaluateArgs, reading: &Reading) -> Vec<MeasureName> {
    let mut names: Vec<MeasureName> = Vec::new();
    for chosen in &args.measures {
        let chosen = match chosen {
            Measures::All => MeasureName::ALL,
            Measures::One(name) => std::slice::from_ref(name),
        };
        for name in chosen {
            if !names.contains(name) {
                names.push(*name);
            }
        }
    }
    if names.is_empty() {
        names.push(reading.resolved.measure.name());
    }
    names
}

/// Sets another measure and weighting. Parameters and the weighting of the job are kept if they apply
/// to that measure.
fn wish(
    measure: MeasureName,
    weighting: Option<WeightingName>,
    reading: &Reading,
) -> SimilarityJob {
    let own = reading.resolved.measure.name() == measure;
    if own && weighting.is_none() {
        return reading.wish.clone();
    }
    let bare = SimilarityJob { measure: Some(measure), ..SimilarityJob::default() };
    let asked_of = bare.resolve(EVERYTHING).ok().map(|job| job.measure);
    let is_weighted = asked_of.is_some_and(|measure| measure.is_weighted());
    let ratings = asked_of.is_some_and(|measure| measure.is_common());
    let (asked, weighs) = (reading.wish.clone(), reading.source.given().weight);
    let usual = match reading.resolved.weighting.name() {
        WeightingName::Binary if ratings && weighs && asked.weighting.is_none() => {
            WeightingName::Raw
        }
        usual => usual,
    };
    let weighting = weighting.unwrap_or(usual);
    let weighting = if is_weighted { weighting } else { WeightingName::Binary };
    let (is_bm25, is_decay) = (weighting == WeightingName::Bm25, weighting == WeightingName::Decay);
    SimilarityJob {
        like: None,
        measure: Some(measure),
        weighting: Some(weighting),
        alpha: asked.alpha.filter(|_| own),
        beta: asked.beta.filter(|_| own),
        kappa: asked.kappa.filter(|_| own),
        k1: asked.k1.filter(|_| is_bm25),
        b: asked.b.filter(|_| is_bm25),
        half_life: asked.half_life.clone().filter(|_| is_decay),
        now: asked.now.clone().filter(|_| is_decay),
        center: asked.center.filter(|_| weighting == WeightingName::Raw),
        duplicates: asked.duplicates.or(weighs.then_some(reading.resolved.duplicates)),
        negative_weights: asked
            .negative_weights
            .or(weighs.then_some(reading.resolved.negative_weights)),
        ..asked
    }
}

/// Writes the job file of a contender into a working file that was begun for `path`.
///
/// # Errors
/// If it cannot be written, or a file has appeared there meanwhile.
pub(super) fn save(
    (path, mut working): (&Path, WorkingFile),
    best: &Contender,
    layers: &Layers,
    reporter: &Reporter,
) -> Result<(), Error> {
    let (mut source, mut lists) = (layers.source()?, layers.lists()?);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Paths of a job file start from its folder.
    if folder.is_some() {
        for input in source.input.iter_mut().chain(&mut source.labels) {
            let absolute = std::path::absolute(&*input);
            let absolute =
                absolute.map_err(|error| Error::file("find", Path::new(&*input), &error))?;
            *input = absolute.display().to_string();
        }
        let Lists { only, exclude, targets, .. } = &mut lists;
        for list in [only, exclude, targets].into_iter().flatten() {
            let absolute = std::path::absolute(&*list);
            *list = absolute.map_err(|error| Error::file("find", list, &error))?;
        }
    }
    let text = layers.toml_of(best.wish.clone(), source, lists)?;
    let written = working.file().write_all(text.as_bytes());
    written.map_err(|error| Error::file("write", path, &error))?;
    working.publish()?;
    let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    reporter.count("saved", format!("{} ({})", path.display(), counted(bytes, "byte")), &[]);
    Ok(())
}
