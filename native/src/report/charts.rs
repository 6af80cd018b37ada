//! The report's pictures, drawn by kuva. Colours are the page's variables, so that they follow
//! its theme; each picture comes wide and narrow, and the page shows the one that fits.

use std::sync::Arc;

use kuva::{
    backend::svg::SvgBackend,
    plot::{
        ColorMap, GanttPlot, Heatmap, Histogram, LegendPosition, LinePlot, ScatterPlot,
        funnel::{FunnelOrientation, FunnelPlot},
    },
    render::{
        layout::{AxisLabelOverlap, Layout, TickFormat},
        plots::Plot,
        render::render_multiple,
        theme::Theme,
    },
};

use super::{DataShape, Rung, Scores, Span, Step, TileSpan};
use crate::text::{bytes_text, grouped, rounded};

const FIRST: &str = "var(--first)";
const SECOND: &str = "var(--second)";

/// A picture in both sizes.
pub(super) struct Picture {
    pub(super) wide: String,
    pub(super) narrow: String,
}

/// A size to draw in, in CSS pixels.
#[derive(Clone, Copy)]
struct Size {
    width: f64,
    height: f64,
    is_wide: bool,
}

impl Picture {
    /// Draws a picture; `about` says what it shows to those who cannot see it.
    fn draw(about: &str, height: f64, plots: impl Fn(Size) -> (Vec<Plot>, Layout)) -> Self {
        let wide = Size { width: 720.0, height, is_wide: true };
        let narrow = Size { width: 350.0, height: height * 0.86, is_wide: false };
        let svg = |size: Size| {
            let (plots, layout) = plots(size);
            let layout = layout
                .with_width(size.width)
                .with_height(size.height)
                .with_theme(theme())
                .with_axis_line_width(1.0)
                .with_tick_width(1.0)
                .with_tick_length(4.0)
                .with_grid_line_width(1.0)
                .with_title_size(14)
                .with_label_size(13)
                .with_tick_size(12)
                .with_body_size(12)
                .with_legend_box(false);
            accessible(&SvgBackend::new().render_scene(&render_multiple(plots, layout)), about)
        };
        Self { wide: svg(wide), narrow: svg(narrow) }
    }

    /// Changes both sizes.
    fn map(self, change: impl Fn(&str) -> String) -> Self {
        Self { wide: change(&self.wide), narrow: change(&self.narrow) }
    }
}

/// Colours of everything that is not data.
fn theme() -> Theme {
    Theme {
        background: "none".into(),
        axis_color: "var(--axis)".into(),
        grid_color: "var(--grid)".into(),
        tick_color: "var(--axis)".into(),
        text_color: "var(--soft)".into(),
        legend_bg: "none".into(),
        legend_border: "none".into(),
        colorbar_border: "var(--axis)".into(),
        font_family: Some("inherit".into()),
        ..Theme::light()
    }
}

