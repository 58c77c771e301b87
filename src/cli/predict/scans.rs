//! The scans that the inputs of `semivox predict` name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semivox_data::{Source, io, layout};
use semivox_trainer::TrainError;
use semivox_trainer::session::FOLDERS_OF_SCANS;

/// Returns the scans that the inputs name, with `channels` channels each, by file name without extension.
pub(super) fn scans(
    inputs: &[PathBuf],
    channels: usize,
) -> Result<BTreeMap<String, Source>, TrainError> {
    let mut found: BTreeMap<String, Source> = BTreeMap::new();
    for input in inputs {
        for (id, scan) in of_input(input, channels)? {
            match found.get(&id) {
                // Several files of the same scan were given, or one twice.
                Some(other) if is_same(other, &scan) => {}
                Some(other) => {
                    return Err(TrainError::unexpected(
                        format!("{id}.nii.gz"),
                        "scans of different names",
                        format!("{other} and {scan}"),
                        "both would be written there: predict them into different folders",
                    ));
                }
                None => drop(found.insert(id, scan)),
            }
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true => Err(TrainError::unexpected(
            inputs[0].display(),
            format!("scans ({})", io::READABLE),
            "none",
            "give files or the folder that holds them",
        )),
    }
}

/// Whether two scans of one name are one, by whatever paths they are named.
fn is_same(a: &Source, b: &Source) -> bool {
    let (a, b) = (a.files(), b.files());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

/// Returns the scans of a folder, or the one of a file.
fn of_input(input: &Path, channels: usize) -> Result<BTreeMap<String, Source>, TrainError> {
    let input = &layout::header_of(input);
    match (input.is_dir(), channels) {
        (true, _) => {
            expect_scans(input)?;
            let found = layout::scans(input, channels)?;
            for note in &found.notes {
                tell!("note: {note}");
            }
            Ok(found.images)
        }
        (false, 1) => Ok(BTreeMap::from([(
            id_of(input)?,
            Source::File(input.clone()),
        )])),
        (false, _) => {
            id_of(input)?;
            let found = layout::scan(input, channels);
            let found = found.map(|(id, scan)| (layout::composed(&id), scan));
            Ok(found.into_iter().collect())
        }
    }
}

/// Fails if a folder is a data set, whose label maps would be segmented as scans.
fn expect_scans(input: &Path) -> Result<(), TrainError> {
    let inner = |name: &&str| input.join(name).is_dir();
    let Some(found) = FOLDERS_OF_SCANS.iter().copied().find(inner) else {
        return Ok(());
    };
    let of_images = FOLDERS_OF_SCANS.iter().copied().filter(inner);
    let of_images = of_images.filter(|name| name.starts_with("images"));
    let images: Vec<String> = of_images
        .map(|name| input.join(name).display().to_string())
        .collect();
    Err(TrainError::unexpected(
        input.display(),
        "a folder of scans alone",
        format!("a data set, with {found}/"),
        match images.is_empty() {
            true => "give the scans themselves".into(),
            false => format!("give {}", images.join(" or ")),
        },
    ))
}

fn id_of(file: &Path) -> Result<String, TrainError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match layout::stem(&name) {
        Some(id) if file.is_file() => Ok(layout::composed(id)),
        _ => Err(TrainError::unexpected(
            file.display(),
            format!("a scan ({}) or a folder of scans", io::READABLE),
            match file.exists() {
                true => "another kind of file",
                false => "nothing there",
            },
            "check the path",
        )),
    }
}

/// Whether two paths lead to one file or folder.
pub(super) fn same(a: &Path, b: &Path) -> bool {
    // The parent of a bare file name is the empty path.
    let whole = |path: &Path| Path::new(".").join(path).canonicalize();
    matches!((whole(a), whole(b)), (Ok(a), Ok(b)) if a == b)
}
