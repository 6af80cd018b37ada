//! The report as a page.

use ilk_formats::printable;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Example, ReportData,
    charts::{self, Picture},
};
use crate::{
    progress::seconds_text,
    text::{bytes_text, grouped, rounded},
};

const STYLE: &str = include_str!("style.css");

impl ReportData {
    /// Writes the page.
    pub(crate) fn to_html(&self) -> String {
        render(self)
    }
}

/// Writes the whole page.
fn render(data: &ReportData) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "ilk " (data.version) };
                title { (title(data)) " – Ilk" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.top {
                    p.brand { "Ilk" }
                    h1 { (title(data)) }
                    p.sub { (subtitle(data)) }
                    (facts(data))
                }
                main {
                    (rows(data))
                    (shape(data))
                    (time(data))
                    (result(data))
                    (engine(data))
                    (settings(data))
                }
                footer { "Made by ilk " (data.version) ". One file, no scripts, nothing loaded from elsewhere." }
            }
        }
    };
    page.into_string()
}

fn title(data: &ReportData) -> String {
    let what = if data.of.is_empty() { "items" } else { &data.of };
    format!("Similar {what} by {}", data.measure)
}

fn subtitle(data: &ReportData) -> String {
    match &data.finished {
        Some(finished) => format!("{}, {finished}", data.input),
        None => data.input.clone(),
    }
}