/// Makes the picture grow and shrink with the page, and tells what it is.
fn accessible(svg: &str, about: &str) -> String {
    let Some((head, body)) = svg.split_once('>') else { return svg.to_owned() };
    let size = |name: &str| {
        let (_, rest) = head.split_once(&format!(" {name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let (Some(width), Some(height)) = (size("width"), size("height")) else {
        return svg.to_owned();
    };
    let head = head
        .replacen(&format!(" width=\"{width}\""), &format!(" viewBox=\"0 0 {width} {height}\""), 1)
        .replacen(&format!(" height=\"{height}\""), " role=\"img\"", 1);
    // The library's white is for text on bars.
    let body = body.replace("\"#ffffff\"", "\"var(--on-first)\"");
    let about = maud::html! { (about) }.into_string();
    format!("{head} aria-label=\"{about}\">{body}")
}

fn layout_of(plots: &[Plot]) -> Layout {
    Layout::auto_from_plots(plots)
}

/// Writes ticks with a function.
fn ticks(text: impl Fn(f64) -> String + Send + Sync + 'static) -> TickFormat {
    TickFormat::Custom(Arc::new(text))
}

/// Writes a count shortly: `1`, `200`, `5k`, `3M`.
fn short(number: f64) -> String {
    for (scale, unit) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if number.abs() >= scale {
            return format!("{}{unit}", trimmed(number / scale));
        }
    }
    trimmed(number)
}

/// Writes a number with at most two decimals, none that are 0.
fn trimmed(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let text = if percent >= 1.0 { trimmed(percent) } else { format!("{percent:.4}") };
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

/// Rows, by step.
pub(super) fn funnel(steps: &[Step]) -> Picture {
    let about = steps.iter().map(|step| format!("{} {}", grouped(step.count), step.name));
    let about = format!("Funnel: {}.", about.collect::<Vec<_>>().join(", "));
    let picture = Picture::draw(&about, 260.0, |size| {
        let plot = steps.iter().fold(FunnelPlot::new(), |plot, step| {
            plot.with_stage_color(step.name.clone(), step.count as f64, FIRST)
        });
        let orientation =
            if size.is_wide { FunnelOrientation::Horizontal } else { FunnelOrientation::Vertical };
        let plot = plot
            .with_orientation(orientation)
            .with_show_values(true)
            .with_show_percents(true)
            .with_show_conversion(false);
        let plots = vec![Plot::from(plot)];
        let layout = layout_of(&plots);
        (plots, layout)
    });
    picture.map(|svg| {
        let group = |svg: String, step: &Step| {
            svg.replace(&format!(">{} (", step.count), &format!(">{} (", grouped(step.count)))
        };
        steps.iter().fold(svg.to_owned(), group)
    })
}

/// How many users have how many items, and the other way round; both axes logarithmic.
pub(super) fn degrees(data: &DataShape) -> Picture {
    let about = format!(
        "Two falling curves on logarithmic axes: how many of the {} users have at least this many \
         items, and how many of the {} items at least this many users.",
        grouped(data.users),
        grouped(data.items)
    );
    Picture::draw(&about, 330.0, |_| {
        let curve = |points: &[(u64, u64)], color: &str, name: &str| {
            let points = points.iter().map(|(degree, count)| (*degree as f64, *count as f64));
            let line = LinePlot::new().with_data(points).with_color(color).with_stroke_width(2.5);
            Plot::from(line.with_legend(name))
        };
        let plots = vec![
            curve(&data.user_degrees, FIRST, "users"),
            curve(&data.item_degrees, SECOND, "items"),
        ];
        let layout = layout_of(&plots)
            .with_log_scale()
            .with_x_label("at least this many items or users")
            .with_y_label("users or items")
            .with_tick_format(ticks(short))
            .with_x_label_overlap(AxisLabelOverlap::Thin)
            .with_legend_position(LegendPosition::InsideBottomLeft);
        (plots, layout)
    })
}

/// Which share of the work the heaviest users cause.
pub(super) fn work(points: &[(f64, f64)]) -> Picture {
    let of = |share: f64| points.iter().find(|(users, _)| *users >= share).map(|(_, work)| *work);
    let about = format!(
        "A rising curve. The heaviest 1 % of users cause {}, the heaviest 10 % cause {} of all pair \
         operations.",
        percent(of(0.01).unwrap_or(1.0)),
        percent(of(0.1).unwrap_or(1.0))
    );
    Picture::draw(&about, 300.0, |_| {
        let line = LinePlot::new().with_data(points.iter().copied());
        let line =
            line.with_color(FIRST).with_stroke_width(2.5).with_fill().with_fill_opacity(0.14);
        let plots = vec![Plot::from(line)];
        let layout = layout_of(&plots)
            .with_log_x()
            .with_y_axis_min(0.0)
            .with_y_axis_max(1.0)
            .with_x_label("heaviest users")
            .with_y_label("share of the pair operations")
            .with_x_tick_format(ticks(percent))
            .with_y_tick_format(ticks(percent))
            .with_x_label_overlap(AxisLabelOverlap::Thin);
        (plots, layout)
    })
}

/// When each stage ran.
pub(super) fn stages(spans: &[Span]) -> Picture {
    let about = spans.iter().map(|span| format!("{} {}", span.name, seconds(span.seconds)));
    let about = format!("Stages one after the other: {}.", about.collect::<Vec<_>>().join(", "));
    let height = 90.0 + 34.0 * spans.len() as f64;
    let end = spans.iter().map(|span| span.began + span.seconds).fold(0.0, f64::max);
    Picture::draw(&about, height, |_| {
        let plot = spans.iter().fold(GanttPlot::new(), |plot, span| {
            // A sliver is still to be seen.
            let ends = span.began + span.seconds.max(end * 0.004);
            plot.with_task(span.name.clone(), span.began, ends)
        });
        let plot = plot.with_color(FIRST).with_bar_height(0.55).with_show_labels(false);
        let plots = vec![Plot::from(plot)];
        let layout = layout_of(&plots)
            .with_x_label("seconds since the start")
            .with_x_tick_format(ticks(trimmed))
            .with_x_label_overlap(AxisLabelOverlap::Thin);
        (plots, layout)
    })
}

/// Bins of time in the workers' picture.
const MOMENTS: usize = 60;

/// How busy each worker was, by time.
pub(super) fn workers(tiles: &[TileSpan]) -> Picture {
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
            let from = begin + width * moment as f64;
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
    let height = (140.0 + 26.0 * count as f64).min(520.0);
    let (least, most) = range(&busy);
    Picture::draw(&about, height, |_| {
        let map = Heatmap::new()
            .with_data(busy.clone())
            .with_color_map(ramp(move |value| least + value * (most - least)))
            .with_x_range(begin, end)
            .with_labels(names.clone(), Vec::new())
            .with_y_categories(names.clone());
        let plots = vec![Plot::from(map)];
        let layout = layout_of(&plots)
            .with_y_categories(names.iter().rev().cloned().collect())
            .with_x_label("seconds since the start")
            .with_y_label("thread")
            .with_x_tick_format(ticks(trimmed))
            .with_x_label_overlap(AxisLabelOverlap::Thin)
            .with_colorbar_tick_format(ticks(percent));
        (plots, layout)
    })
    .map(without_seams)
}

/// Finds the least and the largest cell: a heat map gives its ramp values from 0 to 1 between.
fn range(cells: &[Vec<f64>]) -> (f64, f64) {
    let all = || cells.iter().flatten().copied();
    (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max))
}

/// A ramp from the page's background to the first colour; `value` says how far.
fn ramp(value: impl Fn(f64) -> f64 + Send + Sync + 'static) -> ColorMap {
    ColorMap::Custom(Arc::new(move |place: f64| {
        let strength = 6.0 + 94.0 * value(place).clamp(0.0, 1.0);
        format!("color-mix(in oklab, var(--first) {strength:.0}%, var(--card))")
    }))
}

/// Draws the cells' edges in their own colours: no page shines through between them.
fn without_seams(svg: &str) -> String {
    const FILL: &str = "fill=\"color-mix(";
    let mut parts = svg.split(FILL);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let color = part.split('"').next().unwrap_or_default();
        format!("{text}stroke=\"color-mix({color}\" {FILL}{part}")
    })
}

