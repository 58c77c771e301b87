//! Entries of a folder of volumes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::file_names::{is_hidden, names, stem};
use crate::io::{self, READABLE};

/// An entry of a folder of volumes.
pub(super) enum Entry<'a> {
    /// A volume, the header of one, or a folder with a DICOM series, with its name without extension.
    Volume(&'a str),
    /// A file of a DICOM series in the folder itself.
    Slice,
    /// A folder without files of a DICOM series.
    Folder,
    /// The voxels of a header beside it.
    PartOfAnother,
    /// A hidden file that no one takes for a volume.
    Hidden,
    /// Something else, for this reason.
    Other(Cow<'static, str>),
}

/// The reason why the files `._NAME` are not read.
pub(super) const FORK: &str =
    "left by macOS beside the files of these names (resource forks); they hold no voxels";

/// The reason why a volume with a dot before its name is not read.
const HIDDEN: &str =
    "hidden by the dot before its name; remove the dot if it is a scan or label map, else the file";

/// The reason why a folder with a dot before its name is not read.
const HIDDEN_FOLDER: &str = "a folder of volumes, hidden by the dot before its name; remove the dot if they are scans or \
    label maps, else the folder";

/// Endings of headers whose voxels are in another file.
const HEADERS: [&str; 4] = [".hdr", ".hdr.gz", ".mhd", ".nhdr"];

/// Endings of the voxels of a header.
const VOXELS: [&str; 7] = [".raw.gz", ".img.gz", ".zraw", ".raw", ".bin", ".img", ".gz"];

/// Names without extension, in lower case, of the headers in a folder whose voxels are in another file.
pub(super) struct Headers(HashSet<String>);

impl Headers {
    pub(super) fn among(names: &[String]) -> Self {
        let lower = names.iter().map(|name| name.to_ascii_lowercase());
        let stem = |name: String| {
            let stem = HEADERS.iter().find_map(|ending| name.strip_suffix(ending));
            stem.map(String::from)
        };
        Self(lower.filter_map(stem).collect())
    }

    /// Whether one of the headers is that of a file with voxels, by its name in lower case.
    fn describes(&self, name: &str) -> bool {
        let mut stems = VOXELS.iter().filter_map(|ending| name.strip_suffix(ending));
        stems.any(|stem| self.0.contains(stem))
    }
}

/// Returns the header for the path of a file with its voxels, such as `scan.hdr` for `scan.img`, and any other path as it
/// is: both files are one scan.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::header_of;
///
/// let folder = tempfile::tempdir()?;
/// let [header, voxels] = ["a.hdr", "a.img"].map(|name| folder.path().join(name));
/// assert_eq!(header_of(&voxels), voxels);
/// std::fs::write(&header, b"")?;
/// assert_eq!(header_of(&voxels), header);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn header_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lower = name.to_ascii_lowercase();
    let stems = VOXELS
        .iter()
        .filter_map(|ending| lower.strip_suffix(ending));
    let headers = stems.flat_map(|stem| {
        let stem = &name[..stem.len()];
        HEADERS.iter().flat_map(move |ending| {
            let endings = [(*ending).to_string(), ending.to_ascii_uppercase()];
            endings.map(|ending| path.with_file_name(format!("{stem}{ending}")))
        })
    });
    let mut there = headers.filter(|header| header.is_file() && header != path);
    there.next().unwrap_or_else(|| path.to_path_buf())
}

/// Whether a folder holds volumes, itself and not in folders of its own.
fn holds_volumes(folder: &Path) -> bool {
    let names = names(folder).unwrap_or_default();
    names.iter().any(|name| stem(name).is_some()) || io::is_series_folder(folder)
}

impl<'a> Entry<'a> {
    fn other(reason: &'static str) -> Self {
        Self::Other(reason.into())
    }

    /// The kind of an entry whose name begins with a dot.
    fn hidden(name: &str, path: &Path) -> Self {
        let shown = name.trim_start_matches(['.', '_']);
        match (path.is_dir(), stem(shown)) {
            (true, _) if holds_volumes(path) => Self::other(HIDDEN_FOLDER),
            (true, _) | (false, None) => Self::Hidden,
            (false, Some(_)) if name.starts_with("._") => Self::other(FORK),
            (false, Some(_)) => Self::other(HIDDEN),
        }
    }

    /// The kind of an entry, by its name.
    pub(super) fn of(name: &'a str, path: &Path, headers: &Headers) -> Self {
        if is_hidden(name) {
            return Self::hidden(name, path);
        }
        let lower = name.to_ascii_lowercase();
        if path.is_dir() {
            return match io::is_series_folder(path) {
                true => Self::Volume(name),
                false => Self::Folder,
            };
        }
        match stem(name) {
            Some(_) if lower.ends_with(".img") || lower.ends_with(".img.gz") => {
                match headers.describes(&lower) {
                    true => Self::PartOfAnother,
                    false => {
                        Self::other("the voxels of a pair without their .hdr; put it beside them")
                    }
                }
            }
            Some(id) => Self::Volume(id),
            None if headers.describes(&lower) => Self::PartOfAnother,
            None if io::is_dicom_file(path) => Self::Slice,
            None if lower.ends_with(".dcm") || lower.ends_with(".ima") => Self::other(
                "named as DICOM, but it does not begin as DICOM files do; convert the series to one .nii.gz, for instance with dcm2niix",
            ),
            None => {
                let reason =
                    format!("not the name of a scan or label map, which end in {READABLE}");
                Self::Other(reason.into())
            }
        }
    }
}
