//! The report of a training run: a single HTML file that opens offline.
//!
//! Everything is inline: the style sheet, curves as SVG, static slices as PNG in base64, and the compressed volumes of
//! the cases shown, for a slice viewer with window and level. Without scripts the static slices are shown.
//!
//! [`render`] makes the page from a training log, an evaluation and volumes; it does not depend on a run folder.

mod axis;
mod case;
mod cases;
mod contour;
mod curves;
mod dice_chart;
mod embed;
mod error;
mod html;
mod layout;
mod metric;
mod planes;
mod reduce;
mod row;
mod slices;
mod svg;
mod tables;
mod text;

use std::path::Path;

use ndarray::Array3;
use semivox_data::{Geometry, io};

use semivox_inference::evaluation::Evaluation;

pub use dice_chart::{DiceRow, dice_chart};
pub use error::ReportError;
pub use row::MetricsRow;

/// Content of a report.
///
/// # Examples
///
/// A report of a run that has not been evaluated yet:
///
/// ```
/// use semivox_report::{ReportInput, render};
///
/// let html = render(&ReportInput {
///     title: "Left atrium, 4 labels".into(),
///     config_toml: "seed = 1",
///     ..ReportInput::default()
/// })?;
/// assert!(html.contains("has not been evaluated"));
/// # Ok::<(), semivox_report::ReportError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ReportInput<'a> {
    /// Headline.
    pub title: String,
    /// Labeled training cases, where known.
    pub labeled: Option<usize>,
    /// Names of the classes, the background first; empty where not known.
    pub classes: Vec<String>,
    /// The resolved configuration, shown as it is.
    pub config_toml: &'a str,
    /// The training log.
    pub metrics: Vec<MetricsRow>,
    /// Number of steps of the whole run, where known; the page notes a log that ends earlier.
    pub iterations: Option<u64>,
    /// The evaluation, if it was run.
    pub evaluation: Option<Evaluation>,
    /// Cases shown as images, such as those of [`notable_cases`].
    pub pictures: Vec<CasePicture>,
    /// Notices at the top of the page, such as that the run was interrupted.
    pub notices: Vec<String>,
}

/// One channel of a scan of several channels.
#[derive(Debug, Clone)]
pub struct ChannelPicture {
    /// Name of the channel, such as T2.
    pub name: String,
    /// Intensities, axes x, y, z.
    pub image: Array3<f32>,
}

/// A scan with its reference and predicted labels.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::{Geometry, io};
/// use semivox_report::{CasePicture, ReportInput, render};
///
/// let picture = CasePicture {
///     id: "case_01".into(),
///     caption: "worst case".into(),
///     image: Array3::from_shape_fn((8, 8, 4), |(x, _, _)| x as f32),
///     other_channels: vec![],
///     reference: Array3::from_shape_fn((8, 8, 4), |(x, y, _)| u8::from(x > 3 && y > 3)),
///     prediction: Array3::zeros((8, 8, 4)),
///     geometry: Geometry::from_spacing([1.0, 1.0, 2.5]),
/// };
/// let html = render(&ReportInput { pictures: vec![picture], ..ReportInput::default() })?;
/// assert!(html.contains("<path class=\"reference\" transform"));
/// assert!(!html.contains("<path class=\"prediction\" transform")); // nothing was predicted
/// # Ok::<(), semivox_report::ReportError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CasePicture {
    /// Identifier of the case.
    pub id: String,
    /// Caption, such as "worst case, Dice 71.2 %".
    pub caption: String,
    /// Intensities of the first channel, axes x, y, z.
    pub image: Array3<f32>,
    /// The other channels, of the same shape, shown as static slices.
    pub other_channels: Vec<ChannelPicture>,
    /// Reference labels, of the image's shape.
    pub reference: Array3<u8>,
    /// Predicted labels, of the image's shape.
    pub prediction: Array3<u8>,
    /// Geometry of the voxels, which determines the names of the planes and positions in mm.
    pub geometry: Geometry,
}

impl CasePicture {
    /// Checks that all arrays have the same shape.
    ///
    /// # Errors
    ///
    /// [`ReportError::Picture`] with the case and the shapes.
    pub fn check(&self) -> Result<(), ReportError> {
        slices::check(self)
    }
}

/// Renders the report and writes it to a file.
///
/// # Errors
///
/// [`ReportError::Picture`] if the arrays of a case have different shapes,
/// [`ReportError::Data`] if the file cannot be written.
///
/// # Examples
///
/// ```
/// # use semivox_report::{ReportInput, write};
/// # let dir = tempfile::tempdir().unwrap();
/// write(dir.path().join("report.html"), &ReportInput::default())?;
/// # Ok::<(), semivox_report::ReportError>(())
/// ```
pub fn write(path: impl AsRef<Path>, input: &ReportInput<'_>) -> Result<(), ReportError> {
    Ok(io::write_atomic(path, render(input)?.as_bytes())?)
}

/// Renders the report as a string of HTML.
///
/// # Errors
///
/// [`ReportError::Picture`] if the arrays of a case have different shapes.
pub fn render(input: &ReportInput<'_>) -> Result<String, ReportError> {
    input.pictures.iter().try_for_each(slices::check)?;
    Ok(html::page(input))
}

/// Returns the indices of the worst, median and best case by mean Dice, each with its names.
///
/// A case with two of the names is listed once, and cases without a defined Dice are left out.
///
/// # Examples
///
/// ```
/// use semivox_report::notable_cases;
/// use semivox_inference::evaluation::*;
///
/// let case = |id: &str, dice| CaseEvaluation {
///     id: id.into(),
///     seen: None,
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
mod tests;
