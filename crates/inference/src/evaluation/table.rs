//! Formatting of an evaluation as a text table.

use std::fmt;

use super::{Evaluation, Means};

/// Formats [`Evaluation::table`] without names of classes.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table(&|_| None))
    }
}

impl Evaluation {
    /// Formats a line of metrics for every case and class, and the means: those of each class, if there are several, and
    /// that over all pairs of case and class.
    ///
    /// `name_of` gives the name of a label's class; without one it is shown as `label 3`.
    pub fn table(&self, name_of: &dyn Fn(u32) -> Option<String>) -> String {
        let by_class = self.mean_by_class();
        let several = by_class.len() > 1;
        let named = |label| name_of(label).unwrap_or_else(|| format!("label {label}"));
        let mut lines = vec![format!(
            "{:<28} {:>9} {:>9} {:>9} {:>9}",
            "case", "Dice", "HD95 mm", "ASD mm", "ASSD mm"
        )];
        for case in &self.cases {
            for class in &case.classes {
                let name = match several {
                    true => format!("{}, {}", case.id, named(class.label)),
                    false => case.id.clone(),
                };
                let distances = [class.hd95_mm, class.asd_mm, class.assd_mm];
                lines.push(line(&name, class.dice, distances));
            }
        }
        let of = |name: &str, mean: &Means| {
            let distances = [mean.hd95_mm, mean.asd_mm, mean.assd_mm];
            line(name, mean.dice, distances)
        };
        if several {
            let means = by_class.iter();
            lines
                .extend(means.map(|(&label, mean)| of(&format!("mean of {}", named(label)), mean)));
        }
        lines.push(of("mean", &self.mean));
        let unseen = self.mean_unseen.iter();
        lines.extend(unseen.map(|mean| of("mean without seen cases", mean)));
        let leaks = self.protocol.leaks.iter();
        lines.extend(leaks.map(|leaks| format!("Not an independent test: {leaks}")));
        lines.join("\n")
    }
}

fn line(name: &str, dice: Option<f64>, distances: [Option<f64>; 3]) -> String {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or("undefined".into(), |value| format!("{value:.digits$}"))
    };
    let dice = number(dice, 4);
    let [hd95, asd, assd] = distances.map(|distance| number(distance, 2));
    format!("{name:<28} {dice:>9} {hd95:>9} {asd:>9} {assd:>9}")
}

#[cfg(test)]
mod tests {
    use crate::evaluation::*;

    #[test]
    fn the_table_has_a_line_per_class_and_says_undefined() {
        let class = |label, dice| ClassEvaluation {
            label,
            dice,
            jaccard: None,
            hd95_mm: Some(2.5),
            hd95_directed_max_mm: None,
            asd_mm: None,
            assd_mm: None,
        };
        let case = |id: &str, classes| CaseEvaluation {
            id: id.into(),
            seen: None,
            classes,
        };
        let cases = vec![case("a", vec![class(1, Some(0.5)), class(2, None)])];
        let text = Evaluation::new(Protocol::default(), cases).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6);
        assert!(lines[1].starts_with("a, label 1 ") && lines[1].contains("0.5000"));
        assert!(lines[2].contains("undefined"));
        assert!(lines[3].starts_with("mean of label 1 ") && lines[3].contains("0.5000"));
        assert!(lines[4].starts_with("mean of label 2 ") && lines[4].contains("undefined"));
        assert!(lines[5].starts_with("mean ") && lines[5].contains("2.50"));

        let cases = vec![
            case("a", vec![class(1, Some(0.5)), class(2, Some(0.1))]),
            case("b", vec![class(1, Some(0.7)), class(2, Some(0.3))]),
        ];
        let name_of = |label| (label == 1).then(|| "liver".to_string());
        let text = Evaluation::new(Protocol::default(), cases).table(&name_of);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("a, liver "), "{text}");
        let found = lines.iter().find(|line| line.starts_with("mean of liver "));
        assert!(found.is_some_and(|line| line.contains("0.6000")), "{text}");
        let found = lines
            .iter()
            .find(|line| line.starts_with("mean of label 2 "));
        assert!(found.is_some_and(|line| line.contains("0.2000")), "{text}");
    }
}
