use std::fmt;

use ndarray::ArrayView3;
use semivox_sdf::{SdfError, check_spacing};
use thiserror::Error;

/// Identifies one of the two label maps in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSource {
    /// The predicted label map.
    Prediction,
    /// The reference label map.
    Reference,
}

impl fmt::Display for LabelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prediction => "prediction",
            Self::Reference => "reference",
        })
    }
}

/// An error from comparing two segmentations.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The two arrays have different shapes.
    #[error(
        "expected a prediction and a reference of the same shape, found a prediction of {prediction:?} and a reference of {reference:?}; resample the prediction to the grid of the reference"
    )]
    Shape {
        /// The shape of the prediction.
        prediction: [usize; 3],
        /// The shape of the reference.
        reference: [usize; 3],
    },
    /// A label map holds a value that is not a class.
    #[error(
        "expected labels below the number of classes ({classes}), found label {label} in {voxels} voxels of the {source_map}; raise the number of classes or map the labels"
    )]
    Label {
        /// The label map with the value.
        source_map: LabelSource,
        /// The lowest such value.
        label: u8,
        /// The number of voxels with this value.
        voxels: usize,
        /// The number of classes, including the background.
        classes: usize,
    },
    /// The number of classes exceeds 8-bit labels, or leaves no foreground.
    #[error(
        "expected 2 to 256 classes with the background included, found {found}; count the background as a class"
    )]
    Classes {
        /// The number of classes found.
        found: usize,
    },
    /// A spacing is not positive and finite.
    #[error(transparent)]
    Spacing(#[from] SdfError),
    /// A tolerance is negative or not a number.
    #[error(
        "expected a tolerance of zero or more millimeters, found {found}; pass the tolerance of the task"
    )]
    Tolerance {
        /// The tolerance found.
        found: f64,
    },
}

/// Checks that the shapes are equal.
pub(crate) fn check_shapes<A, B>(
    prediction: &ArrayView3<'_, A>,
    reference: &ArrayView3<'_, B>,
) -> Result<(), MetricError> {
    let shapes = [prediction.dim(), reference.dim()].map(|(x, y, z)| [x, y, z]);
    if shapes[0] == shapes[1] {
        Ok(())
    } else {
        Err(MetricError::Shape {
            prediction: shapes[0],
            reference: shapes[1],
        })
    }
}

/// Checks that the shapes are equal and the spacing is positive and finite.
pub(crate) fn check_geometry<A, B>(
    prediction: &ArrayView3<'_, A>,
    reference: &ArrayView3<'_, B>,
    spacing: [f64; 3],
) -> Result<(), MetricError> {
    check_shapes(prediction, reference)?;
    Ok(check_spacing(spacing)?)
}
