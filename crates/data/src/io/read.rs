//! Reading of images.

use std::path::Path;

use ndarray::Array3;

use super::formats;
use super::raw::{Raw, VoxelLayout};
use super::voxels::decode_channel;
use crate::finite::not_finite;
use crate::preprocess::Grid;
use crate::{DataError, SourceHeader, Volume};

/// Reads an image from a NIfTI, NRRD or MetaImage file, or from a folder with one DICOM series; the format is detected
/// by the content. See [`io`](super) for what is supported of each. A DICOM file stands for all files of its series in
/// its folder.
///
/// The affine is NIfTI's, in millimeters. Of a NIfTI file it is the sform, else the qform, else the voxel sizes;
/// [`Volume::header`] holds all of them, and a note where the sform is singular or they disagree. Slope and
/// intercept are applied.
///
/// # Shapes
///
/// Files with more than three axes are read if the further ones have length 1.
///
/// # Errors
///
/// [`DataError::Missing`], [`DataError::Io`], [`DataError::Truncated`],
/// [`DataError::NonFinite`], and [`DataError::Unexpected`] for other formats,
/// types and shapes.
///
/// # Examples
///
/// ```
/// use ndarray::Array3;
/// use semivox_data::io::{read_volume, write_volume};
/// use semivox_data::{Geometry, Volume};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("scan.nii.gz");
/// let volume = Volume::new(Array3::from_elem((4, 3, 2), 0.5), Geometry::from_spacing([1.0, 1.0, 3.0]));
/// write_volume(&path, &volume)?;
/// assert_eq!(read_volume(&path)?, volume);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_volume(path: impl AsRef<Path>) -> Result<Volume, DataError> {
    let path = path.as_ref();
    let mut channels = read_channels(path, 1)?;
    Ok(channels.pop().expect("one channel was asked for"))
}

/// Reads an image of several channels from one file.
pub(super) fn read_channels(path: &Path, channels: usize) -> Result<Vec<Volume>, DataError> {
    let raw = formats::read(path)?;
    expect_channels(path, &raw.layout, channels)?;
    let channel = |index| {
        let data = decode_channel(&raw, index, |value| value as f32);
        check_finite(path, &data)?;
        Ok(Volume::new(data, raw.layout.geometry).with_header(header(&raw)))
    };
    (0..channels).map(channel).collect()
}

pub(super) fn header(raw: &Raw) -> Option<SourceHeader> {
    Some(raw.layout.header.clone())
}

/// An error unless a file has this number of channels.
pub(super) fn expect_channels(
    path: &Path,
    layout: &VoxelLayout,
    channels: usize,
) -> Result<(), DataError> {
    if layout.channels == channels {
        return Ok(());
    }
    let [x, y, z] = layout.shape;
    let expected = match channels {
        1 => "a volume of three axes".to_string(),
        _ => format!("a fourth axis of {channels} channels"),
    };
    Err(DataError::unexpected(
        path,
        expected,
        match layout.channels {
            1 => format!("shape [{x}, {y}, {z}]"),
            found => format!("shape [{x}, {y}, {z}, {found}]"),
        },
        if layout.channels == 1 {
            "give one file for each channel, NAME_0000, NAME_0001, …, or one file with all of them"
        } else {
            "split it into one file per time point; if they are channels of an image, name them, one a line, in \
         `channels.txt` beside `images/`, or in `dataset.json`"
        },
    ))
}

/// Reads the number of channels of a file from its header.
pub(crate) fn channels_in(path: &Path) -> Result<usize, DataError> {
    Ok(formats::layout(path)?.channels)
}

/// Reads the grid of a volume from the header of its file.
///
/// # Errors
///
/// As for [`read_volume`], except for errors in the voxels, which are not read.
pub(crate) fn read_grid(path: &Path) -> Result<Grid, DataError> {
    let layout = formats::layout(path)?;
    expect_channels(path, &layout, 1)?;
    Ok(Grid {
        shape: layout.shape,
        geometry: layout.geometry,
    })
}

/// Returns an error for NaN and infinite voxels, including values too large for `f32`.
pub(super) fn check_finite(path: &Path, data: &Array3<f32>) -> Result<(), DataError> {
    match not_finite(data) {
        None => Ok(()),
        Some((count, first)) => Err(DataError::NonFinite {
            path: path.to_path_buf(),
            count,
            first,
        }),
    }
}
