//! Metric tables: the mean of each class, and every case with its classes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write;

use super::html::{class_name, escape};
use super::notable_cases;
use crate::run::evaluation::{
    CaseEvaluation, ClassEvaluation, Evaluation, Means, UndefinedCounts, summarize,
};

/// A column of a metric: its name, whether larger is better, and its place.
struct Metric {
    name: &'static str,
    best_high: bool,
    mean: fn(&Means) -> Option<f64>,
    undefined: fn(&UndefinedCounts) -> usize,
}

/// Shares are shown in percent, distances in mm.
const METRICS: [Metric; 5] = [
    Metric {
        name: "Dice&nbsp;%",
        best_high: true,
        mean: |mean| Some(100.0 * mean.dice?),
        undefined: |counts| counts.dice,
    },
    Metric {
        name: "Jaccard&nbsp;%",
        best_high: true,
        mean: |mean| Some(100.0 * mean.jaccard?),
        undefined: |counts| counts.jaccard,
    },
    Metric {
        name: "HD95&nbsp;mm",
        best_high: false,
        mean: |mean| mean.hd95_mm,
        undefined: |counts| counts.hd95_mm,
    },
    Metric {
        name: "ASD&nbsp;mm",
        best_high: false,
        mean: |mean| mean.asd_mm,
        undefined: |counts| counts.asd_mm,
    },
    Metric {
        name: "ASSD&nbsp;mm",
        best_high: false,
        mean: |mean| mean.assd_mm,
        undefined: |counts| counts.assd_mm,
    },
];

/// The section of all cases from the worst to the best; worst, median and
/// best are marked.
pub(super) fn section(evaluation: &Evaluation, classes: &[String]) -> String {
    let labels: BTreeSet<u8> = (evaluation.cases.iter())
        .flat_map(|case| case.classes.iter().map(|class| class.label))
        .collect();
    let several = labels.len() > 1;
    let mut html = String::from("<section><h2>Cases</h2>");
    if several {
        class_means(&mut html, evaluation, classes, &labels);
    }
    let class_head = if several { "<th>Class</th>" } else { "" };
    let _ = write!(
        html,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"All cases\">\
         <table class=\"sortable\"><thead><tr><th data-column=\"case\">Case</th>{class_head}{}\
         </tr></thead>",
        heads(true)
    );
    let notable = notable_cases(evaluation);
    for index in from_the_worst(&evaluation.cases) {
        let rank = notable.iter().find(|(place, _)| *place == index);
        let rank = rank.map(|(_, names)| names.as_str());
        case(
            &mut html,
            &evaluation.cases[index],
            rank,
            several.then_some(classes),
        );
    }
    let span = if several { " colspan=\"2\"" } else { "" };
    let _ = write!(html, "<tfoot><tr><th scope=\"row\"{span}>Mean of all</th>");
    metric_cells(&mut html, &evaluation.mean, &evaluation.undefined);
    html.push_str(
        "</tr></tfoot></table></div><p class=\"note\">A metric is undefined where a mask is \
         empty; means leave it out and say how often. A click on a column's head sorts by it.</p>\
         </section>",
    );
    html
}

/// The indices of the cases by mean Dice, those without one last.
fn from_the_worst(cases: &[CaseEvaluation]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by(
        |&a, &b| match (cases[a].mean_dice(), cases[b].mean_dice()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        },
    );
    order
}

/// The metrics' names; `sortable` adds what sorting by them needs.
fn heads(sortable: bool) -> String {
    let head = |(column, metric): (usize, &Metric)| {
        let first = if metric.best_high {
            "ascending"
        } else {
            "descending"
        };
        let sorting = match (sortable, column) {
            (false, _) => String::new(),
            (true, 0) => format!(" data-column=\"0\" data-first=\"{first}\" aria-sort=\"{first}\""),
            (true, _) => format!(" data-column=\"{column}\" data-first=\"{first}\""),
        };
        format!("<th class=\"number\"{sorting}>{}</th>", metric.name)
    };
    METRICS.iter().enumerate().map(head).collect()
}

/// A case as a body of its own: its metrics and, with names, those of its classes.
fn case(html: &mut String, case: &CaseEvaluation, rank: Option<&str>, names: Option<&[String]>) {
    let (mean, undefined) = summarize(case.classes.iter());
    let values: Vec<String> = (METRICS.iter())
        .map(|metric| (metric.mean)(&mean).map_or("null".into(), |value| value.to_string()))
        .collect();
    let mark = rank.map_or(String::new(), |names| {
        let class = names.replace(',', "");
        format!("<span class=\"mark {class}\">{names}</span>")
    });
    let rows = match names {
        Some(_) => case.classes.len() + 1,
        None => 1,
    };
    let id = escape(&case.id);
    let _ = write!(
        html,
        "<tbody data-case=\"{id}\" data-values=\"[{}]\"><tr><th scope=\"rowgroup\" rowspan=\"{rows}\">{id}{mark}</th>",
        values.join(",")
    );
    if names.is_some() {
        html.push_str("<td>mean</td>");
    }
    metric_cells(html, &mean, &undefined);
    html.push_str("</tr>");
    for class in case.classes.iter().filter(|_| names.is_some()) {
        let (mean, undefined) = summarize([class].into_iter());
        let name = escape(&class_name(names.unwrap_or_default(), class.label));
        let _ = write!(html, "<tr class=\"of-class\"><td>{name}</td>");
        metric_cells(html, &mean, &undefined);
        html.push_str("</tr>");
    }
    html.push_str("</tbody>");
}

/// Values, or that there is none; where a mean leaves some out, how many.
fn metric_cells(html: &mut String, mean: &Means, undefined: &UndefinedCounts) {
    for (column, metric) in METRICS.iter().enumerate() {
        let digits = if metric.best_high { 1 } else { 2 };
        let missing = (metric.undefined)(undefined);
        let _ = match ((metric.mean)(mean), missing) {
            (None, _) => write!(html, "<td class=\"number undefined\">undefined</td>"),
            (Some(value), 0) if column == 0 => write!(
                html,
                "<td class=\"number bar\" style=\"--share:{value:.1}%\">{value:.digits$}</td>"
            ),
            (Some(value), 0) => write!(html, "<td class=\"number\">{value:.digits$}</td>"),
            (Some(value), _) => write!(
                html,
                "<td class=\"number\">{value:.digits$}<small class=\"undefined\">{missing} undefined</small></td>"
            ),
        };
    }
}

fn class_means(
    html: &mut String,
    evaluation: &Evaluation,
    classes: &[String],
    labels: &BTreeSet<u8>,
) {
    let _ = write!(
        html,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Means of the classes\">\
         <table><thead><tr><th>Mean of class</th>{}</tr></thead><tbody>",
        heads(false)
    );
    for &label in labels {
        let all = evaluation.cases.iter().flat_map(|case| &case.classes);
        let of_class = |class: &&ClassEvaluation| class.label == label;
        let (mean, undefined) = summarize(all.filter(of_class));
        let name = escape(&class_name(classes, label));
        let _ = write!(html, "<tr><th scope=\"row\">{name}</th>");
        metric_cells(html, &mean, &undefined);
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
}
