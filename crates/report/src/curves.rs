//! The section of learning curves.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::svg::{Chart, line_chart};
use super::text::{escape, thousands};
use crate::MetricsRow;

/// Returns the charts of all logged terms, then of learning rate and time spent waiting for data.
pub(super) fn section(metrics: &[MetricsRow]) -> String {
    let Some(last) = metrics.last() else {
        return String::new();
    };
    let stages = stages(metrics);
    let last_step = last.step as f64;
    let mut html = String::from(
        "<section class=\"curves\"><h2>Learning curves</h2>\
         <label class=\"scale\"><input type=\"checkbox\" data-scale>logarithmic losses</label>",
    );
    stage_list(&mut html, &stages, last.step);
    html.push_str("<div class=\"charts\">");
    let mut add = |title: &str, points: Vec<(f64, f64)>, [smooth, logarithmic]: [bool; 2]| {
        figure(
            &mut html,
            &Chart {
                title,
                points,
                stages: &stages,
                last_step,
                smooth,
                logarithmic,
            },
        );
    };
    for name in term_names(metrics) {
        let value = |row: &MetricsRow| Some((row.step as f64, *row.losses.get(name)?));
        let points = metrics.iter().filter_map(value).collect();
        add(name, points, [true, true]);
    }
    let of = |field: fn(&MetricsRow) -> f64| -> Vec<(f64, f64)> {
        let point = |row: &MetricsRow| (row.step as f64, field(row));
        metrics.iter().map(point).collect()
    };
    add("learning rate", of(|row| row.lr), [false, false]);
    let wait = of(|row| 100.0 * row.data_wait);
    add("waiting for data, % of a step", wait, [true, false]);
    html.push_str(
        "</div><p class=\"note\">By training step. Faint: as logged; bold: moving \
         average; at the right: the last value, or that under the pointer. \
         Terms of the loss are shown before their weights; some, such as <code>pseudo_active</code>, \
         have none and are for observation. \
         A logarithmic axis leaves out values that are not above 0.</p></section>",
    );
    html
}

fn figure(html: &mut String, chart: &Chart<'_>) {
    let latest = chart.points.last().map_or(String::new(), |p| short(p.1));
    let drawn = line_chart(chart);
    let class = match drawn.logarithmic {
        true => " class=\"both-scales\"",
        false => "",
    };
    let _ = write!(
        html,
        "<figure{class} data-points=\"{}\" data-plot=\"{}\" data-last=\"{}\">\
         <figcaption><b>{}</b><span>{latest}</span></figcaption>{}</figure>",
        drawn.points.trim_end(),
        drawn.plot,
        chart.last_step,
        escape(chart.title),
        drawn.svg,
    );
}

/// Returns the names of all logged terms, in alphabetical order.
fn term_names(metrics: &[MetricsRow]) -> BTreeSet<&str> {
    (metrics.iter())
        .flat_map(|row| row.losses.keys().map(String::as_str))
        .collect()
}

/// Returns the first step of each stage, with the stage's name.
fn stages(metrics: &[MetricsRow]) -> Vec<(f64, &str)> {
    let mut stages: Vec<(f64, &str)> = Vec::new();
    for row in metrics {
        if stages.last().is_none_or(|(_, name)| *name != row.stage) {
            stages.push((row.step as f64, &row.stage));
        }
    }
    stages
}

/// Writes the list of stages that the numbers in the charts refer to.
fn stage_list(html: &mut String, stages: &[(f64, &str)], last: u64) {
    if stages.len() < 2 {
        return;
    }
    html.push_str("<ol class=\"stages\">");
    for (index, (first, name)) in stages.iter().enumerate() {
        let end = stages.get(index + 1).map_or(last, |next| next.0 as u64 - 1);
        let _ = write!(
            html,
            "<li>{} <small>steps {}&ndash;{}</small></li>",
            escape(name),
            thousands(*first as u64),
            thousands(end)
        );
    }
    html.push_str("</ol>");
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || (1e-3..1e4).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}
