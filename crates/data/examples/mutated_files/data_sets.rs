//! Small data sets whose files are changed.

use std::fs;
use std::path::Path;

use hdf5_pure::FileBuilder;

use crate::Outcome;

/// Writes a folder of own scans, one of the Decathlon's layout, and one of HDF5 files.
pub(crate) fn write(root: &Path) -> Outcome<()> {
    let scan = root.join("goldens/i2.nii.gz");
    let labels = root.join("goldens/u1.nii.gz");
    for (set, images, drawn) in [("own", "images", "labels"), ("msd", "imagesTr", "labelsTr")] {
        for (folder, file) in [(images, &scan), (drawn, &labels)] {
            fs::create_dir_all(root.join(set).join(folder))?;
            fs::copy(file, root.join(set).join(folder).join("a.nii.gz"))?;
        }
        fs::copy(&scan, root.join(set).join(images).join("b.nii.gz"))?;
    }
    let names: Vec<String> = (0..256)
        .map(|value| format!("{value} class{}", value.min(3)))
        .collect();
    fs::write(root.join("own/classes.txt"), names.join("\n"))?;
    fs::write(root.join("own/train.list"), "a\nb\n")?;
    let classes: Vec<String> = (0..256)
        .map(|value| format!("\"{value}\": \"class{value}\""))
        .collect();
    let json = format!(
        "{{\"name\": \"x\", \"labels\": {{{}}}, \"training\": [{{\"image\": \"./imagesTr/a.nii.gz\", \"label\": \"./labelsTr/a.nii.gz\"}}], \"test\": [\"./imagesTr/b.nii.gz\"]}}",
        classes.join(", ")
    );
    fs::write(root.join("msd/dataset.json"), json)?;
    fs::create_dir_all(root.join("Pancreas_h5"))?;
    let mut builder = FileBuilder::new();
    builder
        .create_dataset("image")
        .with_f32_data(&[0.5; 12])
        .with_shape(&[3, 2, 2]);
    builder
        .create_dataset("label")
        .with_u8_data(&[1; 12])
        .with_shape(&[3, 2, 2]);
    fs::write(
        root.join("Pancreas_h5/image0001_norm.h5"),
        builder.finish()?,
    )?;
    fs::copy(
        root.join("Pancreas_h5/image0001_norm.h5"),
        root.join("Pancreas_h5/image0002_norm.h5"),
    )?;
    fs::write(root.join("Pancreas_h5/train.list"), "image0001\n")?;
    fs::write(root.join("Pancreas_h5/test.list"), "image0002\n")?;
    Ok(())
}
