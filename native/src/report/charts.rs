//! The report's charts, as SVG. Colours are the page's variables, so that charts follow its theme.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{DataShape, Rung, Scores, Spent, TileSpan, axis::Axis};
use crate::{
    progress::seconds_text,
    text::{bytes_text, grouped, rounded},
};

/// The size of all charts, in CSS pixels; the page scales them a little.
const WIDTH: f64 = 380.0;
/// Room above the plot, for the name of the upright line.
const TOP: f64 = 22.0;
/// Room below it, for ticks and the name of the lying line.
const BOTTOM: f64 = 40.0;
/// Room right of it, for half of the last tick.
const RIGHT: f64 = 22.0;
/// About what a character of a tick is wide.
const CHARACTER: f64 = 7.2;

/// A chart being drawn: two number lines with a plot between them.
struct Frame {
    height: f64,
    left: f64,
    x: Axis,
    /// The upright line; none where rows have names.
    y: Option<Axis>,
    /// What colours and signs mean, where there is more than one.
    legend: Vec<(&'static str, &'static str)>,
}

impl Frame {
    fn new(height: f64, x: Axis, y: Axis) -> Self {
        let longest = y.ticks().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
        let left = (longest as f64).mul_add(CHARACTER, 10.0);
        Self { height, left, x, y: Some(y), legend: Vec::new() }
    }

    /// Makes the frame of rows with names.
    fn of_rows(height: f64, x: Axis, names: &[String]) -> Self {
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let left = (longest as f64).mul_add(CHARACTER, 10.0);
        Self { height, left, x, y: None, legend: Vec::new() }
    }

    /// Says what classes of marks mean: each with its name.
    fn with_legend(self, legend: Vec<(&'static str, &'static str)>) -> Self {
        Self { legend, ..self }
    }

    /// Returns where the plot begins, from above: the legend stands over it, off the curves.
    fn top(&self) -> f64 {
        if self.legend.is_empty() { TOP } else { TOP + 18.0 }
    }

    fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    fn x(&self, value: f64) -> f64 {
        self.x.place(value).mul_add(WIDTH - RIGHT - self.left, self.left)
    }

    fn y(&self, value: f64) -> f64 {
        let place = self.y.as_ref().map_or(0.0, |y| y.place(value));
        place.mul_add(self.top() - self.bottom(), self.bottom())
    }

    /// Draws a line through points.
    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (x, y) in points {
            let verb = if path.is_empty() { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{verb}{:.1} {:.1}", self.x(x), self.y(y));
        }
        path
    }

    /// Draws the same, closed along the foot of the plot.
    fn area(&self, points: &[(f64, f64)]) -> String {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return String::new();
        };
        let foot = self.bottom();
        let line = self.path(points.iter().copied());
        format!("{line}L{:.1} {foot:.1}L{:.1} {foot:.1}Z", self.x(last.0), self.x(first.0))
    }

    /// Draws the chart with its marks; `about` says what it shows to those who cannot see it.
    fn draw(&self, about: &str, marks: &Markup) -> Markup {
        let (top, bottom, right) = (self.top(), self.bottom(), WIDTH - RIGHT);
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {:.0}", self.height)) role="img" aria-label=(about) {
                @if let Some(y) = &self.y {
                    @for (place, text) in y.ticks() {
                        @let y = number(place.mul_add(top - bottom, bottom));
                        line.grid x1=(number(self.left)) x2=(number(right)) y1=(y) y2=(y) {}
                        text.end x=(number(self.left - 6.0)) y=(y) dy="0.32em" { (text) }
                    }
                    text.name x="0" y="12" { (y.name()) }
                }
                @for (place, text) in self.x.ticks() {
                    @let x = place.mul_add(right - self.left, self.left);
                    line.axis x1=(number(x)) x2=(number(x)) y1=(number(bottom)) y2=(number(bottom + 4.0)) {}
                    text.middle x=(number(x)) y=(number(bottom + 16.0)) { (text) }
                }
                text.name.end x=(number(right)) y=(number(self.height - 5.0)) { (self.x.name()) }
                (self.key())
                (marks)
                line.axis x1=(number(self.left)) x2=(number(right)) y1=(number(bottom)) y2=(number(bottom)) {}
            }
        }
    }

    fn key(&self) -> Markup {
        let entries = self.legend.iter().scan(self.left, |begin, (class, name)| {
            let x = *begin;
            *begin += (name.chars().count() as f64).mul_add(CHARACTER, 44.0);
            Some((x, class, name))
        });
        html! {
            @for (x, class, name) in entries {
                line class={ "line " (class) } x1=(number(x)) x2=(number(x + 16.0)) y1="27" y2="27" {}
                text x=(number(x + 22.0)) y="27" dy="0.32em" { (name) }
            }
        }
    }
}

