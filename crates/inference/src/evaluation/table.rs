//! Formatting of an evaluation as a text table.

use std::fmt;

use super::Evaluation;

/// Formats a table with one line per case and class, the means last.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = self.cases.iter().any(|case| case.classes.len() > 1);
        writeln!(
            f,
            "{:<28} {:>9} {:>9} {:>9} {:>9}",
            "case", "Dice", "HD95 mm", "ASD mm", "ASSD mm"
        )?;
        for case in &self.cases {
            for class in &case.classes {
                let name = match several {
                    true => format!("{} label {}", case.id, class.label),
                    false => case.id.clone(),
                };
                let distances = [class.hd95_mm, class.asd_mm, class.assd_mm];
                writeln!(f, "{}", line(&name, class.dice, distances))?;
            }
        }
        let mean = &self.mean;
        let distances = [mean.hd95_mm, mean.asd_mm, mean.assd_mm];
        write!(f, "{}", line("mean", mean.dice, distances))?;
        if let Some(mean) = &self.mean_unseen {
            let distances = [mean.hd95_mm, mean.asd_mm, mean.assd_mm];
            write!(
                f,
                "\n{}",
                line("mean without seen cases", mean.dice, distances)
            )?;
        }
        match &self.protocol.leaks {
            Some(leaks) => write!(f, "\nNot an independent test: {leaks}"),
            None => Ok(()),
        }
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
        assert_eq!(lines.len(), 4);
        assert!(lines[1].starts_with("a label 1") && lines[1].contains("0.5000"));
        assert!(lines[2].contains("undefined"));
        assert!(lines[3].starts_with("mean") && lines[3].contains("2.50"));
    }
}
