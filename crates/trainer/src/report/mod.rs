//! `report.html`: one file that shows a run, and opens without a network.
//!
//! Everything is inline: style, curves and contours as SVG, slices as PNG in
//! base64, and a few lines of script for the slice viewer.

mod contour;
mod figures;
mod html;
mod slices;
mod svg;
mod tables;

use std::path::Path;

use ndarray::Array3;

use crate::run::RunError;
use crate::run::evaluation::Evaluation;
use crate::run::folder::write_atomic;
use crate::run::metrics_log::MetricsRow;

/// What a report shows.
///
/// # Examples
///
/// A report of a run that has not been evaluated yet:
///
/// ```
/// use semivox_trainer::report::{ReportInput, render};
///
/// let html = render(&ReportInput {
///     title: "Left atrium, 4 labels".into(),
///     config_toml: "seed = 1",
///     metrics: vec![],
///     evaluation: None,
///     pictures: vec![],
/// })?;
/// assert!(html.contains("has not been evaluated"));
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ReportInput<'a> {
    /// Headline.
    pub title: String,
    /// The resolved configuration, shown as it is.
    pub config_toml: &'a str,
    /// The training log.
    pub metrics: Vec<MetricsRow>,
    /// The evaluation, if it was run.
    pub evaluation: Option<Evaluation>,
    /// Cases to draw; [`notable_cases`] says which are worth it.
    pub pictures: Vec<CasePicture>,
}

/// A scan with its reference and predicted labels.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_trainer::report::{CasePicture, ReportInput, render};
///
/// let picture = CasePicture {
///     id: "case_01".into(),
///     caption: "worst case".into(),
///     image: Array3::from_shape_fn((8, 8, 4), |(x, _, _)| x as f32),
///     reference: Array3::from_shape_fn((8, 8, 4), |(x, y, _)| u8::from(x > 3 && y > 3)),
///     prediction: Array3::zeros((8, 8, 4)),
///     spacing: [1.0, 1.0, 2.5],
/// };
/// let html = render(&ReportInput {
///     title: "Run".into(), config_toml: "", metrics: vec![], evaluation: None,
///     pictures: vec![picture],
/// })?;
/// assert!(html.contains("<path class=\"reference\""));
/// assert!(!html.contains("<path class=\"prediction\"")); // nothing was predicted
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CasePicture {
    /// The case.
    pub id: String,
    /// What is remarkable about it, such as "worst case, Dice 71.2 %".
    pub caption: String,
    /// Intensities, axes x, y, z.
    pub image: Array3<f32>,
    /// Reference labels, of the image's shape.
    pub reference: Array3<u8>,
    /// Predicted labels, of the image's shape.
    pub prediction: Array3<u8>,
    /// Voxel size along x, y, z in mm.
    pub spacing: [f64; 3],
}

/// Renders and writes the report.
///
/// # Errors
///
/// [`RunError::Picture`] if the arrays of a case do not fit together,
/// [`RunError::Io`] if the file cannot be written.
///
/// # Examples
///
/// ```
/// # use semivox_trainer::report::{ReportInput, write};
/// # let dir = tempfile::tempdir().unwrap();
/// # let input = ReportInput {
/// #     title: "run".into(), config_toml: "", metrics: vec![], evaluation: None, pictures: vec![],
/// # };
/// write(dir.path().join("report.html"), &input)?;
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
pub fn write(path: impl AsRef<Path>, input: &ReportInput<'_>) -> Result<(), RunError> {
    write_atomic(path.as_ref(), render(input)?.as_bytes())
}

/// The report as a string of HTML.
///
/// # Errors
///
/// [`RunError::Picture`] if the arrays of a case do not fit together.
pub fn render(input: &ReportInput<'_>) -> Result<String, RunError> {
    input.pictures.iter().try_for_each(slices::check)?;
    Ok(html::page(input))
}

