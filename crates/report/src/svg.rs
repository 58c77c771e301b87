//! Charts of a quantity over training steps, as inline SVG.

use std::fmt::Write;

use super::axis::{Axis, Scaling};
use super::text::escape;

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 24.0;
/// Number of buckets into which the points of longer curves are grouped, about the most that are drawn.
const BUCKETS: usize = 360;

/// A curve over training steps.
pub(super) struct Chart<'a> {
    /// Name of the quantity.
    pub(super) title: &'a str,
    /// Step and value; values that are not finite are left out.
    pub(super) points: Vec<(f64, f64)>,
    /// First step and name of every stage.
    pub(super) stages: &'a [(f64, &'a str)],
    /// Last step of the run, so that all charts share one axis.
    pub(super) last_step: f64,
    /// Whether to draw a moving average over the raw curve.
    pub(super) smooth: bool,
    /// Whether to draw it over a logarithmic axis too, if any value is positive.
    pub(super) logarithmic: bool,
}

/// A drawn chart, with the data from which a script reads values.
pub(super) struct Drawn {
    pub(super) svg: String,
    /// Whether there is a logarithmic variant.
    pub(super) logarithmic: bool,
    /// `step:value` of every point drawn, separated by spaces.
    pub(super) points: String,
    /// Left and right end of the plot in the SVG's units, and the last step.
    pub(super) plot: String,
}

/// Draws the chart: grid, ticks, stage marks, the raw curve and its average.
pub(super) fn line_chart(chart: &Chart<'_>) -> Drawn {
    let segments = by_stage(&chart.points, chart.stages);
    let steps = Axis::new(
        [0.0, chart.last_step.max(1.0)],
        [LEFT, WIDTH - RIGHT],
        Scaling::Linear,
    );
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} by step\">",
        escape(chart.title)
    );
    draw_steps(&mut svg, &steps);
    draw_stages(&mut svg, &steps, chart.stages);
    draw_curves(&mut svg, chart, &steps, (&segments, Scaling::Linear));
    let positive = positive_part(&segments);
    let logarithmic = chart.logarithmic && !positive.is_empty();
    if logarithmic {
        draw_curves(&mut svg, chart, &steps, (&positive, Scaling::Logarithmic));
    }
    svg.push_str("<path class=\"cursor\" d=\"\"/></svg>");
    let mut points = String::new();
    for bucket in segments.iter().flatten() {
        let _ = write!(points, "{:.0}:{:.4e} ", bucket.x, bucket.mean);
    }
    Drawn {
        svg,
        logarithmic,
        points,
        plot: format!("{LEFT} {} {TOP} {}", WIDTH - RIGHT, HEIGHT - BOTTOM),
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    x: f64,
    mean: f64,
    low: f64,
    high: f64,
}

/// Splits the points into one curve per stage, as the losses of two stages do not continue each other.
fn by_stage(points: &[(f64, f64)], stages: &[(f64, &str)]) -> Vec<Vec<Bucket>> {
    let finite: Vec<_> = (points.iter().copied())
        .filter(|point| point.1.is_finite())
        .collect();
    let size = finite.len().div_ceil(BUCKETS).max(1);
    let stage_of = |step: f64| stages.partition_point(|(first, _)| *first <= step);
    finite
        .chunk_by(|a, b| stage_of(a.0) == stage_of(b.0))
        .map(|stage| stage.chunks(size).map(bucket).collect())
        .collect()
}