/// The key figures.
fn facts(data: &ReportData) -> Markup {
    let count = |count: u64| rounded(u128::from(count));
    let of_stages = data.stages.iter().filter_map(|stage| stage.peak_memory);
    let peak = data.memory.iter().map(|(_, bytes)| *bytes).chain(of_stages).max();
    let shape = data.data.as_ref();
    let facts = [
        ("rows read", data.funnel.first().map(|step| count(step.count))),
        ("interactions", shape.map(|shape| count(shape.interactions))),
        ("users", shape.map(|shape| count(shape.users))),
        ("items", shape.map(|shape| count(shape.items))),
        ("pair operations", data.pair_operations.map(count)),
        ("neighbours", data.result.as_ref().map(|result| count(result.neighbours))),
        ("threads", workers(data)),
        ("time", data.seconds.map(seconds_text)),
        ("CPU time", data.cpu_seconds.map(seconds_text)),
        ("peak memory", peak.map(bytes_text)),
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

fn workers(data: &ReportData) -> Option<String> {
    Some((data.tiles.iter().map(|tile| tile.worker).max()? + 1).to_string())
}

/// A picture with its heading and a sentence on what to see in it.
fn figure(class: &str, heading: &str, text: &str, picture: &Picture) -> Markup {
    html! {
        figure class=(class) {
            figcaption { h3 { (heading) } p { (text) } }
            div.wide { (PreEscaped(&picture.wide)) }
            div.narrow { (PreEscaped(&picture.narrow)) }
        }
    }
}

fn rows(data: &ReportData) -> Markup {
    if data.funnel.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="rows" {
            h2 #rows { "Rows" }
            div.grid {
                (figure("whole", "From rows to interactions", "Each step, with its share of the rows read.", &charts::funnel(&data.funnel)))
                div.card {
                    h3 { "Steps" }
                    table {
                        thead { tr { th scope="col" { "step" } th scope="col" { "removed" } th.number scope="col" { "remaining" } } }
                        tbody {
                            @for step in &data.funnel {
                                tr { th scope="row" { (step.name) } td.origin { (step.remark) } td.number { (grouped(step.count)) } }
                            }
                        }
                    }
                }
                div.card {
                    h3 { "Set aside" }
                    @if data.set_aside.is_empty() {
                        p { "No row was set aside." }
                    } @else {
                        table {
                            thead { tr { th scope="col" { "reason" } th.number scope="col" { "rows" } th.number scope="col" { "share" } } }
                            tbody {
                                @for (reason, count) in &data.set_aside {
                                    tr {
                                        th scope="row" { (reason.replace('_', " ")) }
                                        td.number { (grouped(*count)) }
                                        td.number { (share(*count, data.funnel[0].count)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn share(part: u64, whole: u64) -> String {
    format!("{:.2} %", 100.0 * part as f64 / whole.max(1) as f64)
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
    let of = |share: f64| {
        shape.work.iter().find(|(users, _)| *users >= share).map(|(_, work)| 100.0 * work)
    };
    let work = format!(
        "The work grows with the square of a user's number of items. The heaviest 1 % of users cause \
         {:.0} % of it, the heaviest 10 % cause {:.0} %.",
        of(0.01).unwrap_or(100.0),
        of(0.1).unwrap_or(100.0)
    );
    html! {
        section aria-labelledby="shape" {
            h2 #shape { "Data" }
            div.grid {
                (figure("half", "Items per user, users per item", &degrees, &charts::degrees(shape)))
                // Where no user has two items there is no work.
                @if !shape.work.is_empty() {
                    (figure("half", "Work by user", &work, &charts::work(&shape.work)))
                }
            }
        }
    }
}

fn time(data: &ReportData) -> Markup {
    if data.stages.is_empty() && data.memory.len() < 2 {
        return Markup::default();
    }
    let peak = data.memory.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    html! {
        section aria-labelledby="time" {
            h2 #time { "Time and memory" }
            div.grid {
                @if !data.stages.is_empty() {
                    (figure("half", "Stages", &stages_text(data), &charts::stages(&data.stages)))
                }
                @if data.memory.len() > 1 {
                    (figure("half", "Memory", &format!("At most {}, sampled during the run.", bytes_text(peak)), &charts::memory(&data.memory)))
                }
                @if data.stages.iter().any(|stage| stage.peak_memory.is_some()) { (stages_table(data)) }
            }
        }
    }
}

/// What only those who look into the engine need.
fn engine(data: &ReportData) -> Markup {
    if data.tiles.is_empty() && data.ladder.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="engine" {
            h2 #engine { "Engine" }
            div.grid {
                @if !data.ladder.is_empty() {
                    (figure("whole", "Predicted and measured", "CPU seconds of comparing, for samples of the users and for all of them.", &charts::ladder(&data.ladder)))
                }
                @if !data.tiles.is_empty() {
                    (figure("whole", "Threads", "How busy each thread was while comparing. Pale cells are waiting time.", &charts::workers(&data.tiles)))
                    (figure("whole", "Tiles", "Milliseconds by block of columns and part of the rows. Popular items are in the head, all others in the tail.", &charts::tiles(&data.tiles, &data.blocks)))
                }
            }
        }
    }
}

/// What every stage took, whichever process did it.
fn stages_table(data: &ReportData) -> Markup {
    let text = match data.attempts {
        0 | 1 => "One process ran all stages.".to_owned(),
        attempts => format!(
            "{} processes worked on this run, one after the other. Work lost to interruptions is not \
             counted. The memory curve is that of the last process.",
            grouped(attempts)
        ),
    };
    html! {
        div.card {
            h3 { "Stages in figures" }
            p { (text) }
            table {
                thead { tr { th scope="col" { "stage" } th.number scope="col" { "time" } th.number scope="col" { "CPU time" } th.number scope="col" { "peak memory" } } }
                tbody {
                    @for stage in &data.stages {
                        tr {
                            th scope="row" { (stage.name) }
                            td.number { (seconds_text(stage.seconds)) }
                            td.number { @if let Some(cpu) = stage.cpu_seconds { (seconds_text(cpu)) } }
                            td.number { @if let Some(bytes) = stage.peak_memory { (bytes_text(bytes)) } }
                        }
                    }
                }
            }
        }
    }
}

fn stages_text(data: &ReportData) -> String {
    let longest = data.stages.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    longest.map_or_else(String::new, |stage| {
        let cores = stage.cpu_seconds.filter(|_| stage.seconds > 0.02);
        let cores = cores.map(|cpu| format!(" ({:.1} cores on average)", cpu / stage.seconds));
        format!(
            "Longest: {}, {}{}.",
            stage.name,
            seconds_text(stage.seconds),
            cores.unwrap_or_default()
        )
    })
}

fn result(data: &ReportData) -> Markup {
    if data.scores.is_none() && data.examples.is_empty() && data.result.is_none() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="result" {
            h2 #result { "Result" }
            div.grid {
                @if let Some(scores) = &data.scores {
                    (figure("half", "Scores", "Number of neighbours by score.", &charts::scores(scores, &data.measure)))
                }
                @if let Some(result) = &data.result {
                    div.card {
                        h3 { "Neighbours per item" }
                        p { "An item has a shorter list if too few other items qualify as its neighbours." }
                        table {
                            tbody {
                                tr { th scope="row" { "full list" } td.number { (grouped(result.full)) } td.number { (share(result.full, items(data))) } }
                                tr { th scope="row" { "shorter list" } td.number { (grouped(result.some)) } td.number { (share(result.some, items(data))) } }
                                tr { th scope="row" { "no neighbours" } td.number { (grouped(result.none)) } td.number { (share(result.none, items(data))) } }
                                tr { th scope="row" { "rows in total" } td.number { (grouped(result.neighbours)) } td.number {} }
                            }
                        }
                    }
                }
            }
            @if !data.examples.is_empty() {
                h2 { "Example items" }
                div.grid { @for example in &data.examples { (card(example)) } }
            }
        }
    }
}

fn items(data: &ReportData) -> u64 {
    data.result.as_ref().map_or(0, |result| result.full + result.some + result.none)
}

/// A name with its id, or the id alone.
fn named(id: &str, label: Option<&str>) -> Markup {
    html! {
        @match label {
            Some(label) => { (printable(label)) " " span.id { (printable(id)) } }
            None => (id)
        }
    }
}

fn card(example: &Example) -> Markup {
    let shown = example.neighbours.len() as u64;
    html! {
        article.card {
            p.kind { (example.kind) }
            h3 { (named(&example.id, example.label.as_deref())) }
            p { (grouped(example.support)) @if example.support == 1 { " user" } @else { " users" } }
            table {
                thead { tr { th scope="col" { "neighbour" } th.number scope="col" { "score" } th.number scope="col" { "shared users" } } }
                tbody {
                    @for neighbour in &example.neighbours {
                        tr {
                            th scope="row" { (named(&neighbour.id, neighbour.label.as_deref())) }
                            td.number { (score_text(neighbour.score)) }
                            td.number { (grouped(neighbour.overlap)) }
                        }
                    }
                }
            }
            @if example.total > shown { p.sub { "and " (grouped(example.total - shown)) " more" } }
        }
    }
}

fn score_text(score: f32) -> String {
    if score.abs() >= 100.0 { format!("{score:.1}") } else { format!("{score:.4}") }
}

fn settings(data: &ReportData) -> Markup {
    if data.settings.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="settings" {
            h2 #settings { "Settings" }
            div.card {
                table.settings {
                    thead { tr { th scope="col" { "setting" } th scope="col" { "value" } th scope="col" { "origin" } } }
                    tbody {
                        @for setting in &data.settings {
                            tr { th scope="row" { (setting.name) } td { (setting.value) } td.origin { (setting.origin) } }
                        }
                    }
                }
            }
        }
    }
}