/// Writes a coordinate: a tenth of a pixel is enough.
fn number(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

/// Writes a count shortly: `1`, `200`, `5k`, `3M`.
fn short(number: f64) -> String {
    for (scale, unit) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if number.abs() >= scale * 0.9999 {
            return format!("{}{unit}", trimmed(number / scale));
        }
    }
    trimmed(number)
}

/// Writes a number with as many decimals as it needs to be told from 0, at most three digits.
fn trimmed(number: f64) -> String {
    let digits = match number.abs() {
        size if size == 0.0 || size >= 0.1 => 2,
        size => (1.0 - size.log10().floor()).min(9.0) as usize,
    };
    let text = format!("{number:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn percent(share: f64) -> String {
    format!("{} %", trimmed(100.0 * share))
}

/// Returns the share of the work that a share of the users causes, the heaviest first.
pub(super) fn share_of_work(points: &[(f64, f64)], users: f64) -> f64 {
    points.iter().find(|(share, _)| *share >= users).map_or(1.0, |(_, work)| *work)
}

/// Draws how many users have how many items, and the other way round.
pub(super) fn degrees(data: &DataShape) -> Markup {
    let about = format!(
        "Two falling curves on logarithmic axes: how many of the {} users have at least this many \
         items, and how many of the {} items at least this many users.",
        grouped(data.users),
        grouped(data.items)
    );
    let curves = [("first", &data.user_degrees), ("second", &data.item_degrees)];
    let most = |of: fn(&(u64, u64)) -> u64| {
        let all = curves.iter().flat_map(|(_, points)| points.iter().map(of));
        (1.0, all.max().unwrap_or(1) as f64)
    };
    let x = Axis::log("this many or more", most(|(degree, _)| *degree), short);
    let y = Axis::log("how many have", most(|(_, count)| *count), short);
    let legend = vec![("first", "users, by items"), ("second", "items, by users")];
    let frame = Frame::new(280.0, x, y).with_legend(legend);
    let curve = |points: &[(u64, u64)]| {
        frame.path(points.iter().map(|(degree, count)| (*degree as f64, *count as f64)))
    };
    let marks = html! {
        @for (class, points) in curves { path class={ "line " (class) } d=(curve(points)) {} }
    };
    frame.draw(&about, &marks)
}

/// Draws which share of the work the heaviest users cause.
pub(super) fn work(points: &[(f64, f64)]) -> Markup {
    let about = format!(
        "A rising curve. The heaviest 1 % of users cause {}, the heaviest 10 % cause {} of all pair \
         operations.",
        percent(share_of_work(points, 0.01)),
        percent(share_of_work(points, 0.1))
    );
    let least = points.first().map_or(0.1, |(users, _)| *users);
    let x = Axis::log("heaviest users", (least, 1.0), percent);
    let y = Axis::linear("share of the pair operations", (0.0, 1.0), percent);
    let frame = Frame::new(280.0, x, y);
    let marks = html! {
        path.area.first d=(frame.area(points)) {}
        path.line.first d=(frame.path(points.iter().copied())) {}
    };
    frame.draw(&about, &marks)
}

/// Draws how the scores are distributed.
pub(super) fn scores(scores: &Scores, measure: &str) -> Markup {
    let bins = scores.counts.iter().zip(scores.edges.windows(2));
    let most = bins.clone().max_by_key(|(count, _)| **count);
    let about = most.map_or_else(String::new, |(count, edges)| {
        format!(
            "Histogram of the scores; most of them, {}, lie from {} to {}.",
            rounded(u128::from(*count)),
            trimmed(edges[0]),
            trimmed(edges[1])
        )
    });
    let ends = scores.edges.first().zip(scores.edges.last());
    let ends = ends.map_or((0.0, 1.0), |(low, high)| (*low, *high));
    let name = format!("score, {measure}");
    let x = if scores.is_log {
        Axis::log(&name, ends, trimmed)
    } else {
        Axis::linear(&name, ends, trimmed)
    };
    let most = most.map_or(1.0, |(count, _)| *count as f64);
    let frame = Frame::new(260.0, x, Axis::from_zero("neighbours", most, short));
    let marks = html! {
        @for (count, edges) in bins {
            @let (left, right) = (frame.x(edges[0]), frame.x(edges[1]));
            @let top = frame.y(*count as f64);
            @if *count > 0 {
                rect.bar x=(number(left + 0.4)) width=(number((right - left - 0.8).max(0.6)))
                    y=(number(top.min(frame.bottom() - 1.0)))
                    height=(number((frame.bottom() - top).max(1.0))) {}
            }
        }
    };
    frame.draw(&about, &marks)
}

/// Draws memory by time: of a run that one process did as it was sampled, else of every stage the
/// most, over all processes.
pub(super) fn memory(spent: &Spent) -> Markup {
    let points = memory_points(spent);
    let most = points.iter().map(|(_, bytes)| *bytes).fold(0.0, f64::max);
    let about = format!("Memory over time, at most {}.", bytes_text(most as u64));
    let end = points.last().map_or(1.0, |(seconds, _)| *seconds);
    let (unit, name) = match most {
        most if most >= 2_147_483_648.0 => (1_073_741_824.0, "GiB"),
        _ => (1_048_576.0, "MiB"),
    };
    let points = points.iter().map(|(seconds, bytes)| (*seconds, bytes / unit)).collect::<Vec<_>>();
    let x = Axis::linear("seconds of work", (0.0, end), short);
    let frame = Frame::new(240.0, x, Axis::from_zero(name, most / unit, short));
    let marks = html! {
        path.area.second d=(frame.area(&points)) {}
        path.line.second d=(frame.path(points.iter().copied())) {}
    };
    frame.draw(&about, &marks)
}

/// Returns (seconds, bytes).
fn memory_points(spent: &Spent) -> Vec<(f64, f64)> {
    if spent.attempts < 2 {
        return spent.memory.iter().map(|(seconds, bytes)| (*seconds, *bytes as f64)).collect();
    }
    let stages = spent.stages.iter().filter_map(|stage| Some((stage, stage.peak_memory?)));
    let points = stages.flat_map(|(stage, bytes)| {
        [(stage.began, bytes as f64), (stage.began + stage.seconds, bytes as f64)]
    });
    points.collect()
}

/// Draws the predicted and the measured time of samples.
pub(super) fn ladder(rungs: &[Rung]) -> Markup {
    let about = rungs.iter().map(|rung| {
        let measured = rung.measured.map_or_else(|| "not run".into(), seconds_text);
        format!("{}: predicted {}, {measured}", percent(rung.rate), seconds_text(rung.predicted))
    });
    let about = format!("CPU time of samples. {}.", about.collect::<Vec<_>>().join("; "));
    let predicted = rungs.iter().map(|rung| (rung.rate, rung.predicted));
    let measured = rungs.iter().filter_map(|rung| Some((rung.rate, rung.measured?)));
    // What took no time has no place on a logarithmic line.
    let seconds = predicted.clone().chain(measured.clone()).map(|(_, seconds)| seconds);
    let seconds = seconds.filter(|seconds| *seconds > 0.0);
    let (least, most) = seconds.fold((f64::INFINITY, 0.0_f64), |(least, most), seconds| {
        (least.min(seconds), most.max(seconds))
    });
    let (least, most) = if most > 0.0 { (least, most) } else { (0.01, 1.0) };
    let rates = predicted.clone().map(|(rate, _)| rate).fold(1.0, f64::min);
    let x = Axis::log("share of the users", (rates, 1.0), percent);
    let y = Axis::log("CPU seconds", (least, most), trimmed);
    let legend = vec![("first", "predicted"), ("second dotted", "measured")];
    let frame = Frame::new(280.0, x, y).with_legend(legend);
    let marks = html! {
        path.line.first d=(frame.path(predicted)) {}
        @for (rate, seconds) in measured {
            circle.dot.second cx=(number(frame.x(rate))) cy=(number(frame.y(seconds))) r="4.5" {}
        }
    };
    frame.draw(&about, &marks)
}

/// Rows of cells, each as strong as its value from 0 to 1, with a name each.
fn cells(frame: &Frame, names: &[String], rows: &[Vec<f64>]) -> Markup {
    let height = (frame.bottom() - frame.top()) / rows.len().max(1) as f64;
    // Few names fit where rows are thin.
    let every = (13.0 / height).ceil().max(1.0) as usize;
    // Cells end where the next ones begin, to the digit.
    let edge =
        |cell: usize, width: f64| ((cell as f64).mul_add(width, frame.left) * 10.0).round() / 10.0;
    html! {
        @for (row, (name, values)) in names.iter().zip(rows).enumerate() {
            @let top = (row as f64).mul_add(height, frame.top());
            @let width = (WIDTH - RIGHT - frame.left) / values.len().max(1) as f64;
            @if row % every == 0 {
                text.end x=(number(frame.left - 6.0)) y=(number(top + height / 2.0)) dy="0.32em" { (name) }
            }
            @for (cell, value) in values.iter().enumerate() {
                @let (left, right) = (edge(cell, width), edge(cell + 1, width));
                rect.cell x=(number(left)) y=(number(top)) width=(number(right - left))
                    height=(number((height - 1.0).max(1.0)))
                    fill-opacity=(format!("{:.2}", value.clamp(0.0, 1.0).mul_add(0.92, 0.08))) {}
            }
        }
    }
}

/// Bins of time in the workers' chart.
const MOMENTS: usize = 60;

/// Draws how busy each worker was, by time.
pub(super) fn workers(tiles: &[TileSpan]) -> Markup {
    let count = tiles.iter().map(|tile| tile.worker + 1).max().unwrap_or(1) as usize;
    let begin = tiles.iter().map(|tile| tile.began).fold(f64::INFINITY, f64::min);
    let end = tiles.iter().map(|tile| tile.ended).fold(0.0, f64::max);
    let width = ((end - begin) / MOMENTS as f64).max(1e-9);
    let mut busy = vec![vec![0.0; MOMENTS]; count];
    for tile in tiles {
        let first = ((tile.began - begin) / width) as usize;
        let last = (((tile.ended - begin) / width) as usize).min(MOMENTS - 1);
        let moments = busy[tile.worker as usize].iter_mut().enumerate();
        for (moment, share) in moments.take(last + 1).skip(first) {
            let from = width.mul_add(moment as f64, begin);
            let both = tile.ended.min(from + width) - tile.began.max(from);
            *share += both.max(0.0) / width;
        }
    }
    let total = tiles.iter().map(|tile| tile.ended - tile.began).sum::<f64>();
    let share = total / (count as f64 * (end - begin).max(1e-9));
    let about = format!(
        "{count} threads over time, busy {:.0} % of it on average, {} tiles.",
        100.0 * share.min(1.0),
        tiles.len()
    );
    let names = (1..=count).map(|worker| worker.to_string()).collect::<Vec<_>>();
    let height = 24.0_f64.mul_add(count as f64, TOP + BOTTOM).clamp(110.0, 420.0);
    let x = Axis::linear("seconds since the start", (begin, end.max(begin + 1e-6)), trimmed);
    let frame = Frame::of_rows(height, x, &names);
    frame.draw(&about, &cells(&frame, &names, &busy))
}

/// Bins of rows in the tiles' chart.
const PARTS: usize = 24;

/// Returns the most milliseconds of a cell in the tiles' chart, and the chart: where the time went,
/// by block of columns and part of the rows.
pub(super) fn tiles(tiles: &[TileSpan], blocks: &[String]) -> (f64, Markup) {
    let mut time = vec![vec![0.0; PARTS]; blocks.len()];
    for tile in tiles {
        let (from, to) = tile.rows;
        let span = (to - from).max(1e-12);
        let Some(row) = time.get_mut(tile.block as usize) else { continue };
        for (part, cell) in row.iter_mut().enumerate() {
            let (low, high) = (part as f64 / PARTS as f64, (part + 1) as f64 / PARTS as f64);
            let both = (to.min(high) - from.max(low)).max(0.0);
            *cell += 1e3 * (tile.ended - tile.began) * both / span;
        }
    }
    let total = |row: &Vec<f64>| row.iter().sum::<f64>();
    let slowest = time.iter().zip(blocks).max_by(|(a, _), (b, _)| total(a).total_cmp(&total(b)));
    let about = slowest.map_or_else(String::new, |(row, name)| {
        format!(
            "Heat map of computing time by block of columns and part of the rows; most went into {name}: {} ms.",
            trimmed(total(row))
        )
    });
    let most = time.iter().flatten().copied().fold(0.0, f64::max);
    let shares = time.iter().map(|row| row.iter().map(|cell| cell / most.max(1e-12)).collect());
    let height = 20.0_f64.mul_add(blocks.len() as f64, TOP + BOTTOM).clamp(110.0, 420.0);
    let x = Axis::linear("rows, in the order they are computed", (0.0, 1.0), percent);
    let frame = Frame::of_rows(height, x, blocks);
    (most, frame.draw(&about, &cells(&frame, blocks, &shares.collect::<Vec<_>>())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_none_is_nothing() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (200.0, "200"),
            (5_000.0, "5k"),
            (2.5e6, "2.5M"),
            (0.002, "0.002"),
            (0.5, "0.5"),
            (1e-5, "0.00001"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(percent(0.001), "0.1 %");
        assert_eq!(percent(0.25), "25 %");
    }

    #[test]
    fn legends_stand_over_the_curves() {
        let shape = DataShape {
            users: 100,
            items: 20,
            interactions: 300,
            user_degrees: vec![(1, 100), (9, 2)],
            item_degrees: vec![(1, 20), (40, 1)],
            work: Vec::new(),
        };
        let svg = degrees(&shape).into_string();
        // The legend is at 27; no point of a curve is higher than the plot.
        let heights = svg.split("<path").skip(1).flat_map(|path| {
            let points = path.split(['M', 'L']).skip(1);
            points.filter_map(|point| point.split([' ', '"']).nth(1)?.parse::<f64>().ok())
        });
        let heights = heights.collect::<Vec<_>>();
        assert!(heights.len() == 4 && heights.iter().all(|y| *y >= 40.0), "{heights:?}");
        assert_eq!(svg.matches("(log scale)").count(), 2);
        assert!(svg.contains("role=\"img\"") && svg.contains("aria-label=\"Two falling"));
    }

    #[test]
    fn memory_of_several_processes_is_that_of_their_stages() {
        let stage = |began, seconds, peak| super::super::Span {
            began,
            seconds,
            peak_memory: Some(peak),
            ..Default::default()
        };
        let stages = vec![stage(0.0, 2.0, 10), stage(2.0, 3.0, 40)];
        let spent = Spent { attempts: 2, memory: vec![(0.0, 7)], stages, ..Spent::default() };
        assert_eq!(memory_points(&spent), [(0.0, 10.0), (2.0, 10.0), (2.0, 40.0), (5.0, 40.0)]);
        assert_eq!(spent.peak(), Some(40));
        let alone = Spent { attempts: 1, ..spent };
        assert_eq!(memory_points(&alone), [(0.0, 7.0)]);
    }
}