/// The indices of the worst, median and best case by mean Dice, each with
/// its names; a case that is two of them comes once, and cases without a
/// defined Dice are passed over.
///
/// # Examples
///
/// ```
/// use semivox_trainer::report::notable_cases;
/// use semivox_trainer::run::evaluation::*;
///
/// let case = |id: &str, dice| CaseEvaluation {
///     id: id.into(),
///     classes: vec![ClassEvaluation {
///         label: 1, dice, jaccard: None, hd95_mm: None,
///         hd95_directed_max_mm: None, asd_mm: None, assd_mm: None,
///     }],
/// };
/// let cases = vec![case("a", Some(0.9)), case("b", None), case("c", Some(0.4))];
/// let evaluation = Evaluation::new(Protocol::default(), cases);
/// let expected = [(2, "worst".to_string()), (0, "median, best".to_string())];
/// assert_eq!(notable_cases(&evaluation), expected);
/// ```
pub fn notable_cases(evaluation: &Evaluation) -> Vec<(usize, String)> {
    let mut ranked: Vec<(f64, usize)> = (evaluation.cases.iter().enumerate())
        .filter_map(|(index, case)| Some((case.mean_dice()?, index)))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut notable: Vec<(usize, String)> = Vec::new();
    if let Some(last) = ranked.len().checked_sub(1) {
        let places = [(0, "worst"), (ranked.len() / 2, "median"), (last, "best")];
        for (place, name) in places {
            let case = ranked[place].1;
            match notable.iter_mut().find(|(index, _)| *index == case) {
                Some((_, names)) => *names = format!("{names}, {name}"),
                None => notable.push((case, name.to_string())),
            }
        }
    }
    notable
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::run::evaluation::{CaseEvaluation, ClassEvaluation, Protocol};

    fn input() -> ReportInput<'static> {
        let metrics = (1..=40).map(|step| MetricsRow {
            step: step * 10,
            stage: if step < 20 { "warm-up" } else { "main" }.into(),
            losses: [
                ("<dice>".to_string(), 1.0 / step as f64),
                ("total".to_string(), 1.0),
            ]
            .into(),
            lr: 0.01,
            seconds_per_step: 0.5,
            data_wait: 0.1,
        });
        let class = |label, dice| ClassEvaluation {
            label,
            dice,
            jaccard: None,
            hd95_mm: Some(3.25),
            hd95_directed_max_mm: None,
            asd_mm: None,
            assd_mm: None,
        };
        let case = |id: &str, dice| CaseEvaluation {
            id: id.into(),
            classes: vec![class(1, dice), class(2, dice)],
        };
        let cases = vec![
            case("<b>one</b>", Some(0.5)),
            case("two", Some(0.25)),
            case("three", None),
        ];
        let labels = Array3::from_shape_fn((8, 7, 6), |(x, y, z)| u8::from(x + y + z < 8));
        ReportInput {
            title: "A & B".into(),
            config_toml: "name = \"</pre><script>\"",
            metrics: metrics.collect(),
            evaluation: Some(Evaluation::new(Protocol::default(), cases)),
            pictures: vec![CasePicture {
                id: "one".into(),
                caption: "worst".into(),
                image: Array3::from_shape_fn((8, 7, 6), |(x, y, z)| (x * y * z) as f32),
                prediction: labels.mapv(|label| label * 2),
                reference: labels,
                spacing: [1.0, 1.0, 2.5],
            }],
        }
    }

    #[test]
    fn a_full_report_shows_everything_and_fetches_nothing() {
        let html = render(&input()).unwrap();
        for expected in [
            "<title>A &amp; B</title>",
            "&lt;b&gt;one&lt;/b&gt;<span class=\"mark median best\">median, best</span>",
            "two<span class=\"mark worst\">worst</span>",
            "<b>2 of 6 undefined</b>",
            "loss: &lt;dice&gt;",
            "learning rate",
            "name = &quot;&lt;/pre&gt;&lt;script&gt;&quot;",
            "class=\"reference\" transform",
            "class=\"prediction\" transform",
        ] {
            assert!(html.contains(expected), "{expected}");
        }
        assert_eq!(html.matches("<path class=\"stage\"").count(), 3);
        assert_eq!(html.matches("<svg class=\"slice\"").count(), 6 + 2);
        assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("NaN"));
        assert_eq!(html.matches("<script").count(), 1);
    }

    #[test]
    fn a_report_without_evaluation_or_steps_is_written() {
        let empty = ReportInput {
            metrics: vec![],
            evaluation: None,
            pictures: vec![],
            ..input()
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.html");
        write(&path, &empty).unwrap();
        let html = std::fs::read_to_string(path).unwrap();
        assert!(html.contains("has not been evaluated") && html.contains("No training step"));
    }
}
