//! Listing of folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::entry::{Entry, FORK, Headers};
use super::file_names::all_names;
use super::subfolders::{PassedOver, Subfolders};
use super::text::composed;
use crate::DataError;
use crate::io::{self, READABLE};
use crate::names::some_of;

/// The content of a folder of volumes.
pub(super) struct Listing {
    /// Files by name without extension.
    pub(super) volumes: BTreeMap<String, PathBuf>,
    /// Notes about everything else in the folder, one for each reason.
    pub(super) not_read: Vec<String>,
    /// Notes about the names of volumes, and about files that go with others.
    pub(super) named: Vec<String>,
    /// Whether volumes in subfolders have the names of these; `None` without such volumes.
    pub(super) by_folder: Option<bool>,
}

impl Listing {
    /// Lists a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, DataError> {
        Self::read_with(folder, None)
    }

    /// Lists a folder. If `by_folder` is given, it decides whether volumes in subfolders are named like these, provided
    /// that each subfolder holds one image.
    fn read_with(folder: &Path, by_folder: Option<bool>) -> Result<Self, DataError> {
        let mut passed_over = PassedOver::new();
        let mut volumes = Vec::new();
        let mut subfolders = Subfolders::default();
        let mut slices = false;
        let names = all_names(folder)?;
        let headers = Headers::among(&names);
        for name in &names {
            let path = folder.join(name);
            match Entry::of(name, &path, &headers) {
                Entry::Volume(id) => volumes.push((composed(id), path)),
                Entry::Slice => slices = true,
                Entry::Folder => subfolders.search(name, &path, &mut passed_over)?,
                Entry::PartOfAnother | Entry::Hidden => {}
                Entry::Other(reason) => passed_over.push((reason.into_owned(), name.clone())),
            }
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        // No label map is missed with a resource fork.
        let (forks, others) = passed_over.into_iter().partition(|other| other.0 == FORK);
        let mut not_read = notes_on(&name, others);
        if slices {
            let (found, doubts) = io::series_in(folder)?;
            not_read.extend(doubts);
            volumes.extend(found.into_iter().map(|(id, path)| (composed(&id), path)));
        }
        let by_folder = subfolders.lend_names(by_folder, volumes.is_empty());
        let (found, mut named) = subfolders.named(&name, by_folder);
        named.extend(notes_on(&name, forks));
        let by_folder = (!found.is_empty()).then_some(by_folder);
        volumes.extend(found);
        Ok(Self {
            volumes: distinct(folder, volumes)?,
            not_read,
            named,
            by_folder,
        })
    }

    /// All notes.
    pub(super) fn notes(&self) -> Vec<String> {
        [self.not_read.as_slice(), &self.named].concat()
    }

    /// Like [`read`](Self::read), but empty if there is no such folder.
    pub(super) fn read_if_any(folder: &Path) -> Result<Self, DataError> {
        Self::read_beside(folder, None)
    }

    /// Lists the label maps that belong to images of which those in subfolders, if there are any, are named by folder or
    /// not; empty if there is no such folder.
    pub(super) fn read_beside(folder: &Path, by_folder: Option<bool>) -> Result<Self, DataError> {
        match folder.is_dir() {
            true => Self::read_with(folder, by_folder),
            false => Ok(Self {
                volumes: BTreeMap::new(),
                not_read: Vec::new(),
                named: Vec::new(),
                by_folder: None,
            }),
        }
    }

    /// Like [`read`](Self::read), but at least one volume must exist.
    pub(super) fn read_some(folder: &Path) -> Result<Self, DataError> {
        let found = Self::read(folder)?;
        if !found.volumes.is_empty() {
            return Ok(found);
        }
        let other = match found.not_read.is_empty() {
            true => "an empty folder".to_string(),
            false => found.not_read.join("; "),
        };
        Err(DataError::unexpected(
            folder,
            format!("at least one scan ({READABLE}, or a folder with a DICOM series)"),
            other,
            "put the images there",
        ))
    }
}

/// Notes about entries that are no volumes, one for each reason.
fn notes_on(folder: &str, passed_over: PassedOver) -> Vec<String> {
    let mut by_reason: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (reason, name) in passed_over {
        by_reason.entry(reason).or_default().push(name);
    }
    let by_reason = by_reason.into_iter();
    let note = by_reason
        .map(|(reason, names)| format!("{folder}/: {} not read: {reason}", some_of(&names)));
    note.collect()
}

/// Files and series by name, which must be the name of one of them only.
fn distinct(
    folder: &Path,
    volumes: Vec<(String, PathBuf)>,
) -> Result<BTreeMap<String, PathBuf>, DataError> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    let name = |path: &Path| {
        let within = path.strip_prefix(folder).unwrap_or(path);
        within.display().to_string()
    };
    for (id, path) in volumes {
        if let Some(other) = found.get(&id) {
            return Err(DataError::unexpected(
                folder,
                format!("one file for `{id}`"),
                format!("`{}` and `{}`", name(other), name(&path)),
                "remove or rename one of them",
            ));
        }
        found.insert(id, path);
    }
    Ok(found)
}

/// Finds the volumes of a folder by name without extension.
///
/// A subfolder with DICOM files is a volume of its name. DICOM files in the folder itself are a volume named like the
/// folder if they are one series, else a volume for each series, named by its description or number, whose path is that
/// of one of its files; [`read_volume`](crate::io::read_volume) takes both.
///
/// Volumes in other subfolders, up to four folders down, are found too. If there are none beside the subfolders and each
/// holds one, it has the name of its subfolder, else that of its file.
///
/// # Errors
///
/// [`DataError::Missing`] if there is no such folder, [`DataError::Unexpected`] if two files have the same
/// name without extension.
///
/// # Examples
///
/// ```
/// let root = tempfile::tempdir()?;
/// std::fs::write(root.path().join("scan1.nii.gz"), b"")?;
/// std::fs::write(root.path().join("notes.txt"), b"")?;
/// let found = semivox_data::layout::volumes(root.path())?;
/// assert_eq!(found.keys().collect::<Vec<_>>(), ["scan1"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn volumes(folder: impl AsRef<Path>) -> Result<BTreeMap<String, PathBuf>, DataError> {
    Ok(Listing::read(folder.as_ref())?.volumes)
}
