//! The report as a page: the result, how far to trust it, the rows, how to run it again, and last, in a
//! closed section, how it was computed.

use std::path::Path;

use ilk_formats::printable;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{About, Aside, Example, OverlapCounts, ReportData, ResultShape, Spent, charts};
use crate::{
    progress::seconds_text,
    text::{bytes_text, counted, grouped, rounded},
};

const STYLE: &str = include_str!("style.css");

impl ReportData {
    /// Writes the page.
    pub(crate) fn to_html(&self) -> String {
        let title = self.about.title();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="generator" content={ "ilk " (self.about.version) };
                    title { (title) " – Ilk" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header.top {
                        p.brand { "Ilk" }
                        h1 { (title) }
                        p.sub { (self.about.subtitle()) }
                        (facts(self))
                    }
                    main {
                        (examples(self))
                        (outcome(self))
                        (rows(self))
                        (shape(self))
                        (again(self))
                        (engine(self))
                    }
                    footer { "Made by ilk " (self.about.version) ". One file, no scripts, nothing loaded from elsewhere." }
                }
            }
        };
        page.into_string()
    }
}

impl About {
    /// Names what was run: the data and the measure.
    fn title(&self) -> String {
        format!("Similar {} in {} by {}", self.things(), self.data(), self.measure)
    }

