//! The page: summary, results, protocol and configuration.

use std::fmt::Write;

use super::text::{escape, thousands};
use super::{ReportInput, cases, curves, tables};
use crate::MetricsRow;
use semivox_inference::evaluation::{Evaluation, Protocol};

/// Content security policy that forbids any fetch, so that the page is the same without a network.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'";

/// Returns the whole page.
pub(super) fn page(input: &ReportInput<'_>) -> String {
    let title = escape(&input.title);
    let evaluation = input.evaluation.as_ref();
    let mut body = format!("<header><h1>{title}</h1>{}</header>", summary(input));
    let leaks = evaluation.and_then(|found| found.protocol.leaks.as_ref());
    let leaks = leaks.map(|leaks| format!("Not an independent test: {leaks}."));
    for notice in unfinished(input).iter().chain(&input.notices).chain(&leaks) {
        let _ = write!(body, "<p class=\"notice\">{}</p>", escape(notice));
    }
    body.push_str(&match evaluation {
        Some(evaluation) => results(evaluation),
        None => "<section><h2>Results</h2><p class=\"note\">This run has not been evaluated: \
                 there is no evaluation.json.</p></section>"
            .to_string(),
    });
    body.push_str(&cases::section(&input.pictures, &input.classes));
    body.push_str(&curves::section(&input.metrics));
    if let Some(evaluation) = evaluation {
        body.push_str(&tables::section(evaluation, &input.classes));
    }
    let _ = write!(
        body,
        "<section><h2>Configuration</h2><details><summary>config.toml</summary>\
         <pre>{}</pre></details></section>\
         <footer>Written by Semivox {}. For research; not a medical device.</footer>",
        escape(input.config_toml),
        env!("CARGO_PKG_VERSION")
    );
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title><style>{}</style></head>\n<body><main>{body}</main>\n\
         <script>\n{}{}{}{}</script></body></html>\n",
        include_str!("report.css"),
        include_str!("voxels.js"),
        include_str!("viewer.js"),
        include_str!("curves.js"),
        include_str!("table.js"),
    )
}

/// Returns the line of labels, result, steps and time.
fn summary(input: &ReportInput<'_>) -> String {
    let mut facts = Vec::new();
    let protocol = input.evaluation.as_ref().map(|found| &found.protocol);
    let units = protocol.and_then(|protocol| protocol.labeled_units);
    facts.extend(input.labeled.map(|labeled| {
        let plural = if labeled == 1 { "" } else { "s" };
        format!("{labeled} labeled case{plural}{}", of_units(units))
    }));
    if let Some(Evaluation { mean, .. }) = &input.evaluation {
        facts.extend(
            mean.dice
                .map(|dice| format!("Dice {:.1}&nbsp;%", 100.0 * dice)),
        );
        facts.extend(mean.hd95_mm.map(|mm| format!("HD95 {mm:.2}&nbsp;mm")));
    }
    match input.metrics.last() {
        Some(last) => training(&mut facts, &input.metrics, last.step),
        None => facts.push("no training step has been logged".to_string()),
    }
    format!("<p class=\"lead\">{}</p>", facts.join(" &middot; "))
}

/// Returns the number of patients in words, where patients have several cases.
fn of_units(units: Option<usize>) -> String {
    match units {
        Some(1) => " of 1 patient".to_string(),
        Some(units) => format!(" of {units} patients"),
        None => String::new(),
    }
}

/// Adds the number of steps, the time in all and per step, and the share of it spent waiting for data.
fn training(facts: &mut Vec<String>, metrics: &[MetricsRow], steps: u64) {
    let mut pace: Vec<f64> = finite(metrics, |row| row.seconds_per_step);
    pace.sort_by(f64::total_cmp);
    if let Some(median) = pace.get(pace.len() / 2) {
        let digits = if *median >= 0.1 { 2 } else { 4 };
        facts.push(format!(
            "{} steps in {} ({median:.digits$}&nbsp;s each)",
            thousands(steps),
            duration(pace.iter().sum())
        ));
    }
    let waited: f64 = finite(metrics, |row| row.data_wait * row.seconds_per_step)
        .iter()
        .sum();
    let all: f64 = pace.iter().sum();
    let wait = match all > 0.0 {
        true => 100.0 * waited / all,
        false => 0.0,
    };
    facts.push(format!("{wait:.1}&nbsp;% of it waiting for data"));
}

/// Formats a duration in hours and minutes, minutes, or seconds.
fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        0..2 => format!("{seconds:.0}&nbsp;s"),
        2..120 => format!("{minutes}&nbsp;min"),
        _ => format!("{}&nbsp;h {}&nbsp;min", minutes / 60, minutes % 60),
    }
}

