//! One data set of an HDF5 file as an array.

use std::path::Path;

use half::f16;
use hdf5_pure::{Dataset, Datatype, DatatypeByteOrder, Error, File, FloatingPointLayout};
use ndarray::{ArrayD, IxDyn};

use super::hdf5_links::Link;
use crate::DataError;

/// Reads floats of 16 bits, which the library reads as bytes only; `None` for other types.
pub(super) fn half_floats(dataset: &Dataset) -> Result<Option<Vec<f32>>, Error> {
    let big = match dataset.datatype()? {
        Datatype::FloatingPoint {
            size: 2,
            byte_order,
            layout: FloatingPointLayout {
                exponent_size: 5, ..
            },
        } => byte_order == DatatypeByteOrder::BigEndian,
        _ => return Ok(None),
    };
    let bytes = dataset.read_raw()?;
    let value = |pair: &[u8; 2]| match big {
        true => f16::from_be_bytes(*pair).to_f32(),
        false => f16::from_le_bytes(*pair).to_f32(),
    };
    let (pairs, _) = bytes.as_chunks::<2>();
    Ok(Some(pairs.iter().map(value).collect()))
}

/// Says how to mend a file that cannot be read.
fn advice(error: &Error) -> &'static str {
    match error.to_string().contains("layout version") {
        true => {
            "the file is in the newest format of HDF5 2.0: write it in an older one, in h5py with \
             `libver=(\"earliest\", \"v114\")`"
        }
        false => "check the file, or download it again",
    }
}

fn named(dataset: &str) -> String {
    format!("a data set named `{dataset}`")
}

/// Reads the dataset `name` with the function `values`.
pub(super) fn array<T>(
    path: &Path,
    name: &str,
    values: impl FnOnce(&Dataset) -> Result<Vec<T>, Error>,
) -> Result<ArrayD<T>, DataError> {
    if !path.is_file() {
        return Err(DataError::missing(path, "an HDF5 file", "check the path"));
    }
    let wrong = |expected: String, error: Error| {
        DataError::unexpected(path, expected, error.to_string(), advice(&error))
    };
    let file = File::open(path).map_err(|error| wrong("a valid HDF5 file".into(), error))?;
    let dataset = file
        .dataset(name)
        .map_err(|error| match Link::find(path, name) {
            Some(link) => link.refused(path, name, named(name)),
            None => wrong(named(name), error),
        })?;
    let numbers = |error| wrong(format!("numbers in `{name}`"), error);
    let shape: Vec<usize> = dataset
        .shape()
        .map_err(numbers)?
        .into_iter()
        .map(|n| n as usize)
        .collect();
    let values = values(&dataset).map_err(numbers)?;
    let found = format!("{} values for shape {shape:?}", values.len());
    ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|_| {
        DataError::unexpected(
            path,
            "as many values as the shape says",
            found,
            "download the file again",
        )
    })
}