    fn things(&self) -> &'static str {
        if self.of_users { "users" } else { "items" }
    }

    /// What is compared.
    fn thing(&self) -> &'static str {
        if self.of_users { "user" } else { "item" }
    }

    /// What two of them share.
    fn other(&self) -> &'static str {
        if self.of_users { "item" } else { "user" }
    }

    /// Names the data: the first input, without its folders.
    fn data(&self) -> String {
        let Some(first) = self.inputs.first() else { return "the data".into() };
        let name = Path::new(first).file_name();
        let name = name.map_or_else(|| first.clone(), |name| name.to_string_lossy().into_owned());
        let name =
            if first == "-" { "standard input".into() } else { printable(&name).into_owned() };
        match self.inputs.len() - 1 {
            0 => name,
            more => format!("{name} and {more} more"),
        }
    }

    fn subtitle(&self) -> String {
        let inputs = printable(&self.inputs.join(", ")).into_owned();
        if self.finished.is_empty() { inputs } else { format!("{inputs} – {}", self.finished) }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Writes a share with digits that matter: a part is never 0 %, and only the whole is 100 %.
fn percent_text(part: u64, whole: u64) -> String {
    let percent = 100.0 * share(part, whole);
    match percent {
        _ if part == 0 || part == whole => format!("{percent:.0} %"),
        percent if percent < 0.01 => "< 0.01 %".into(),
        percent if percent > 99.99 => "> 99.99 %".into(),
        percent if !(1.0..=99.0).contains(&percent) => format!("{percent:.2} %"),
        percent => format!("{percent:.1} %"),
    }
}

/// The key figures.
fn facts(data: &ReportData) -> Markup {
    let count = |count: u64| rounded(u128::from(count));
    let ReportData { outcome, rows, spent, .. } = data;
    let shape = data.data.as_ref();
    let alone = (outcome.overlaps.alone(), outcome.overlaps.total());
    // With a larger --min-overlap there are none.
    let alone = (alone.0 > 0).then(|| percent_text(alone.0, alone.1));
    let facts = [
        ("neighbours", outcome.shape.as_ref().map(|result| count(result.neighbours))),
        (if data.about.of_users { "on one shared item" } else { "on one shared user" }, alone),
        ("items", shape.map(|shape| count(shape.items))),
        ("users", shape.map(|shape| count(shape.users))),
        ("interactions", shape.map(|shape| count(shape.interactions))),
        ("rows read", rows.funnel.first().map(|step| count(step.count))),
        ("time", spent.seconds.map(seconds_text)),
        ("peak memory", spent.peak().map(bytes_text)),
    ];
    html! {
        dl.facts {
            @for (name, value) in facts {
                @if let Some(value) = value {
                    div { dt { (name) } dd { (value) } }
                }
            }
        }
    }
}

/// A table in a card; `head`: the names of its columns, those of numbers with true.
fn table(class: &str, head: &[(&str, bool)], body: &Markup) -> Markup {
    html! {
        table class=[(!class.is_empty()).then_some(class)] {
            thead { tr { @for (name, is_number) in head { th.number[*is_number] scope="col" { (name) } } } }
            tbody { (body) }
        }
    }
}

/// A bar in a cell, as long as a share.
fn bar(share: f64, class: &str) -> Markup {
    let share = 100.0 * share.clamp(0.0, 1.0);
    html! { span class={ "bar " (class) } style={ "width:" (format!("{share:.1}")) "%" } {} }
}

/// A chart with its heading and a sentence on what to see in it.
fn figure(heading: &str, text: &str, chart: &Markup) -> Markup {
    html! {
        figure {
            figcaption { h3 { (heading) } @if !text.is_empty() { p { (text) } } }
            (chart)
        }
    }
}

/// A name with its id, or the id alone.
fn named(id: &str, label: Option<&str>) -> Markup {
    html! {
        @match label {
            Some(label) => { (printable(label)) " " span.id { (printable(id)) } }
            None => (printable(id))
        }
    }
}

fn examples(data: &ReportData) -> Markup {
    let Some(_) = data.outcome.examples.first() else { return Markup::default() };
    let (things, other) = (data.about.things(), data.about.other());
    let shown = data.outcome.examples.iter().flat_map(|example| &example.neighbours);
    let is_weak = shown.into_iter().any(|neighbour| neighbour.overlap == 1);
    html! {
        section aria-labelledby="examples" {
            h2 #examples { "Example " (things) }
            p.lead {
                "Popular, middling and rare " (things) ", each with its best neighbours."
                @if is_weak {
                    " A neighbour marked " span.weak { "weak" } " rests on one shared " (other)
                    ": it may be chance."
                }
            }
            div.cards { @for example in &data.outcome.examples { (card(example, &data.about)) } }
        }
    }
}

fn card(example: &Example, about: &About) -> Markup {
    let (shown, other) = (example.neighbours.len() as u64, about.other());
    let rows = html! {
        @for neighbour in &example.neighbours {
            tr.faint[neighbour.overlap == 1] {
                th scope="row" { (named(&neighbour.id, neighbour.label.as_deref())) }
                td.number { (score_text(neighbour.score)) }
                td.number {
                    @if neighbour.overlap == 1 { span.weak { "weak" } " " }
                    (grouped(neighbour.overlap))
                }
            }
        }
    };
    let shared = format!("shared {other}s");
    html! {
        article.card {
            p.kind { (example.kind) }
            h3 { (named(&example.id, example.label.as_deref())) }
            p { (counted(example.support, other)) }
            (table("", &[("neighbour", false), ("score", true), (&shared, true)], &rows))
            @if example.total > shown { p.sub { "and " (grouped(example.total - shown)) " more" } }
        }
    }
}

fn score_text(score: f32) -> String {
    if score.abs() >= 100.0 { format!("{score:.1}") } else { format!("{score:.4}") }
}

fn outcome(data: &ReportData) -> Markup {
    let ReportData { outcome, about, .. } = data;
    if outcome.shape.is_none() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="result" {
            h2 #result { "Result" }
            div.grid {
                @if let Some(shape) = &outcome.shape { (lists(shape, about)) }
                (trust(data))
                @if let Some(scores) = &outcome.scores {
                    (figure("Scores", "Number of neighbours by score.", &charts::scores(scores, &about.measure)))
                }
                @if outcome.overlaps.total() > 0 { (overlaps(&outcome.overlaps, about)) }
            }
        }
    }
}

