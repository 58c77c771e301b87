//! Metric tables: one row per case and class, and the mean of each class.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::html::escape;
use super::notable_cases;
use crate::run::evaluation::{CaseEvaluation, ClassEvaluation, Evaluation, summarize};

const HEAD: &str = "<th class=\"number\">Dice&nbsp;%</th><th class=\"number\">Jaccard&nbsp;%</th>\
    <th class=\"number\">HD95&nbsp;mm</th><th class=\"number\">ASD&nbsp;mm</th>\
    <th class=\"number\">ASSD&nbsp;mm</th>";

/// The section of all cases, worst, median and best marked.
pub(super) fn cases(evaluation: &Evaluation) -> String {
    let labels: BTreeSet<u8> = (evaluation.cases.iter())
        .flat_map(|case| case.classes.iter().map(|class| class.label))
        .collect();
    let notable = notable_cases(evaluation);
    let mut rows = String::new();
    for (index, case) in evaluation.cases.iter().enumerate() {
        let rank = notable.iter().find(|(place, _)| *place == index);
        case_rows(
            &mut rows,
            case,
            rank.map(|(_, names)| names.as_str()),
            labels.len() > 1,
        );
    }
    let label_head = if labels.len() > 1 {
        "<th class=\"number\">Label</th>"
    } else {
        ""
    };
    let means = if labels.len() > 1 {
        class_means(evaluation, &labels)
    } else {
        String::new()
    };
    format!(
        "<section><h2>Cases</h2>{means}<div class=\"scroll\"><table><thead><tr><th>Case</th>\
         {label_head}{HEAD}</tr></thead><tbody>{rows}</tbody></table></div>\
         <p class=\"note\">A dash stands where a metric is undefined because a mask is empty; \
         means leave it out and count it.</p></section>"
    )
}

fn case_rows(html: &mut String, case: &CaseEvaluation, rank: Option<&str>, show_label: bool) {
    for (index, class) in case.classes.iter().enumerate() {
        html.push_str("<tr>");
        if index == 0 {
            let mark = rank.map_or(String::new(), |names| {
                let class = names.replace(',', "");
                format!("<span class=\"mark {class}\">{names}</span>")
            });
            let _ = write!(
                html,
                "<th scope=\"row\" rowspan=\"{}\">{}{mark}</th>",
                case.classes.len(),
                escape(&case.id)
            );
        }
        if show_label {
            let _ = write!(html, "<td class=\"number\">{}</td>", class.label);
        }
        metric_cells(html, class);
        html.push_str("</tr>");
    }
}

fn metric_cells(html: &mut String, class: &ClassEvaluation) {
    if let Some(dice) = class.dice {
        let share = 100.0 * dice;
        let _ = write!(
            html,
            "<td class=\"number bar\" style=\"--share:{share:.1}%\">{share:.1}</td>"
        );
    } else {
        cell(html, None);
    }
    cell(
        html,
        class.jaccard.map(|share| format!("{:.1}", 100.0 * share)),
    );
    for distance in [class.hd95_mm, class.asd_mm, class.assd_mm] {
        cell(html, distance.map(|mm| format!("{mm:.2}")));
    }
}

fn cell(html: &mut String, value: Option<String>) {
    let _ = match value {
        Some(value) => write!(html, "<td class=\"number\">{value}</td>"),
        None => write!(html, "<td class=\"number\" title=\"undefined\">–</td>"),
    };
}

fn class_means(evaluation: &Evaluation, labels: &BTreeSet<u8>) -> String {
    let mut rows = String::new();
    for &label in labels {
        let classes = (evaluation.cases.iter())
            .flat_map(|case| &case.classes)
            .filter(|class| class.label == label);
        let (mean, _) = summarize(classes);
        let class = ClassEvaluation {
            label,
            dice: mean.dice,
            jaccard: mean.jaccard,
            hd95_mm: mean.hd95_mm,
            hd95_directed_max_mm: mean.hd95_directed_max_mm,
            asd_mm: mean.asd_mm,
            assd_mm: mean.assd_mm,
        };
        let _ = write!(rows, "<tr><th scope=\"row\">Mean of label {label}</th>");
        metric_cells(&mut rows, &class);
        rows.push_str("</tr>");
    }
    format!(
        "<div class=\"scroll\"><table><thead><tr><th>Class</th>{HEAD}</tr></thead>\
         <tbody>{rows}</tbody></table></div>"
    )
}
