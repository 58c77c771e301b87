//! A slice of a series: one image with its position, as its header describes it.

use std::path::PathBuf;

use super::super::voxels::VoxelType;
use super::header::Header;
use super::syntax::{self, Coding};
use super::tags;
use crate::DataError;

/// The description of a slice.
pub(super) struct Slice {
    pub(super) path: PathBuf,
    /// Number of columns and rows.
    pub(super) size: [usize; 2],
    /// Distances of neighbors in a row and in a column, in millimeters.
    pub(super) spacing: [f64; 2],
    /// Directions along a row and along a column, in DICOM's frame (left, posterior, superior).
    pub(super) directions: [[f64; 3]; 2],
    pub(super) position: [f64; 3],
    /// The distance of slices that the file states, in millimeters.
    pub(super) thickness: Option<f64>,
    /// The number of the slice in its series.
    pub(super) number: Option<i64>,
    pub(super) voxel_type: VoxelType,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    /// Whether large values are shown dark.
    pub(super) inverted: bool,
    /// Number of bits of a voxel in use, and of those below them.
    pub(super) bits: [u32; 2],
    pub(super) coding: Coding,
    pub(super) header: Header,
}

/// The largest error of the directions' lengths and of the cosine of their angle.
const UNIT_TOLERANCE: f64 = 1e-3;

impl Slice {
    /// Checks a header: anything but a gray image with a position is refused.
    pub(super) fn of(header: Header) -> Result<Self, DataError> {
        let coding = syntax::coding(&header.transfer_syntax).map_err(|found| {
            header.wrong(
                "uncompressed little-endian, JPEG lossless or RLE pixels",
                &found,
            )
        })?;
        expect_single_gray(&header)?;
        let [columns, rows] = [(tags::COLUMNS, "Columns"), (tags::ROWS, "Rows")]
            .map(|(tag, name)| header.number(tag, name));
        let size = [columns?.into(), rows?.into()];
        if size.contains(&0) {
            return Err(header.wrong("Rows and Columns of 1 and more", "0"));
        }
        let (voxel_type, bits) = storage(&header)?;
        let [slope, intercept] = rescale(&header)?;
        let between = header.decimals::<1>(tags::SPACING_BETWEEN_SLICES, "SpacingBetweenSlices");
        let thickness = header.decimals::<1>(tags::SLICE_THICKNESS, "SliceThickness");
        Ok(Self {
            path: header.path.clone(),
            size,
            spacing: spacing(&header)?,
            directions: directions(&header)?,
            position: placed(&header, tags::POSITION, "ImagePositionPatient")?,
            thickness: between
                .ok()
                .flatten()
                .or(thickness.ok().flatten())
                .map(|[x]| x.abs()),
            number: header.text(tags::INSTANCE_NUMBER).parse().ok(),
            voxel_type,
            slope,
            intercept,
            inverted: header.text(tags::PHOTOMETRIC) == "MONOCHROME1",
            bits,
            coding,
            header,
        })
    }
}

fn expect_single_gray(header: &Header) -> Result<(), DataError> {
    let frames = header.text(tags::FRAMES);
    if header.has(tags::SHARED_GROUPS) || !["", "1"].contains(&&*frames) {
        return Err(header.wrong("one slice a file", "several frames (multi-frame DICOM)"));
    }
    let samples = header.number(tags::SAMPLES, "SamplesPerPixel")?;
    let photometric = header.text(tags::PHOTOMETRIC);
    if samples != 1 || !["MONOCHROME1", "MONOCHROME2"].contains(&&*photometric) {
        return Err(header.wrong("a gray image (MONOCHROME1 or 2)", "a color image"));
    }
    if header.has(tags::FLOAT_PIXELS) || header.has(tags::DOUBLE_PIXELS) {
        return Err(header.wrong("voxels as whole numbers", "floating-point pixels"));
    }
    match header.has(tags::MODALITY_TABLE) {
        true => Err(header.wrong(
            "values by RescaleSlope and RescaleIntercept",
            "a lookup table of them",
        )),
        false => Ok(()),
    }
}

/// The type of a voxel; its number of bits in use and of those below them.
fn storage(header: &Header) -> Result<(VoxelType, [u32; 2]), DataError> {
    use VoxelType::*;
    let allocated = header.number(tags::BITS_ALLOCATED, "BitsAllocated")?;
    let stored = header.number(tags::BITS_STORED, "BitsStored")?;
    let high = match header.has(tags::HIGH_BIT) {
        true => header.number(tags::HIGH_BIT, "HighBit")?,
        false => stored.saturating_sub(1),
    };
    let signed = header.number(tags::SIGNED, "PixelRepresentation")?;
    let voxel_type = match (allocated, signed) {
        (8, 0) => Uint8,
        (8, 1) => Int8,
        (16, 0) => Uint16,
        (16, 1) => Int16,
        (32, 0) => Uint32,
        (32, 1) => Int32,
        _ => {
            let found = format!("{allocated} bits, PixelRepresentation {signed}");
            return Err(header.wrong("voxels of 8, 16 or 32 bits", &found));
        }
    };
    if stored == 0 || high >= allocated || stored > high + 1 {
        let found = format!("{stored}, up to bit {high} of {allocated}");
        return Err(header.wrong("stored bits within those of a voxel", &found));
    }
    let below = u32::from(high + 1 - stored);
    Ok((voxel_type, [stored.into(), below]))
}

fn rescale(header: &Header) -> Result<[f64; 2], DataError> {
    let [slope] = header
        .decimals(tags::SLOPE, "RescaleSlope")?
        .unwrap_or([1.0]);
    let [intercept] = header
        .decimals(tags::INTERCEPT, "RescaleIntercept")?
        .unwrap_or([0.0]);
    match slope == 0.0 {
        true => Err(header.wrong("a RescaleSlope other than 0", "0")),
        false => Ok([slope, intercept]),
    }
}

/// Distances in a row and in a column; the file has them in the other order.
fn spacing(header: &Header) -> Result<[f64; 2], DataError> {
    let [down, along] = placed(header, tags::PIXEL_SPACING, "PixelSpacing")?;
    match down > 0.0 && along > 0.0 {
        true => Ok([along, down]),
        false => Err(header.wrong(
            "a PixelSpacing of more than 0",
            &format!("{down} by {along} mm"),
        )),
    }
}

fn directions(header: &Header) -> Result<[[f64; 3]; 2], DataError> {
    let [a, b, c, d, e, f] = placed(header, tags::ORIENTATION, "ImageOrientationPatient")?;
    let (row, column) = ([a, b, c], [d, e, f]);
    let off = |x: f64, right: f64| (x - right).abs() > UNIT_TOLERANCE;
    if off(dot(row, row), 1.0) || off(dot(column, column), 1.0) || off(dot(row, column), 0.0) {
        let found = format!("{row:?} and {column:?}");
        return Err(header.wrong(
            "an ImageOrientationPatient of unit length and at right angles",
            &found,
        ));
    }
    Ok([row, column].map(|direction| {
        let length = dot(direction, direction).sqrt();
        direction.map(|part| part / length)
    }))
}

/// Numbers that place a slice, without which it is no part of a volume.
fn placed<const N: usize>(
    header: &Header,
    tag: tags::Tag,
    name: &str,
) -> Result<[f64; N], DataError> {
    let numbers = header.decimals(tag, name)?;
    numbers.ok_or_else(|| header.wrong(&format!("a slice with {name}"), "none"))
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
