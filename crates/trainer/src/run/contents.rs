//! The contents of a run's files, by which later changes of scans and label maps are found.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use semivox_data::{Dataset, LabeledCase, Source};
use serde::{Deserialize, Serialize};

use super::RunError;

/// Endings of headers whose voxels are in another file of the same name.
const HEADERS: [&str; 3] = ["hdr", "mhd", "nhdr"];

/// Size, last change and checksum (CRC-32C) of the files of a scan or label map, taken together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    bytes: u64,
    /// Nanoseconds since 1970 of the newest file; files of the same size and time are not read again.
    modified: u64,
    checksum: u32,
}

/// The contents of a run's cases: "image of CASE" and "label map of CASE".
pub(crate) type Contents = BTreeMap<String, Content>;

impl Content {
    fn of(source: &Source) -> Result<Self, RunError> {
        let files = files(source)?;
        let (bytes, modified) = state(&files)?;
        let checksum = checksum(&files)?;
        Ok(Self {
            bytes,
            modified,
            checksum,
        })
    }

    /// Returns whether the files of `source` have this content.
    fn is_of(&self, source: &Source) -> Result<bool, RunError> {
        let files = files(source)?;
        let (bytes, modified) = state(&files)?;
        Ok(
            bytes == self.bytes
                && (modified == self.modified || checksum(&files)? == self.checksum),
        )
    }

    /// Returns whether two files have the same content, whenever they were written.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.bytes, self.checksum) == (other.bytes, other.checksum)
    }
}

/// Reads the contents of all cases of a data set.
///
/// # Errors
/// [`RunError::Io`] for a file that cannot be read.
pub(crate) fn contents(
    dataset: &Dataset,
    validation: &[LabeledCase],
) -> Result<Contents, RunError> {
    let read = |(name, source): (String, &Source)| Ok((name, Content::of(source)?));
    sources(dataset, validation)
        .into_par_iter()
        .map(read)
        .collect()
}

/// Returns the names of scans and label maps of a data set that have another content than in `began`; those that it does
/// not list are left out.
///
/// # Errors
/// [`RunError::Io`] for a file that cannot be read.
pub(crate) fn changed(
    began: &Contents,
    dataset: &Dataset,
    validation: &[LabeledCase],
) -> Result<Vec<String>, RunError> {
    let found = sources(dataset, validation).into_par_iter();
    let checked = found.map(|(name, source)| {
        let same = began.get(&name).map_or(Ok(true), |one| one.is_of(source));
        same.map(|same| (!same).then_some(name))
    });
    let changed: Result<Vec<_>, _> = checked.collect();
    Ok(changed?.into_iter().flatten().collect())
}

/// Names the first of several changed files and the number of the others.
pub(crate) fn listed(changed: &[String]) -> String {
    match changed {
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
        [] => "nothing".into(),
    }
}

fn sources<'a>(dataset: &'a Dataset, validation: &'a [LabeledCase]) -> Vec<(String, &'a Source)> {
    let labeled = dataset.labeled.iter().chain(&dataset.test);
    let mut all = Vec::new();
    for case in labeled.chain(validation) {
        all.push((format!("image of {}", case.id), &case.image));
        all.push((format!("label map of {}", case.id), &case.label));
    }
    for case in &dataset.unlabeled {
        all.push((format!("image of {}", case.id), &case.image));
    }
    all
}

/// Returns the files of a source in order: also those of a folder of slices, and the voxels beside a header.
fn files(source: &Source) -> Result<Vec<PathBuf>, RunError> {
    let mut all = Vec::new();
    for path in source.files() {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            all.extend(inside(path)?);
        } else if HEADERS.iter().any(|header| extension == *header) {
            let beside = inside(path.parent().unwrap_or(Path::new(".")))?;
            let same = |file: &PathBuf| file.file_stem() == path.file_stem();
            all.extend(beside.into_iter().filter(same));
        } else {
            all.push(path.to_path_buf());
        }
    }
    Ok(all)
}

fn inside(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
    let failed = |error| RunError::io("read", folder, error);
    let entries: Result<Vec<_>, io::Error> = fs::read_dir(folder).map_err(failed)?.collect();
    let paths = entries
        .map_err(failed)?
        .into_iter()
        .map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// Returns the size of all files, and when the newest was changed.
fn state(files: &[PathBuf]) -> Result<(u64, u64), RunError> {
    let (mut bytes, mut newest) = (0, 0);
    for file in files {
        let failed = |error| RunError::io("read", file, error);
        let metadata = fs::metadata(file).map_err(failed)?;
        let since = metadata
            .modified()
            .map_err(failed)?
            .duration_since(UNIX_EPOCH);
        bytes += metadata.len();
        newest = newest.max(since.unwrap_or_default().as_nanos() as u64);
    }
    Ok((bytes, newest))
}

fn checksum(files: &[PathBuf]) -> Result<u32, RunError> {
    let (mut sum, mut buffer) = (0, vec![0; 1 << 16]);
    for file in files {
        let failed = |error| RunError::io("read", file, error);
        let mut open = File::open(file).map_err(failed)?;
        loop {
            match open.read(&mut buffer).map_err(failed)? {
                0 => break,
                count => sum = crc32c::crc32c_append(sum, &buffer[..count]),
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_data::layout::Layout;

    #[test]
    fn content_is_that_of_all_files_whenever_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let plain = Source::File(file("a.nii", "voxels"));
        let detached = Source::File(file("b.mhd", "header"));
        file("b.raw", "one");
        let slices = Source::File(file("series/1.dcm", "x").parent().unwrap().into());
        file("series/2.dcm", "y");
        for (source, part, same, other) in [
            (&plain, "a.nii", "voxels", "voxelz"),
            (&detached, "b.raw", "one", "two"),
            (&slices, "series/2.dcm", "y", "z"),
        ] {
            let began = Content::of(source).unwrap();
            assert!(began.is_of(source).unwrap());
            // Copied: another time, the same content.
            let later = Content {
                modified: 1,
                ..began
            };
            file(part, same);
            assert!(later.is_of(source).unwrap(), "{part}");
            file(part, other);
            assert!(!later.is_of(source).unwrap(), "{part}");
            assert!(!later.is_same(&Content::of(source).unwrap()));
        }
    }

    #[test]
    fn a_changed_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let case = |id: &str| {
            let [image, label] = ["image", "label"].map(|kind| {
                let path = dir.path().join(format!("{id}_{kind}.nii"));
                fs::write(&path, format!("{id} {kind}")).unwrap();
                Source::File(path)
            });
            LabeledCase {
                id: id.into(),
                image,
                label,
            }
        };
        let dataset = Dataset {
            name: "d".into(),
            layout: Layout::Folder,
            classes: vec!["background".into()],
            channels: Vec::new(),
            labeled: vec![case("a"), case("b")],
            unlabeled: Vec::new(),
            test: vec![case("c")],
            notes: Vec::new(),
        };
        let began = contents(&dataset, &[]).unwrap();
        assert_eq!(began.len(), 6);
        assert!(changed(&began, &dataset, &[]).unwrap().is_empty());
        fs::write(dir.path().join("c_label.nii"), "corrected").unwrap();
        let found = changed(&began, &dataset, &[]).unwrap();
        assert_eq!(found, ["label map of c"]);
        assert_eq!(listed(&found), "label map of c");
        // A case that came later is a matter of the names.
        assert!(changed(&Contents::new(), &dataset, &[]).unwrap().is_empty());
    }
}
