//! The page: head, protocol, summary and configuration.

use std::fmt::Write;

use super::{ReportInput, figures, tables};
use crate::run::evaluation::{Evaluation, Protocol};
use crate::run::metrics_log::MetricsRow;

/// Nothing may be fetched, so that the page is the same without a network.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'";

/// Text made safe for HTML, in elements and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// The whole page.
pub(super) fn page(input: &ReportInput<'_>) -> String {
    let title = escape(&input.title);
    let evaluation = input.evaluation.as_ref();
    let mut body = format!(
        "<header><h1>{title}</h1>{}</header>",
        training_line(&input.metrics)
    );
    body.push_str(&match evaluation {
        Some(evaluation) => results(evaluation),
        None => "<section><h2>Results</h2><p class=\"note\">This run has not been evaluated: \
                 there is no evaluation.json.</p></section>"
            .to_string(),
    });
    body.push_str(&figures::pictures(&input.pictures));
    body.push_str(&figures::curves(&input.metrics));
    if let Some(evaluation) = evaluation {
        body.push_str(&tables::cases(evaluation));
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
         <title>{title}</title><style>{}</style></head>\n<body><main>{body}</main>\
         <script>{}</script></body></html>\n",
        include_str!("style.css"),
        include_str!("viewer.js"),
    )
}

/// Steps, pace and share of time spent waiting for data.
fn training_line(metrics: &[MetricsRow]) -> String {
    let Some(last) = metrics.last() else {
        return "<p class=\"lead\">No training step has been logged.</p>".to_string();
    };
    let mut pace: Vec<f64> = finite(metrics, |row| row.seconds_per_step);
    pace.sort_by(f64::total_cmp);
    let median = pace.get(pace.len() / 2).copied().unwrap_or(f64::NAN);
    let waits = finite(metrics, |row| row.data_wait);
    let wait = 100.0 * waits.iter().sum::<f64>() / waits.len().max(1) as f64;
    format!(
        "<p class=\"lead\">{} steps &middot; {} s per step (median) &middot; \
         {wait:.1}&nbsp;% of the time waiting for data</p>",
        thousands(last.step),
        if median >= 0.1 {
            format!("{median:.2}")
        } else {
            format!("{median:.4}")
        },
    )
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
            (None, _) => ("–".to_string(), ""),
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
    let _ = write!(html, "</div>{}</section>", protocol(&evaluation.protocol));
    html
}

fn protocol(protocol: &Protocol) -> String {
    let unknown = || "not recorded".to_string();
    let spacing = protocol.spacing_mm.map_or_else(
        || "each case's own".to_string(),
        |[x, y, z]| format!("{x} × {y} × {z} mm"),
    );
    let entries = [
        ("Method", protocol.method.clone()),
        ("Preset", protocol.preset.clone()),
        (
            "Labeled cases",
            protocol.labeled.map_or_else(unknown, |n| n.to_string()),
        ),
        ("Seed", protocol.seed.to_string()),
        ("Iterations", thousands(protocol.iterations)),
        ("Checkpoint", protocol.checkpoint.clone()),
        ("Postprocessing", protocol.postprocessing.clone()),
        ("Spacing", spacing),
        ("Device", protocol.device.clone()),
        ("Commit", protocol.commit.clone().unwrap_or_else(unknown)),
    ];
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

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_numbers_grouped() {
        assert_eq!(
            escape("<a href=\"x\">'&"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;"
        );
        let grouped: Vec<_> = [0, 999, 1000, 1_234_567].map(thousands).into();
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567"]);
    }
}
