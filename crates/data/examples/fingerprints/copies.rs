//! Copies of a scan in files of other formats.

use std::fs;
use std::path::Path;

use hdf5_pure::FileBuilder;
use semivox_data::io::{read_image, write_volume};
use semivox_data::{AxisOrder, Source, Volume};

use crate::{Disguise, Outcome};

/// Copies of a scan in other files.
pub(crate) fn of(scan: &Volume, whole: &Volume, folder: &Path) -> Outcome<Vec<Disguise>> {
    let at = |name: &str| folder.join(name);
    let read = |source: Source| -> Outcome<Volume> {
        Ok(read_image(&source)?.into_channels().swap_remove(0))
    };
    let placed = |file: &str| read(Source::File(at(file)));
    write_volume(at("other.nii.gz"), scan)?;
    write_volume(at("plain.nii"), scan)?;
    nrrd(&at("float.nrrd"), "float", scan, |x| {
        x.to_le_bytes().to_vec()
    })?;
    nrrd(&at("short.nrrd"), "short", whole, |x| {
        (x as i16).to_le_bytes().to_vec()
    })?;
    Ok(vec![
        (
            "copy under another name, .nii.gz",
            placed("other.nii.gz")?,
            false,
        ),
        ("plain .nii", placed("plain.nii")?, false),
        ("NRRD", placed("float.nrrd")?, false),
        ("HDF5", read(hdf5(&at("scan.h5"), scan)?)?, false),
        (
            "16-bit integers for equal floats",
            placed("short.nrrd")?,
            true,
        ),
    ])
}

/// Writes a scan as HDF5.
fn hdf5(path: &Path, scan: &Volume) -> Outcome<Source> {
    let mut builder = FileBuilder::new();
    let values: Vec<f32> = scan.data.iter().copied().collect();
    let shape = scan.shape().map(|n| n as u64);
    builder
        .create_dataset("image")
        .with_f32_data(&values)
        .with_shape(&shape);
    fs::write(path, builder.finish()?)?;
    Ok(Source::Hdf5 {
        path: path.into(),
        dataset: "image".into(),
        axes: AxisOrder::SlicesLast,
        spacing_mm: scan.spacing(),
    })
}

/// Writes a scan in RAS as NRRD.
fn nrrd(path: &Path, kind: &str, scan: &Volume, bytes: fn(f32) -> Vec<u8>) -> Outcome<()> {
    let ([x, y, z], affine) = (scan.shape(), scan.geometry.affine);
    let column = |axis: usize| {
        format!(
            "({},{},{})",
            affine[0][axis], affine[1][axis], affine[2][axis]
        )
    };
    let [a, b, c, origin] = [0, 1, 2, 3].map(column);
    let header = format!(
        "NRRD0004\ntype: {kind}\ndimension: 3\nspace: right-anterior-superior\nsizes: {x} {y} {z}\nspace directions: {a} {b} {c}\nspace origin: {origin}\nendian: little\nencoding: raw\n\n"
    );
    // The first axis is the fastest in the file.
    let voxels = scan.data.t().iter().flat_map(|&x| bytes(x)).collect();
    Ok(fs::write(path, [header.into_bytes(), voxels].concat())?)
}
