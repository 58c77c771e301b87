//! Learning curves as inline SVG.

use std::fmt::Write;

use super::html::escape;

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 24.0;
/// Points drawn at most; longer curves are gathered into this many buckets.
const BUCKETS: usize = 360;

/// A curve over training steps.
pub(super) struct Chart<'a> {
    /// Name of the quantity.
    pub(super) title: &'a str,
    /// Step and value; a value that is not finite breaks nothing and is left out.
    pub(super) points: Vec<(f64, f64)>,
    /// First step and name of every stage.
    pub(super) stages: &'a [(f64, &'a str)],
    /// Last step of the run, so that all charts share one axis.
    pub(super) last_step: f64,
    /// Whether to draw a moving average over the raw curve.
    pub(super) smooth: bool,
}

struct Frame {
    x: [f64; 2],
    y: [f64; 2],
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)
    }
}

/// Draws the chart: grid, ticks, stage marks, the raw curve and its average.
pub(super) fn line_chart(chart: &Chart<'_>) -> String {
    let segments = by_stage(&chart.points, chart.stages);
    let frame = Frame {
        x: [0.0, chart.last_step.max(1.0)],
        y: value_range(&segments),
    };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} by step\">",
        escape(chart.title)
    );
    draw_axes(&mut svg, &frame);
    draw_stages(&mut svg, &frame, chart.stages);
    for buckets in segments {
        if chart.smooth {
            let extremes = buckets.iter().flat_map(|b| [(b.x, b.low), (b.x, b.high)]);
            polyline(&mut svg, "raw", &frame, extremes);
            polyline(&mut svg, "curve", &frame, moving_average(&buckets));
        } else {
            polyline(
                &mut svg,
                "curve",
                &frame,
                buckets.iter().map(|b| (b.x, b.mean)),
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

#[derive(Clone, Copy)]
struct Bucket {
    x: f64,
    mean: f64,
    low: f64,
    high: f64,
}

/// One curve per stage: losses of two stages do not continue each other.
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

fn value_range(segments: &[Vec<Bucket>]) -> [f64; 2] {
    let buckets = || segments.iter().flatten();
    let low = buckets().map(|b| b.low).fold(f64::INFINITY, f64::min);
    let high = buckets().map(|b| b.high).fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return [0.0, 1.0];
    }
    let low = if low >= 0.0 && low < 0.5 * high {
        0.0
    } else {
        low
    };
    let margin = match (high > low, high == 0.0) {
        (true, _) => 0.05 * (high - low),
        (false, false) => 0.1 * high.abs(),
        (false, true) => 1.0, // a term that is switched off
    };
    let bottom = if low == 0.0 { 0.0 } else { low - margin };
    [bottom, high + margin]
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
    frame: &Frame,
    points: impl Iterator<Item = (f64, f64)>,
) {
    let _ = write!(svg, "<polyline class=\"{class}\" points=\"");
    for (x, y) in points {
        let _ = write!(svg, "{:.1},{:.1} ", frame.x(x), frame.y(y));
    }
    svg.push_str("\"/>");
}

fn draw_axes(svg: &mut String, frame: &Frame) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let (values, step) = ticks(frame.y, 4.0);
    for value in values {
        let y = frame.y(value);
        let label = tick_label(value, step);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 6.0,
            y + 3.5
        );
    }
    let (values, step) = ticks(frame.x, 5.0);
    for value in values {
        let x = frame.x(value);
        let label = tick_label(value, step);
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{x:.1} {bottom}v4\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{}\">{label}</text>",
            bottom + 16.0,
            if x > right - 12.0 { "end" } else { "middle" }
        );
    }
    let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>");
}

fn draw_stages(svg: &mut String, frame: &Frame, stages: &[(f64, &str)]) {
    if stages.len() < 2 {
        return;
    }
    for (index, &(step, name)) in stages.iter().enumerate() {
        let x = frame.x(if index == 0 { frame.x[0] } else { step });
        if index > 0 {
            let _ = write!(
                svg,
                "<path class=\"stage\" d=\"M{x:.1} {TOP}V{}\"/>",
                HEIGHT - BOTTOM
            );
        }
        let _ = write!(
            svg,
            "<text class=\"stage-name\" x=\"{:.1}\" y=\"11\">{}</text>",
            x,
            escape(name)
        );
    }
}

/// Round values inside the range, about `wanted` of them, and their distance.
fn ticks(range: [f64; 2], wanted: f64) -> (Vec<f64>, f64) {
    let rough = (range[1] - range[0]) / wanted;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(rough);
    let first = (range[0] / step).ceil() as i64;
    let last = (range[1] / step + 1e-9).floor() as i64;
    ((first..=last).map(|i| i as f64 * step).collect(), step)
}

fn tick_label(value: f64, step: f64) -> String {
    if value == 0.0 {
        "0".to_string()
    } else if step < 1e-4 {
        format!("{:.1e}", value)
    } else if step >= 1000.0 {
        format!("{}k", value / 1000.0)
    } else {
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(
            ticks([0.0, 2000.0], 5.0).0,
            [0.0, 500.0, 1000.0, 1500.0, 2000.0]
        );
        let (values, step) = ticks([0.13, 0.87], 4.0);
        let labels: Vec<_> = values.iter().map(|&v| tick_label(v, step)).collect();
        assert_eq!(labels, ["0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(tick_label(20_000.0, 10_000.0), "20k");
    }

    #[test]
    fn odd_curves_draw_without_nan() {
        let chart = |points| {
            line_chart(&Chart {
                title: "a<b",
                points,
                stages: &[(0.0, "one"), (5.0, "two")],
                last_step: 10.0,
                smooth: true,
            })
        };
        for points in [
            vec![],
            vec![(1.0, 0.0)],
            vec![(1.0, -2.5), (2.0, -2.5)],
            vec![(1.0, f64::NAN), (2.0, f64::INFINITY), (3.0, 1.0)],
            (0..5000)
                .map(|i| (f64::from(i), f64::from(i % 7)))
                .collect(),
        ] {
            let svg = chart(points);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.contains("a&lt;b by step") && svg.len() < 30_000);
        }
    }
}