fn bucket(points: &[(f64, f64)]) -> Bucket {
    let count = points.len() as f64;
    let values = || points.iter().map(|point| point.1);
    Bucket {
        x: points.iter().map(|point| point.0).sum::<f64>() / count,
        mean: values().sum::<f64>() / count,
        low: values().fold(f64::INFINITY, f64::min),
        high: values().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// Returns the points that a logarithmic axis can show: buckets whose values are all above 0.
fn positive_part(segments: &[Vec<Bucket>]) -> Vec<Vec<Bucket>> {
    let positive = |segment: &Vec<Bucket>| -> Vec<Bucket> {
        segment.iter().copied().filter(|b| b.low > 0.0).collect()
    };
    let mut kept: Vec<_> = segments.iter().map(positive).collect();
    kept.retain(|segment| !segment.is_empty());
    kept
}

fn draw_curves(
    svg: &mut String,
    chart: &Chart<'_>,
    steps: &Axis,
    (segments, scaling): (&[Vec<Bucket>], Scaling),
) {
    let buckets = || segments.iter().flatten();
    let low = buckets().map(|b| b.low).fold(f64::INFINITY, f64::min);
    let high = buckets().map(|b| b.high).fold(f64::NEG_INFINITY, f64::max);
    let values = Axis::around([low, high], [HEIGHT - BOTTOM, TOP], scaling);
    let class = match scaling {
        Scaling::Linear => "linear",
        Scaling::Logarithmic => "logarithmic",
    };
    let _ = write!(svg, "<g class=\"{class}\">");
    draw_values(svg, &values);
    for segment in segments {
        if chart.smooth {
            let extremes = segment.iter().flat_map(|b| [(b.x, b.low), (b.x, b.high)]);
            polyline(svg, "raw", [steps, &values], extremes);
            polyline(svg, "curve", [steps, &values], moving_average(segment));
        } else {
            let means = segment.iter().map(|b| (b.x, b.mean));
            polyline(svg, "curve", [steps, &values], means);
        }
    }
    svg.push_str("</g>");
}

fn moving_average(buckets: &[Bucket]) -> impl Iterator<Item = (f64, f64)> {
    let reach = buckets.len() / 40;
    (0..buckets.len()).map(move |i| {
        let window = &buckets[i.saturating_sub(reach)..(i + reach + 1).min(buckets.len())];
        let mean = window.iter().map(|b| b.mean).sum::<f64>() / window.len() as f64;
        (buckets[i].x, mean)
    })
}

fn polyline(
    svg: &mut String,
    class: &str,
    [x, y]: [&Axis; 2],
    points: impl Iterator<Item = (f64, f64)>,
) {
    let _ = write!(svg, "<polyline class=\"{class}\" points=\"");
    for (step, value) in points {
        let _ = write!(svg, "{:.1},{:.1} ", x.place(step), y.place(value));
    }
    svg.push_str("\"/>");
}

fn draw_values(svg: &mut String, values: &Axis) {
    for (value, label) in values.ticks(4.0) {
        let y = values.place(value);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 3.5
        );
    }
}

fn draw_steps(svg: &mut String, steps: &Axis) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (value, label) in steps.ticks(5.0) {
        let x = steps.place(value);
        let anchor = if x > right - 12.0 { "end" } else { "middle" };
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{x:.1} {bottom}v4\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{label}</text>",
            bottom + 16.0,
        );
    }
    let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>");
}

/// Draws a dashed line where each stage begins, and its number.
fn draw_stages(svg: &mut String, steps: &Axis, stages: &[(f64, &str)]) {
    if stages.len() < 2 {
        return;
    }
    for (index, &(step, name)) in stages.iter().enumerate() {
        let x = if index == 0 { LEFT } else { steps.place(step) };
        if index > 0 {
            let bottom = HEIGHT - BOTTOM;
            let _ = write!(svg, "<path class=\"stage\" d=\"M{x:.1} {TOP}V{bottom}\"/>");
        }
        let _ = write!(
            svg,
            "<text class=\"stage-number\" x=\"{:.1}\" y=\"13\">{}<title>{}</title></text>",
            x + 2.0,
            index + 1,
            escape(name)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Drawn {
        line_chart(&Chart {
            title: "a<b",
            points,
            stages: &[(0.0, "one"), (5.0, "<two>")],
            last_step: 10.0,
            smooth: true,
            logarithmic: true,
        })
    }

    #[test]
    fn odd_curves_draw_without_nan() {
        for points in [
            vec![],
            vec![(1.0, 0.0)],
            vec![(1.0, -2.5), (2.0, -2.5)],
            vec![(1.0, f64::NAN), (2.0, f64::INFINITY), (3.0, 1.0)],
            vec![(1.0, 1e-40), (2.0, 1e38)],
            (0..5000)
                .map(|i| (f64::from(i), f64::from(i % 7)))
                .collect(),
        ] {
            let svg = chart(points).svg;
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.contains("a&lt;b by step") && svg.len() < 60_000);
            assert!(svg.contains("<title>&lt;two&gt;</title>"));
        }
    }

    #[test]
    fn a_logarithmic_variant_needs_a_positive_value() {
        let mixed = chart(vec![(1.0, 0.0), (2.0, 0.5), (3.0, 0.05)]);
        assert!(mixed.logarithmic && mixed.svg.contains("<g class=\"logarithmic\">"));
        let (_, logarithmic) = mixed
            .svg
            .split_once("<g class=\"logarithmic\">")
            .unwrap_or_default();
        assert_eq!(logarithmic.matches("<polyline class=\"curve\"").count(), 1);
        assert!(!chart(vec![(1.0, -1.0), (2.0, 0.0)]).logarithmic);
    }

    #[test]
    fn the_points_can_be_read_back() {
        let drawn = chart(vec![(1.0, 0.25), (7.0, -3.0)]);
        assert_eq!(drawn.points, "1:2.5000e-1 7:-3.0000e0 ");
        assert_eq!(drawn.plot, "46 372 18 176");
    }
}
