//! Plots as SVG: bars of many ways, and lines.

use std::error::Error;
use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

type Drawn = Result<(), Box<dyn Error>>;

/// Distinct also for those who do not see all colours.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
];

fn colour(at: usize) -> RGBColor {
    COLOURS[at % COLOURS.len()]
}

/// Horizontal bars on a logarithmic axis: a group for each name, in it a bar for each way that has a value.
pub(crate) fn bars(
    path: &Path,
    title: &str,
    unit: &str,
    ways: &[&str],
    groups: &[(&str, Vec<Option<f64>>)],
) -> Drawn {
    let height = 110 + groups.len() as u32 * (ways.len() as u32 * 9 + 14);
    let root = SVGBackend::new(path, (900, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let values = || {
        groups
            .iter()
            .flat_map(|(_, values)| values.iter().flatten().copied())
    };
    let least = values().fold(f64::INFINITY, f64::min) / 2.0;
    let most = values().fold(0.0, f64::max) * 1.5;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(170)
        .build_cartesian_2d((least..most).log_scale(), 0.0..groups.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_desc(unit)
        .x_label_formatter(&|value| short(*value))
        .draw()?;
    for (at, (name, _)) in groups.iter().enumerate() {
        // The first group is the topmost.
        let middle = groups.len() as f64 - at as f64 - 0.5;
        let (x, y) = chart.backend_coord(&(least, middle));
        let style = ("sans-serif", 13).into_text_style(&root);
        let width = name.len() as i32 * 7;
        root.draw_text(name, &style, (x - width - 6, y - 7))?;
    }
    let thickness = 0.86 / ways.len() as f64;
    for (way, name) in ways.iter().enumerate() {
        let bars = groups.iter().enumerate().filter_map(|(at, (_, values))| {
            let value = values.get(way).copied().flatten()?;
            let top = groups.len() as f64 - at as f64 - 0.07 - way as f64 * thickness;
            Some(Rectangle::new(
                [(least, top), (value, top - thickness * 0.85)],
                colour(way).filled(),
            ))
        });
        chart.draw_series(bars)?.label(*name).legend(move |(x, y)| {
            Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour(way).filled())
        });
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()?;
    Ok(())
}

/// A line with its name.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Lines over a logarithmic axis; `log_y` makes the other one logarithmic too.
pub(crate) fn lines(
    path: &Path,
    title: &str,
    (x_name, y_name): (&str, &str),
    log_y: bool,
    lines: &[Line],
) -> Drawn {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let x = least(&mut points().map(|it| it.0))..most(&mut points().map(|it| it.0));
    let top = most(&mut points().map(|it| it.1)) * 1.1;
    let root = SVGBackend::new(path, (900, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let names = (title, x_name, y_name);
    if log_y {
        let bottom = least(&mut points().map(|it| it.1)) / 1.5;
        draw(&root, names, x, (bottom..top).log_scale(), lines)?;
    } else {
        draw(&root, names, x, 0.0..top, lines)?;
    }
    root.present()?;
    Ok(())
}

fn draw<'a, Y>(
    root: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    (title, x_name, y_name): (&str, &str, &str),
    x: std::ops::Range<f64>,
    y: Y,
    lines: &[Line],
) -> Drawn
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(x.log_scale(), y)?;
    chart
        .configure_mesh()
        .x_desc(x_name)
        .y_desc(y_name)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    for (at, line) in lines.iter().enumerate() {
        chart
            .draw_series(LineSeries::new(
                line.points.iter().copied(),
                colour(at).stroke_width(2),
            ))?
            .label(line.name.as_str())
            .legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 16, y)], colour(at).stroke_width(2))
            });
        let dots = line
            .points
            .iter()
            .map(|&point| Circle::new(point, 3, colour(at).filled()));
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

/// A number for an axis.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e3 => format!("{} k", value / 1e3),
        value => format!("{value}"),
    }
}
