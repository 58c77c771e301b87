//! A chart of the Dice of every case by method, as an SVG file of its own.

use std::fmt::Write;

use crate::axis::{Axis, Scaling};
use crate::text::escape;

/// Width of the plot, between the names of the methods and the means.
const PLOT: f64 = 520.0;
const RIGHT: f64 = 90.0;
/// Width of a character of a name, at most.
const CHARACTER: f64 = 7.4;
const TOP: f64 = 12.0;
const ROW: f64 = 36.0;
const BOTTOM: f64 = 42.0;
/// Colors and fonts, as the file has no style sheet beside it. The ground is white, since viewers differ in theirs.
const STYLE: &str = "<style>text{font:13px system-ui,sans-serif;fill:#22262b}.quiet{fill:#5f6771;font-size:12px}\
                     .grid{stroke:#e0e2e0}.case{fill:#2f6f8f;fill-opacity:.35}.mean{stroke:#a84a22;stroke-width:2.5}</style>";

/// A row of the chart: a method.
#[derive(Debug, Clone, PartialEq)]
pub struct DiceRow {
    /// Its name.
    pub name: String,
    /// Dice of the cases, of all runs.
    pub cases: Vec<f64>,
    /// Mean Dice of each run.
    pub means: Vec<f64>,
}

/// Draws a row of dots for every method: a dot is a case of a run, a bar the mean of a run.
///
/// The number at the right is the mean over the runs. `kind` says what cases they are, "test" or "validation".
///
/// # Examples
/// ```
/// use semivox_report::{DiceRow, dice_chart};
///
/// let row = DiceRow { name: "bcp".into(), cases: vec![0.8, 0.9], means: vec![0.85] };
/// let svg = dice_chart(&[row], "test");
/// assert!(svg.starts_with("<svg ") && svg.contains(">0.850</text>"));
/// assert!(svg.contains("dot: a test case of a run"));
/// ```
pub fn dice_chart(rows: &[DiceRow], kind: &str) -> String {
    let kind = escape(kind);
    let height = TOP + ROW * rows.len() as f64 + BOTTOM;
    let longest = rows.iter().map(|row| row.name.chars().count()).max();
    let left = 28.0 + CHARACTER * longest.unwrap_or(0) as f64;
    let width = left + PLOT + RIGHT;
    let values = || {
        rows.iter()
            .flat_map(|row| row.cases.iter().chain(&row.means))
    };
    let low = values().copied().fold(f64::INFINITY, f64::min);
    let high = values().copied().fold(f64::NEG_INFINITY, f64::max);
    let dice = Axis::around([low, high], [left, left + PLOT], Scaling::Linear);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Dice of the {kind} cases by method\">{STYLE}\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>"
    );
    draw_axis(&mut svg, &dice, [left + PLOT / 2.0, height - BOTTOM], &kind);
    for (index, row) in rows.iter().enumerate() {
        draw_row(
            &mut svg,
            row,
            &dice,
            [left, TOP + ROW * (index as f64 + 0.5)],
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_axis(svg: &mut String, dice: &Axis, [middle, bottom]: [f64; 2], kind: &str) {
    for (value, label) in dice.ticks(6.0) {
        let x = dice.place(value);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>\
             <text class=\"quiet\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            bottom + 16.0,
        );
    }
    let _ = write!(
        svg,
        "<text class=\"quiet\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">\
         Dice (dot: a {kind} case of a run; bar: the mean of a run; right: the mean of the runs)</text>",
        bottom + 34.0,
    );
}

fn draw_row(svg: &mut String, row: &DiceRow, dice: &Axis, [left, y]: [f64; 2]) {
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        left - 14.0,
        y + 4.5,
        escape(&row.name)
    );
    for (index, &value) in row.cases.iter().enumerate() {
        // Dots of equal Dice must not hide each other: their heights follow the golden ratio, which never repeats.
        let height = (index as f64 * 0.618_034).fract() - 0.5;
        let _ = write!(
            svg,
            "<circle class=\"case\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
            dice.place(value),
            y + 0.5 * ROW * height
        );
    }
    for &mean in &row.means {
        let x = dice.place(mean);
        let (top, bottom) = (y - 0.36 * ROW, y + 0.36 * ROW);
        let _ = write!(
            svg,
            "<path class=\"mean\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>"
        );
    }
    let text = match row.means.len() {
        0 => "undefined".into(),
        runs => format!("{:.3}", row.means.iter().sum::<f64>() / runs as f64),
    };
    let x = left + PLOT + 14.0;
    let _ = write!(svg, "<text x=\"{x}\" y=\"{}\">{text}</text>", y + 4.5);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_and_every_run_has_its_mark_in_the_row_of_its_method() {
        let row = |name: &str, cases: Vec<f64>, means| DiceRow {
            name: name.into(),
            cases,
            means,
        };
        let rows = [
            row("a<b", vec![0.0, 1.0], vec![0.5]),
            row("c", vec![0.7], vec![]),
        ];
        let svg = dice_chart(&rows, "validation");
        assert!(svg.contains("aria-label=\"Dice of the validation cases by method\""));
        assert!(svg.contains("(dot: a validation case of a run;"));
        let count = |text: &str| svg.matches(text).count();
        assert_eq!((count("class=\"case\""), count("class=\"mean\"")), (3, 1));
        assert_eq!(
            (count(">a&lt;b</text>"), count(">undefined</text>")),
            (1, 1)
        );
        // The mean is halfway between the two cases of its row.
        let after = |mark: &str, index: usize| -> f64 {
            let text = svg.split(mark).nth(index + 1).unwrap_or_default();
            let digits = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
            digits
                .map(str::parse)
                .find_map(Result::ok)
                .unwrap_or(f64::NAN)
        };
        let cases = [0, 1].map(|index| after("cx=\"", index));
        let mean = after("class=\"mean\" d=\"M", 0);
        assert!((mean - (cases[0] + cases[1]) / 2.0).abs() < 0.11, "{svg}");
        // The one case of the second row is below those of the first.
        let heights: Vec<f64> = (0..3).map(|index| after("cy=\"", index)).collect();
        assert!(heights[..2].iter().all(|&height| height < TOP + ROW));
        assert!(heights[2] > TOP + ROW);
        assert!(!dice_chart(&[], "test").contains("NaN"));
    }
}