/// Bins of rows in the tiles' picture.
const PARTS: usize = 24;

/// Where the time went: milliseconds by block of columns and part of the rows.
pub(super) fn tiles(tiles: &[TileSpan], blocks: &[String]) -> Picture {
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
    let slowest = time
        .iter()
        .zip(blocks)
        .max_by(|(a, _), (b, _)| a.iter().sum::<f64>().total_cmp(&b.iter().sum()));
    let about = slowest.map_or_else(String::new, |(row, name)| {
        format!(
            "Heat map of computing time by block of columns and part of the rows; most went into {name}: {} ms.",
            trimmed(row.iter().sum())
        )
    });
    let height = (130.0 + 24.0 * blocks.len() as f64).min(620.0);
    Picture::draw(&about, height, |_| {
        let map = Heatmap::new()
            .with_data(time.clone())
            .with_color_map(ramp(|value| value))
            .with_x_range(0.0, 1.0)
            .with_labels(blocks.to_vec(), Vec::new())
            .with_y_categories(blocks.to_vec());
        let plots = vec![Plot::from(map.with_legend("ms"))];
        let layout = layout_of(&plots)
            .with_y_categories(blocks.iter().rev().cloned().collect())
            .with_x_label("rows, in the order they are computed")
            .with_x_tick_format(ticks(percent))
            .with_x_label_overlap(AxisLabelOverlap::Thin)
            .with_colorbar_tick_format(ticks(trimmed));
        (plots, layout)
    })
    .map(without_seams)
}

