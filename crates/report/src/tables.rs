//! Metric tables: the mean of each class, and every case with its classes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write;

use super::metric::{Metric, metrics};
use super::notable_cases;
use super::text::{class_name, escape};
use semivox_inference::evaluation::{
    CaseEvaluation, ClassEvaluation, Evaluation, Means, UndefinedCounts, summarize,
};

/// Returns the section of all cases from the worst to the best; worst, median and
/// best are marked.
pub(super) fn section(evaluation: &Evaluation, classes: &[String]) -> String {
    let labels: BTreeSet<u32> = (evaluation.cases.iter())
        .flat_map(|case| case.classes.iter().map(|class| class.label))
        .collect();
    let table = Table {
        metrics: metrics(evaluation),
        classes,
        several: labels.len() > 1,
    };
    let mut html = String::from("<section><h2>Cases</h2>");
    if table.several {
        table.class_means(&mut html, evaluation, &labels);
    }
    table.cases(&mut html, evaluation);
    html.push_str(
        "<p class=\"note\">Distances are undefined where one of the two masks is empty, Dice and Jaccard only where \
         both are; means leave out undefined values and show their number. HD95 pools the surface distances \
         of both directions; HD95 max is the larger of the HD95 of each direction. Click a column's heading to \
         sort by it.</p></section>",
    );
    html
}

/// Returns the indices of the cases in order of mean Dice, those without one last.
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

/// The columns and class names that the tables of a page share.
struct Table<'a> {
    metrics: Vec<&'static Metric>,
    /// Names of the classes.
    classes: &'a [String],
    /// Whether cases have more than one class.
    several: bool,
}

impl Table<'_> {
    fn cases(&self, html: &mut String, evaluation: &Evaluation) {
        let class_head = if self.several { "<th>Class</th>" } else { "" };
        let _ = write!(
            html,
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"All cases\">\
             <table class=\"sortable\"><thead><tr><th data-column=\"case\">Case</th>{class_head}{}\
             </tr></thead>",
            self.heads(true)
        );
        let notable = notable_cases(evaluation);
        for index in from_the_worst(&evaluation.cases) {
            let rank = notable.iter().find(|(place, _)| *place == index);
            let rank = rank.map(|(_, names)| names.as_str());
            self.case(html, &evaluation.cases[index], rank);
        }
        let span = if self.several { " colspan=\"2\"" } else { "" };
        let _ = write!(html, "<tfoot><tr><th scope=\"row\"{span}>Mean of all</th>");
        self.cells(html, &evaluation.mean, &evaluation.undefined);
        html.push_str("</tr></tfoot></table></div>");
    }

    /// Returns the column headings; `sortable` adds the attributes by which `table.js` sorts.
    fn heads(&self, sortable: bool) -> String {
        let head = |(column, metric): (usize, &&Metric)| {
            let worst = match metric.best_high {
                true => "ascending",
                false => "descending",
            };
            let sorting = match (sortable, column) {
                (false, _) => String::new(),
                (true, 0) => {
                    format!(" data-column=\"0\" data-first=\"{worst}\" aria-sort=\"{worst}\"")
                }
                (true, _) => format!(" data-column=\"{column}\" data-first=\"{worst}\""),
            };
            format!("<th class=\"number\"{sorting}>{}</th>", metric.name)
        };
        self.metrics.iter().enumerate().map(head).collect()
    }

    /// Writes a case as a `tbody`: its metrics and, if there are several classes, those of each class.
    fn case(&self, html: &mut String, case: &CaseEvaluation, rank: Option<&str>) {
        let (mean, undefined) = summarize(case.classes.iter());
        let value =
            |metric: &&Metric| (metric.mean)(&mean).map_or("null".into(), |v| v.to_string());
        let values: Vec<String> = self.metrics.iter().map(value).collect();
        let mark = rank.map_or(String::new(), |names| {
            let class = names.replace(',', "");
            format!("<span class=\"mark {class}\">{names}</span>")
        });
        let seen = match case.seen {
            Some(true) => "<span class=\"mark\">seen in training</span>",
            _ => "",
        };
        let (rows, mean_cell) = match self.several {
            true => (case.classes.len() + 1, "<td>mean</td>"),
            false => (1, ""),
        };
        let id = escape(&case.id);
        let _ = write!(
            html,
            "<tbody data-case=\"{id}\" data-values=\"[{}]\"><tr>\
             <th scope=\"rowgroup\" rowspan=\"{rows}\">{id}{mark}{seen}</th>{mean_cell}",
            values.join(",")
        );
        self.cells(html, &mean, &undefined);
        html.push_str("</tr>");
        for class in case.classes.iter().filter(|_| self.several) {
            let (mean, undefined) = summarize([class].into_iter());
            let name = escape(&class_name(self.classes, class.label));
            let _ = write!(html, "<tr class=\"of-class\"><td>{name}</td>");
            self.cells(html, &mean, &undefined);
            html.push_str("</tr>");
        }
        html.push_str("</tbody>");
    }

    /// Writes the cells of a row: each mean or "undefined", and the number of values that the mean leaves out.
    fn cells(&self, html: &mut String, mean: &Means, undefined: &UndefinedCounts) {
        for (column, metric) in self.metrics.iter().enumerate() {
            let Some(value) = (metric.mean)(mean) else {
                html.push_str("<td class=\"number undefined\">undefined</td>");
                continue;
            };
            let digits = if metric.best_high { 1 } else { 2 };
            let bar = match column {
                0 => format!(" bar\" style=\"--share:{value:.1}%"),
                _ => String::new(),
            };
            let left_out = match (metric.undefined)(undefined) {
                0 => String::new(),
                missing => format!("<small class=\"undefined\">{missing} undefined</small>"),
            };
            let _ = write!(
                html,
                "<td class=\"number{bar}\">{value:.digits$}{left_out}</td>"
            );
        }
    }

    fn class_means(&self, html: &mut String, evaluation: &Evaluation, labels: &BTreeSet<u32>) {
        let _ = write!(
            html,
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Means of the classes\">\
             <table><thead><tr><th>Mean of class</th>{}</tr></thead><tbody>",
            self.heads(false)
        );
        for &label in labels {
            let all = evaluation.cases.iter().flat_map(|case| &case.classes);
            let of_class = |class: &&ClassEvaluation| class.label == label;
            let (mean, undefined) = summarize(all.filter(of_class));
            let name = escape(&class_name(self.classes, label));
            let _ = write!(html, "<tr><th scope=\"row\">{name}</th>");
            self.cells(html, &mean, &undefined);
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table></div>");
    }
}
