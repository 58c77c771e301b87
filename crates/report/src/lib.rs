//! The report of a training run: one HTML file that opens without a network.
//!
//! Everything is inline: style, curves as SVG, still slices as PNG in base64,
//! and behind a few small scripts the volumes of the cases shown, packed, for
//! a viewer with window and level. Without scripts the still slices are left.
//!
//! [`render`] makes the page from a training log, an evaluation and volumes; it knows no run folder.

mod axis;
mod case;
mod cases;
mod contour;
mod curves;
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
    /// Steps of the whole run, where known; the page says so if the log ends before.
    pub iterations: Option<u64>,
    /// The evaluation, if it was run.
    pub evaluation: Option<Evaluation>,
    /// Cases to look at; [`notable_cases`] says which are worth it.
    pub pictures: Vec<CasePicture>,
    /// Notices above everything else, such as that the run was interrupted.
    pub notices: Vec<String>,
}

/// One of several channels of a scan.
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
    /// The case.
    pub id: String,
    /// Caption, such as "worst case, Dice 71.2 %".
    pub caption: String,
    /// Intensities, axes x, y, z; of several channels those of the first one.
    pub image: Array3<f32>,
    /// The channels after the first one, of the same shape; shown as still slices.
    pub other_channels: Vec<ChannelPicture>,
    /// Reference labels, of the image's shape.
    pub reference: Array3<u8>,
    /// Predicted labels, of the image's shape.
    pub prediction: Array3<u8>,
    /// Geometry of the voxels, which names the planes and gives positions in mm.
    pub geometry: Geometry,
}

impl CasePicture {
    /// Refuses arrays of different shapes.
    ///
    /// # Errors
    ///
    /// [`ReportError::Picture`] with the case and the shapes.
    pub fn check(&self) -> Result<(), ReportError> {
        slices::check(self)
    }
}

/// Renders and writes the report.
///
/// # Errors
///
/// [`ReportError::Picture`] if the arrays of a case do not fit together,
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

/// The report as a string of HTML.
///
/// # Errors
///
/// [`ReportError::Picture`] if the arrays of a case do not fit together.
pub fn render(input: &ReportInput<'_>) -> Result<String, ReportError> {
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
/// use semivox_report::notable_cases;
/// use semivox_inference::evaluation::*;
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
mod tests;