/// How long the lists are.
fn lists(shape: &ResultShape, about: &About) -> Markup {
    let (thing, things) = (about.thing(), about.things());
    let lengths =
        [("full list", shape.full), ("shorter list", shape.some), ("no neighbours", shape.none)];
    let rows = html! {
        @for (name, count) in lengths {
            tr {
                th scope="row" { (name) (bar(share(count, shape.items()), "")) }
                td.number { (grouped(count)) }
                td.number { (percent_text(count, shape.items())) }
            }
        }
    };
    html! {
        div.card {
            h3 { "Neighbours per " (thing) }
            p {
                (counted(shape.neighbours, "neighbour")) " of " (grouped(shape.full + shape.some)) " of "
                (counted(shape.items(), thing)) ". A list is shorter if too few other " (things) " qualify."
            }
            (table("", &[("list", false), (things, true), ("share", true)], &rows))
        }
    }
}

/// What speaks for the result, and what against it.
fn trust(data: &ReportData) -> Markup {
    let ReportData { outcome, about, rows, .. } = data;
    let (alone, all) = (outcome.overlaps.alone(), outcome.overlaps.total());
    let read = rows.funnel.first().map_or(0, |step| step.count);
    let aside = rows.aside.iter().map(|aside| aside.count).sum::<u64>();
    html! {
        div.card {
            h3 { "Reliability" }
            ul.plain {
                @if alone > 0 {
                    li {
                        strong { (percent_text(alone, all)) } " of neighbours rest on one shared " (about.other()) "."
                        @if let Some(advice) = outcome.overlaps.advice {
                            " Use " code { "--min-overlap " (advice) } " to leave out pairs that met by chance."
                        }
                    }
                }
                @if let Some(shape) = outcome.shape.as_ref().filter(|shape| shape.none > 0) {
                    li {
                        strong { (percent_text(shape.none, shape.items())) } " of " (about.things())
                        " have no neighbours."
                    }
                }
                @if read > 0 {
                    li { strong { (percent_text(aside, read)) } " of rows were set aside." }
                }
                @if let Some(times) = &rows.times { li { "The rows are from " strong { (times) } "." } }
            }
        }
    }
}

/// On how many shared users neighbours rest.
fn overlaps(overlaps: &OverlapCounts, about: &About) -> Markup {
    let most = overlaps.bins.iter().map(|(.., count)| *count).max().unwrap_or(1);
    let range = |(least, last): (u32, u32)| match last {
        _ if least == last => grouped(least.into()),
        u32::MAX => format!("{} or more", grouped(least.into())),
        last => format!("{}–{}", grouped(least.into()), grouped(last.into())),
    };
    let rows = html! {
        @for (least, last, count) in &overlaps.bins {
            tr {
                th scope="row" { (range((*least, *last))) @if *least == 1 { " " span.weak { "weak" } } }
                td.wide aria-hidden="true" { (bar(share(*count, most), if *least == 1 { "second" } else { "" })) }
                td.number { (grouped(*count)) }
                td.number { (percent_text(*count, overlaps.total())) }
            }
        }
    };
    let shared = format!("shared {}s", about.other());
    let head = [(shared.as_str(), false), ("", false), ("neighbours", true), ("share", true)];
    html! {
        div.card {
            h3 { "Overlap" }
            p { "Number of neighbours by shared " (about.other()) "s. More shared " (about.other()) "s make a score more reliable." }
            (table("bars", &head, &rows))
        }
    }
}

fn rows(data: &ReportData) -> Markup {
    let Some(first) = data.rows.funnel.first() else { return Markup::default() };
    let steps = html! {
        @for step in &data.rows.funnel {
            tr {
                th scope="row" { (step.name) (bar(share(step.count, first.count), "")) }
                td.number { (grouped(step.count)) }
                td.origin { (step.remark) }
            }
        }
    };
    html! {
        section aria-labelledby="rows" {
            h2 #rows { "Rows" }
            div.grid {
                div.card {
                    h3 { "From rows to interactions" }
                    p { "What is left after each step, and what was removed." }
                    (table("steps", &[("step", false), ("remaining", true), ("removed", false)], &steps))
                }
                div.card {
                    h3 { "Set aside" }
                    @if data.rows.aside.is_empty() {
                        p { "No row was set aside." }
                    } @else {
                        p { "Rows that were not used, by reason, with the first of them." }
                        @for aside in &data.rows.aside { (reason(aside, first.count)) }
                    }
                }
            }
        }
    }
}