fn finite(metrics: &[MetricsRow], field: fn(&MetricsRow) -> f64) -> Vec<f64> {
    metrics
        .iter()
        .map(field)
        .filter(|value| value.is_finite())
        .collect()
}

fn results(evaluation: &Evaluation) -> String {
    let mut html = String::from("<section><h2>Results</h2><div class=\"tiles\">");
    let pairs: usize = evaluation.cases.iter().map(|case| case.classes.len()).sum();
    let (mean, undefined) = (&evaluation.mean, &evaluation.undefined);
    for (name, value, percent, missing) in [
        ("Dice", mean.dice, true, undefined.dice),
        ("Jaccard", mean.jaccard, true, undefined.jaccard),
        ("HD95", mean.hd95_mm, false, undefined.hd95_mm),
        ("ASD", mean.asd_mm, false, undefined.asd_mm),
        ("ASSD", mean.assd_mm, false, undefined.assd_mm),
    ] {
        let (value, unit) = match (value, percent) {
            (Some(share), true) => (format!("{:.1}", 100.0 * share), "%"),
            (Some(distance), false) => (format!("{distance:.2}"), "mm"),
            (None, _) => ("undefined".to_string(), ""),
        };
        let note = match missing {
            0 => format!("mean of {pairs}"),
            _ => format!("<b>{missing} of {pairs} undefined</b>"),
        };
        let _ = write!(
            html,
            "<div class=\"tile\"><span>{name}</span><strong>{value}<small>{unit}</small></strong>\
             <em>{note}</em></div>"
        );
    }
    let _ = write!(html, "</div>{}</section>", protocol(evaluation));
    html
}

/// Returns the voxels that the network sees; metrics are of predictions resampled to the scan.
fn network_voxels(protocol: &Protocol) -> String {
    match (protocol.spacing_mm, protocol.slice_size) {
        (Some([x, y, z]), _) => format!("{x} × {y} × {z} mm"),
        (None, Some([width, height])) => format!("slices of {width} × {height}"),
        (None, None) => "each scan's own".to_string(),
    }
}

fn protocol(evaluation: &Evaluation) -> String {
    let protocol = &evaluation.protocol;
    let unknown = || "not recorded".to_string();
    let mut entries = vec![
        ("Method", protocol.method.clone()),
        ("Preset", protocol.preset.clone()),
        (
            "Labeled cases",
            protocol.labeled.map_or_else(unknown, |labeled| {
                format!("{labeled}{}", of_units(protocol.labeled_units))
            }),
        ),
        ("Seed", protocol.seed.to_string()),
        ("Iterations", thousands(protocol.iterations)),
        ("Checkpoint", protocol.checkpoint.clone()),
        ("Postprocessing", protocol.postprocessing.clone()),
        ("Voxels of the network", network_voxels(protocol)),
        ("Metrics", "on each scan's own grid".to_string()),
        ("Device", protocol.device.clone()),
        ("Commit", protocol.commit.clone().unwrap_or_else(unknown)),
    ];
    entries.extend(evaluation.mean_unseen.as_ref().map(|mean| {
        let dice = mean.dice.map(|dice| format!("{:.1} %", 100.0 * dice));
        let dice = dice.unwrap_or_else(|| "undefined".to_string());
        ("Mean Dice without seen cases", dice)
    }));
    let mut html = String::from("<dl class=\"protocol\">");
    for (name, value) in entries {
        let _ = write!(
            html,
            "<div><dt>{name}</dt><dd>{}</dd></div>",
            escape(&value)
        );
    }
    html.push_str("</dl>");
    html
}

/// Returns a notice if the log ends before the run does.
fn unfinished(input: &ReportInput<'_>) -> Option<String> {
    let done = input.metrics.last().map_or(0, |row| row.step);
    let all = input.iterations.filter(|&all| done < all)?;
    let (done, all) = (thousands(done), thousands(all));
    Some(format!(
        "This run is at step {done} of {all}: it was interrupted, or is still running."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voxels_of_the_network_are_a_spacing_a_slice_or_the_scans_own() {
        let of = |spacing_mm, slice_size| {
            network_voxels(&Protocol {
                spacing_mm,
                slice_size,
                ..Protocol::default()
            })
        };
        assert_eq!(of(Some([1.25, 1.25, 3.0]), None), "1.25 × 1.25 × 3 mm");
        assert_eq!(of(None, Some([128, 96])), "slices of 128 × 96");
        assert_eq!(of(None, None), "each scan's own");
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(duration(83.4), "83&nbsp;s");
        assert_eq!(duration(5399.0), "90&nbsp;min");
        assert_eq!(duration(9000.0), "2&nbsp;h 30&nbsp;min");
    }
}