/// Memory by time.
pub(super) fn memory(samples: &[(f64, u64)]) -> Picture {
    let peak = samples.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    let about = format!("Memory of the process over time, at most {}.", bytes_text(peak));
    Picture::draw(&about, 260.0, |_| {
        let points = samples.iter().map(|(seconds, bytes)| (*seconds, *bytes as f64 / 1_048_576.0));
        let line = LinePlot::new().with_data(points).with_color(SECOND).with_stroke_width(2.0);
        let plots = vec![Plot::from(line.with_fill().with_fill_opacity(0.14))];
        let layout = layout_of(&plots)
            .with_y_axis_min(0.0)
            .with_x_label("seconds since the start")
            .with_y_label("MiB")
            .with_x_tick_format(ticks(trimmed))
            .with_y_tick_format(ticks(short))
            .with_x_label_overlap(AxisLabelOverlap::Thin);
        (plots, layout)
    })
}

/// Predicted and measured time of samples; both axes logarithmic.
pub(super) fn ladder(rungs: &[Rung]) -> Picture {
    let about = rungs.iter().map(|rung| {
        let measured = rung.measured.map_or_else(|| "not run".into(), seconds);
        format!("{}: predicted {}, {measured}", percent(rung.rate), seconds(rung.predicted))
    });
    let about = format!("CPU time of samples. {}.", about.collect::<Vec<_>>().join("; "));
    Picture::draw(&about, 300.0, |_| {
        let predicted = rungs.iter().map(|rung| (rung.rate, rung.predicted));
        let measured = rungs.iter().filter_map(|rung| Some((rung.rate, rung.measured?)));
        let line = LinePlot::new().with_data(predicted).with_color(FIRST).with_stroke_width(2.0);
        let dots = ScatterPlot::new().with_data(measured).with_color(SECOND).with_size(5.0);
        let plots = vec![
            Plot::from(line.with_legend("predicted")),
            Plot::from(dots.with_legend("measured")),
        ];
        let layout = layout_of(&plots)
            .with_log_scale()
            .with_x_label("share of the users")
            .with_y_label("CPU seconds")
            .with_x_tick_format(ticks(percent))
            .with_y_tick_format(ticks(short))
            .with_legend_position(LegendPosition::InsideTopLeft);
        (plots, layout)
    })
}

/// How the scores are distributed.
pub(super) fn scores(scores: &Scores, measure: &str) -> Picture {
    let value = |edge: f64| if scores.is_log { 10.0_f64.powf(edge) } else { edge };
    let most = scores.counts.iter().enumerate().max_by_key(|(_, count)| **count);
    let about = most.map_or_else(String::new, |(bin, count)| {
        format!(
            "Histogram of the scores; most of them, {}, lie from {} to {}.",
            rounded(u128::from(*count)),
            trimmed(value(scores.edges[bin])),
            trimmed(value(scores.edges[bin + 1]))
        )
    });
    let is_log = scores.is_log;
    Picture::draw(&about, 280.0, |_| {
        let counts = scores.counts.iter().map(|count| *count as f64).collect();
        let plot = Histogram::from_bins(scores.edges.clone(), counts).with_color(FIRST);
        let plots = vec![Plot::from(plot)];
        let layout = layout_of(&plots)
            .with_y_axis_min(0.0)
            .with_x_label(measure)
            .with_y_label("neighbours")
            .with_y_tick_format(ticks(short))
            .with_x_tick_format(ticks(move |edge| {
                if is_log { short(10.0_f64.powf(edge)) } else { trimmed(edge) }
            }))
            .with_x_label_overlap(AxisLabelOverlap::Thin);
        (plots, layout)
    })
}

fn seconds(seconds: f64) -> String {
    crate::progress::seconds_text(seconds)
}
