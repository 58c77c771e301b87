//! HDF5 files of LA, ACDC and Pancreas-CT as distributed in the field.

use std::path::Path;
use std::sync::OnceLock;

use ndarray::{Array2, Array3, ArrayD, Axis, Ix2, Ix3, stack};

use super::hdf5_array::{array, half_floats};
use super::read::check_finite;
use super::read_labels::{check_label_value, to_label};
use crate::{AxisOrder, DataError, Geometry, LabelMap, Source, Volume};

/// Function that reads one dataset of a file.
type Read<'a, T> = &'a dyn Fn(&Path, &str) -> Result<ArrayD<T>, DataError>;

/// Reads an image; slices are stacked along the last axis.
pub(super) fn image(source: &Source) -> Result<Volume, DataError> {
    let read = |path: &Path, name: &str| {
        array(path, name, |dataset| match half_floats(dataset)? {
            Some(values) => Ok(values),
            None => dataset.read_f32(),
        })
    };
    let (data, path) = volume(source, &read)?;
    check_finite(path, &data)?;
    Ok(Volume::new(data, geometry(source)))
}

/// Reads a label map; slices are stacked along the last axis.
pub(super) fn label(source: &Source) -> Result<LabelMap, DataError> {
    let read = |path: &Path, name: &str| {
        let bad = OnceLock::new();
        let labels = array(path, name, |dataset| {
            let values = match half_floats(dataset)? {
                Some(values) => values.into_iter().map(f64::from).collect(),
                None => dataset.read_f64()?,
            };
            Ok(values
                .into_iter()
                .map(|value| to_label(value, &bad))
                .collect())
        })?;
        check_label_value(path, bad)?;
        Ok(labels)
    };
    let (data, _) = volume(source, &read)?;
    Ok(LabelMap::new(data, geometry(source)))
}

fn geometry(source: &Source) -> Geometry {
    match source {
        Source::Hdf5 { spacing_mm, .. } | Source::Hdf5Slices { spacing_mm, .. } => {
            Geometry::from_spacing(*spacing_mm)
        }
        _ => Geometry::default(),
    }
}

/// Returns the array in `[x, y, z]` order, contiguous, and a file to name in messages.
fn volume<'a, T: Clone>(
    source: &'a Source,
    read: Read<'_, T>,
) -> Result<(Array3<T>, &'a Path), DataError> {
    match source {
        Source::Hdf5 {
            path,
            dataset,
            axes,
            ..
        } => {
            let array = read(path, dataset)?;
            let shape = array.shape().to_vec();
            let data = array
                .into_dimensionality::<Ix3>()
                .map_err(|_| wrong_rank(path, dataset, 3, &shape))?;
            let data = match axes {
                AxisOrder::SlicesLast => data,
                AxisOrder::SlicesFirst => data.permuted_axes([1, 2, 0]),
            };
            Ok((data.as_standard_layout().into_owned(), path))
        }
        Source::Hdf5Slices { paths, dataset, .. } => {
            let slices = paths
                .iter()
                .map(|path| slice(path, dataset, read))
                .collect::<Result<Vec<_>, _>>()?;
            stack_slices(paths, &slices)
        }
        _ => Err(DataError::InvalidSetting {
            name: "the source of an array",
            expected: "an HDF5 file".into(),
            found: source.to_string(),
        }),
    }
}

fn slice<T>(path: &Path, dataset: &str, read: Read<'_, T>) -> Result<Array2<T>, DataError> {
    let array = read(path, dataset)?;
    let shape = array.shape().to_vec();
    array
        .into_dimensionality::<Ix2>()
        .map_err(|_| wrong_rank(path, dataset, 2, &shape))
}

fn stack_slices<'a, T: Clone>(
    paths: &'a [std::path::PathBuf],
    slices: &[Array2<T>],
) -> Result<(Array3<T>, &'a Path), DataError> {
    let (Some(path), Some(first)) = (paths.first(), slices.first()) else {
        return Err(DataError::missing(
            Path::new("."),
            "at least one slice",
            "list the case's slice files",
        ));
    };
    if let Some(at) = slices.iter().position(|slice| slice.dim() != first.dim()) {
        let (expected, found) = (
            format!("{:?} as in the first slice", first.dim()),
            format!("{:?}", slices[at].dim()),
        );
        return Err(DataError::unexpected(
            &paths[at],
            expected,
            found,
            "check that the slices belong together",
        ));
    }
    let views: Vec<_> = slices.iter().map(|slice| slice.view()).collect();
    let stacked = stack(Axis(2), &views).map_err(|error| {
        DataError::unexpected(
            path,
            "slices of one shape",
            error.to_string(),
            "check that the slices belong together",
        )
    })?;
    Ok((stacked.as_standard_layout().into_owned(), path))
}

fn wrong_rank(path: &Path, dataset: &str, rank: usize, shape: &[usize]) -> DataError {
    let expected = format!("{rank} axes in `{dataset}`");
    DataError::unexpected(
        path,
        expected,
        format!("shape {shape:?}"),
        "check which file of the case this is",
    )
}