/// A reason why rows were set aside, with examples.
fn reason(aside: &Aside, read: u64) -> Markup {
    html! {
        div.reason {
            h4 { (aside.reason.replace('_', " ")) }
            p { (counted(aside.count, "row")) ", " (percent_text(aside.count, read)) }
            @if !aside.examples.is_empty() {
                ul.cells { @for row in &aside.examples { li { (printable(row)) } } }
            }
        }
    }
}

fn shape(data: &ReportData) -> Markup {
    let Some(shape) = data.data.as_ref().filter(|shape| shape.interactions > 0) else {
        return Markup::default();
    };
    let largest = |curve: &[(u64, u64)]| curve.last().map_or(0, |(degree, _)| *degree);
    let degrees = format!(
        "A user has {:.1} items on average and {} at most. An item has {:.1} users on average and {} \
         at most.",
        shape.interactions as f64 / shape.users as f64,
        grouped(largest(&shape.user_degrees)),
        shape.interactions as f64 / shape.items as f64,
        grouped(largest(&shape.item_degrees))
    );
    let of = |share: f64| 100.0 * charts::share_of_work(&shape.work, share);
    let work = format!(
        "The work grows with the square of a user's number of items. The heaviest 1 % of users cause \
         {:.0} % of it, the heaviest 10 % cause {:.0} %.",
        of(0.01),
        of(0.1)
    );
    html! {
        section aria-labelledby="shape" {
            h2 #shape { "Data" }
            div.grid {
                (figure("Items per user, users per item", &degrees, &charts::degrees(shape)))
                // Where no user has two items there is no work.
                @if !shape.work.is_empty() {
                    (figure("Work by user", &work, &charts::work(&shape.work)))
                }
            }
        }
    }
}

/// How to run it again: the command, and every setting in force.
fn again(data: &ReportData) -> Markup {
    let About { command, folder, .. } = &data.about;
    if data.settings.is_empty() && command.is_empty() {
        return Markup::default();
    }
    let rows = html! {
        @for setting in &data.settings {
            tr {
                th scope="row" { (setting.name) }
                td { (printable(&setting.value)) }
                td.origin { (setting.origin) }
            }
        }
    };
    let head = [("setting", false), ("value", false), ("origin", false)];
    html! {
        section aria-labelledby="again" {
            h2 #again { "Run it again" }
            @if !command.is_empty() {
                div.card {
                    h3 { "Command" }
                    @if !folder.is_empty() { p { "In " code { (printable(folder)) } ":" } }
                    pre tabindex="0" {
                        code {
                            @for (place, word) in command.iter().enumerate() {
                                @if place > 0 { " " }
                                span { (printable(word)) }
                            }
                        }
                    }
                }
            }
            @if !data.settings.is_empty() {
                details {
                    summary { h3 { "All settings" } }
                    div.card { (table("settings", &head, &rows)) }
                }
            }
        }
    }
}

