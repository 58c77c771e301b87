//! Copying of single cases.

use std::fs;
use std::path::Path;

use super::grid;
use super::source::Case;
use crate::preprocess::Grid;
use crate::{DataError, Image, LabelValues, Source, io};

/// The mend of a scan that is stored as several files.
const ONE_FILE: &str = "image of several files converted to NIfTI";

/// A case in the copy.
pub(super) struct Copied {
    pub(super) labeled: bool,
    pub(super) mends: Vec<&'static str>,
}

/// Copies a case into the folder `out`.
///
/// # Errors
///
/// If a file cannot be read or written, or the label map not be brought onto the image's grid. Errors in the source come
/// before anything of the case is written.
pub(super) fn case(
    out: &Path,
    id: &str,
    case: &Case,
    values: &LabelValues,
) -> Result<Copied, DataError> {
    let image = io::read_image(&case.image)?;
    let mut mends = Vec::new();
    let labels = match &case.label {
        None => None,
        Some(path) => {
            let (path, values) = (path.clone(), values.clone());
            let source = Source::MappedFile { path, values };
            let labels = io::read_label(&source)?;
            let names = [case.image.to_string(), source.to_string()];
            let (labels, mend) = grid::on_image(labels, &Grid::from(image.first()), names)?;
            mends.extend(mend);
            Some(labels.with_header_of(image.first()))
        }
    };
    // Labels first: without them the image would be an unlabeled case.
    if let Some(labels) = &labels {
        let path = out.join("labels").join(format!("{id}.nii.gz"));
        io::write_label_values(path, labels, values)?;
    }
    mends.extend(copy_image(out, id, case, &image)?);
    Ok(Copied {
        labeled: labels.is_some(),
        mends,
    })
}

/// Copies the files of an image, or writes it anew where they have to change.
fn copy_image(
    out: &Path,
    id: &str,
    case: &Case,
    image: &Image,
) -> Result<Option<&'static str>, DataError> {
    let folder = out.join("images");
    let channel = |number: usize| format!("{id}_{number:04}");
    let write = |name: &str, index: usize| {
        io::write_volume(
            folder.join(format!("{name}.nii.gz")),
            &image.channels()[index],
        )
    };
    let files = case.image.files();
    let axis = matches!(case.image, Source::ChannelAxis { .. });
    if case.split || axis && files.iter().any(|file| single(file).is_none()) {
        for number in 0..image.channels().len() {
            write(&channel(number), number)?;
        }
        return Ok((!case.split).then_some(ONE_FILE));
    }
    let mut mend = None;
    for (number, file) in files.iter().enumerate() {
        let name = match files.len() {
            1 => id.to_string(),
            _ => channel(number),
        };
        match single(file) {
            Some(ending) => {
                let to = folder.join(format!("{name}{ending}"));
                fs::copy(file, &to).map_err(DataError::io("copy", file))?;
            }
            None => {
                write(&name, number)?;
                mend = Some(ONE_FILE);
            }
        }
    }
    Ok(mend)
}

/// The ending of a file that holds a whole image; `None` if there are others with it.
fn single(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_string_lossy();
    let ending = &name[io::stem_length(&name)?..];
    let whole = [".nii", ".nii.gz", ".nrrd", ".mha"];
    let lower = ending.to_ascii_lowercase();
    (file.is_file() && whole.contains(&lower.as_str())).then_some(lower)
}
