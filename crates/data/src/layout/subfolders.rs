//! Scans in subfolders of a folder of volumes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::entry::{Entry, FORK, Headers};
use super::file_names::{all_names, numbered, stem};
use super::text::composed;
use crate::DataError;
use crate::names::some_named;

/// The number of folders below each other that are searched for scans, as in `sub-01/ses-01/anat/`.
const DEPTH: usize = 4;

/// The folder of `predict --probabilities`, whose maps are no label maps.
const PROBABILITIES: &str = "probabilities";

/// A file or DICOM series below a folder.
struct Below {
    /// Name without extension.
    stem: String,
    path: PathBuf,
}

/// A subfolder with scans.
struct Subfolder {
    name: String,
    volumes: Vec<Below>,
}

/// The subfolders of a folder of volumes.
#[derive(Default)]
pub(super) struct Subfolders(Vec<Subfolder>);

/// Entries that are no volumes, as reason and path within the folder of volumes.
pub(super) type PassedOver = Vec<(String, String)>;

impl Subfolders {
    /// Adds a subfolder, and what in it is no volume to `others`.
    pub(super) fn search(
        &mut self,
        name: &str,
        path: &Path,
        others: &mut PassedOver,
    ) -> Result<(), DataError> {
        if name == PROBABILITIES {
            let reason = "maps of probabilities, written by `predict --probabilities`";
            others.push((reason.into(), name.into()));
            return Ok(());
        }
        let mut volumes = Vec::new();
        let before = others.len();
        search(name, path, DEPTH, &mut volumes, others)?;
        if !volumes.is_empty() {
            // A folder may be named like the file that it holds.
            let name = composed(stem(name).unwrap_or(name));
            self.0.push(Subfolder { name, volumes });
        } else if others[before..].iter().all(|other| other.0 == FORK) {
            others.push(("an empty folder".into(), name.into()));
        }
        Ok(())
    }

    /// Whether volumes are named like their subfolders: each holds a single image, a volume or one for each channel, and
    /// either that is decided, or there are no volumes beside the subfolders, or files of several subfolders have one name.
    pub(super) fn lend_names(&self, decided: Option<bool>, alone: bool) -> bool {
        let stems = || {
            self.0
                .iter()
                .flat_map(|folder| &folder.volumes)
                .map(|volume| &volume.stem)
        };
        let distinct = stems().collect::<BTreeSet<_>>().len() == stems().count();
        decided.unwrap_or(alone || !distinct) && self.0.iter().all(Subfolder::is_one_image)
    }

    /// The volumes by name, that of their subfolder or of their file, and a note on which of the two it is.
    pub(super) fn named(
        self,
        folder: &str,
        by_folder: bool,
    ) -> (Vec<(String, PathBuf)>, Vec<String>) {
        let Self(folders) = self;
        let Some(names) = some_names(&folders) else {
            return (Vec::new(), Vec::new());
        };
        let several = folders.iter().any(|folder| folder.volumes.len() > 1);
        let like = if by_folder { "subfolder" } else { "file" };
        let note = format!("{folder}/: scans in {names} are each named like their {like}");
        let named = |subfolder: Subfolder| {
            let Subfolder { name, volumes } = subfolder;
            let id = move |volume: Below| match (by_folder, numbered(&volume.stem)) {
                (false, _) => (volume.stem, volume.path),
                (true, Some((_, channel))) if several => {
                    (format!("{name}_{channel:04}"), volume.path)
                }
                (true, _) => (name.clone(), volume.path),
            };
            volumes.into_iter().map(id)
        };
        (folders.into_iter().flat_map(named).collect(), vec![note])
    }
}

fn some_names(folders: &[Subfolder]) -> Option<String> {
    let names: Vec<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
    (!names.is_empty()).then(|| some_named(&names, "subfolders"))
}

impl Subfolder {
    /// Whether the folder holds one volume, or the numbered channels of one image.
    fn is_one_image(&self) -> bool {
        let image = |volume: &Below| numbered(&volume.stem).map(|(image, _)| image.to_string());
        let first = self.volumes.first().and_then(image);
        self.volumes.len() == 1
            || first.is_some() && self.volumes.iter().all(|volume| image(volume) == first)
    }
}

/// Finds the volumes in a folder and, down to `depth`, in its subfolders. `within` is its path in the folder of volumes.
fn search(
    within: &str,
    folder: &Path,
    depth: usize,
    volumes: &mut Vec<Below>,
    others: &mut PassedOver,
) -> Result<(), DataError> {
    let names = all_names(folder)?;
    let headers = Headers::among(&names);
    for name in &names {
        let path = folder.join(name);
        let within = format!("{within}/{name}");
        match Entry::of(name, &path, &headers) {
            Entry::Volume(stem) => volumes.push(Below {
                stem: composed(stem),
                path,
            }),
            Entry::Folder if depth > 1 => search(&within, &path, depth - 1, volumes, others)?,
            Entry::Folder => others.push(("a folder too far down; move it up".into(), within)),
            // A folder with slices is a volume itself.
            Entry::Slice | Entry::PartOfAnother | Entry::Hidden => {}
            Entry::Other(reason) => others.push((reason.into_owned(), within)),
        }
    }
    Ok(())
}