/// What only those who look into the engine need.
fn engine(data: &ReportData) -> Markup {
    let ReportData { spent, work, .. } = data;
    if spent.stages.is_empty() && work.tiles.is_empty() && work.ladder.is_empty() {
        return Markup::default();
    }
    let peak = spent.peak().map_or_else(String::new, bytes_text);
    html! {
        section aria-labelledby="engine" {
            details {
                summary { h2 #engine { "Engine" } }
                div.grid {
                    @if !spent.stages.is_empty() { (stages(data)) }
                    @if spent.memory.len() > 1 {
                        (figure("Memory", &memory_text(spent, &peak), &charts::memory(spent)))
                    }
                    @if !work.ladder.is_empty() {
                        (figure("Predicted and measured", "CPU time of comparing, for samples of the users and for all of them.", &charts::ladder(&work.ladder)))
                    }
                    @if !work.tiles.is_empty() {
                        (figure("Threads", "How busy each thread was while comparing. Faint cells are waiting time.", &charts::workers(&work.tiles)))
                        @let (most, chart) = charts::tiles(&work.tiles, &work.blocks);
                        (figure("Tiles", &tiles_text(most), &chart))
                    }
                }
            }
        }
    }
}

fn tiles_text(most: f64) -> String {
    format!(
        "Time by block of columns and part of the rows; the slowest cell took {}. Popular items are \
         in the head, all others in the tail.",
        seconds_text(most / 1e3)
    )
}

fn memory_text(spent: &Spent, peak: &str) -> String {
    match spent.attempts {
        0 | 1 => format!("At most {peak}, sampled during the run."),
        _ => format!("At most {peak}: the peak of each stage, over all attempts."),
    }
}

/// What every stage took, whichever process did it.
fn stages(data: &ReportData) -> Markup {
    let ReportData { spent, work, .. } = data;
    let end = spent.stages.iter().map(|span| span.began + span.seconds).fold(1e-9, f64::max);
    let has_memory = spent.stages.iter().any(|stage| stage.peak_memory.is_some());
    let mut head = vec![("stage", false), ("time", true), ("CPU time", true)];
    head.extend(has_memory.then_some(("peak memory", true)));
    let rows = html! {
        @for stage in &spent.stages {
            tr {
                th scope="row" {
                    (stage.name)
                    span.track aria-hidden="true" {
                        span.span style={
                            "margin-left:" (format!("{:.1}", 100.0 * stage.began / end))
                            "%;width:" (format!("{:.1}", 100.0 * stage.seconds / end)) "%"
                        } {}
                    }
                }
                td.number { (seconds_text(stage.seconds)) }
                td.number { @if let Some(cpu) = stage.cpu_seconds { (seconds_text(cpu)) } }
                @if has_memory {
                    td.number { @if let Some(bytes) = stage.peak_memory { (bytes_text(bytes)) } }
                }
            }
        }
        @if let Some(seconds) = spent.seconds {
            tr.total {
                th scope="row" { "total" }
                td.number { (seconds_text(seconds)) }
                td.number { @if let Some(cpu) = spent.cpu_seconds { (seconds_text(cpu)) } }
                @if has_memory { td.number { @if let Some(bytes) = spent.peak() { (bytes_text(bytes)) } } }
            }
        }
    };
    html! {
        div.card {
            h3 { "Stages" }
            p { (attempts_text(spent)) }
            (table("", &head, &rows))
            @if let Some(operations) = work.pair_operations {
                p.sub {
                    (rounded(u128::from(operations))) " pair operations"
                    @if let Some(threads) = threads(data) { " on " (counted(threads, "thread")) }
                    "."
                }
            }
        }
    }
}

fn threads(data: &ReportData) -> Option<u64> {
    Some(u64::from(data.work.tiles.iter().map(|tile| tile.worker).max()?) + 1)
}

fn attempts_text(spent: &Spent) -> String {
    let longest = spent.stages.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let longest = longest.map_or_else(String::new, |stage| {
        let cores = stage.cpu_seconds.filter(|_| stage.seconds > 0.02);
        let cores = cores.map(|cpu| format!(" ({:.1} cores on average)", cpu / stage.seconds));
        format!("Longest: {}{}.", stage.name, cores.unwrap_or_default())
    });
    if spent.attempts < 2 {
        return longest;
    }
    let begun = spent.begun.as_ref();
    let begun = begun.map_or_else(String::new, |begun| format!(", the first on {begun}"));
    format!(
        "{longest} {} attempts{begun}. Time and memory are over all of them; \
         work lost to interruptions is not counted.",
        grouped(spent.attempts)
    )
}
