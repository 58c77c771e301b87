//! The contents of a run's files, by which later changes of scans and label maps are found.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use semivox_data::inspect::CaseFacts;
use semivox_data::{Dataset, LabeledCase, Source, io as scans};
use serde::{Deserialize, Serialize};

use super::RunError;
use crate::error::TrainError;

/// Endings of headers whose voxels are in another file.
const HEADERS: [&str; 4] = [".hdr", ".hdr.gz", ".mhd", ".nhdr"];

/// Length of the part of a header that is searched for the name of the file with its voxels.
const HEADER: u64 = 1 << 16;

/// The content of a scan or label map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    /// Checksum of names, sizes and times of the files: while it is the same, they are not read again.
    files: u32,
    /// Checksum of the voxels, whatever files store them.
    pub(crate) voxels: u64,
}

/// The contents of a run's cases: "image of CASE" and "label map of CASE".
pub(crate) type Contents = BTreeMap<String, Content>;

/// The state of the files of a data set before they were read, by the names of [`Contents`].
pub(crate) struct FileStates(BTreeMap<String, u32>);

impl FileStates {
    /// Reads names, sizes and times of all files.
    ///
    /// # Errors
    /// [`RunError::Io`] for a file that cannot be found.
    pub(crate) fn of(dataset: &Dataset, validation: &[LabeledCase]) -> Result<Self, RunError> {
        let all = sources(dataset, validation).into_par_iter();
        let states = all.map(|(name, source, _)| Ok((name, state(source)?)));
        states.collect::<Result<_, _>>().map(Self)
    }

    /// Returns the contents of the cases that were read since.
    pub(crate) fn contents(&self, facts: &[CaseFacts]) -> Contents {
        let voxels = facts.iter().flat_map(|case| {
            let image = Some((image_of(&case.id), case.image_checksum));
            let label = case.label_checksum.map(|sum| (label_of(&case.id), sum));
            [image, label].into_iter().flatten()
        });
        let known = voxels.filter_map(|(name, voxels)| {
            let files = *self.0.get(&name)?;
            Some((name, Content { files, voxels }))
        });
        known.collect()
    }
}

/// Finds the scans and label maps of a data set that were changed; what it has read once it does not read again.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    read: Contents,
}

impl Changes {
    /// Returns the names of those with another content than in `began`; what that does not list is left out.
    ///
    /// # Errors
    /// If a file whose time is another cannot be read.
    pub(crate) fn since(
        &mut self,
        began: &Contents,
        dataset: &Dataset,
        validation: &[LabeledCase],
    ) -> Result<Vec<String>, TrainError> {
        let (all, read) = (sources(dataset, validation), &self.read);
        let listed = all.into_par_iter().filter_map(|(name, source, kind)| {
            let began = began.get(&name)?;
            Some((name, source, kind, began))
        });
        let now = listed.map(|(name, source, kind, began)| {
            let files = state(source)?;
            let known = [Some(began), read.get(&name)].into_iter().flatten();
            let voxels = match known.into_iter().find(|known| known.files == files) {
                Some(known) => known.voxels,
                None => kind.checksum(source)?,
            };
            let changed = voxels != began.voxels;
            Ok((name, Content { files, voxels }, changed))
        });
        let now = now.collect::<Result<Vec<_>, TrainError>>()?;
        let changed = now.iter().filter(|(.., changed)| *changed);
        let changed = changed.map(|(name, ..)| name.clone()).collect();
        (self.read).extend(now.into_iter().map(|(name, content, _)| (name, content)));
        Ok(changed)
    }
}

/// Names the first three of several changed files and the number of the others.
pub(crate) fn listed<'a>(changed: impl IntoIterator<Item = &'a String>) -> String {
    let all: Vec<&str> = changed.into_iter().map(String::as_str).collect();
    match all.len() {
        0..=3 => all.join(", "),
        many => format!("{} and {} more", all[..3].join(", "), many - 3),
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Image,
    Label,
}

impl Kind {
    fn checksum(self, source: &Source) -> Result<u64, TrainError> {
        Ok(match self {
            Self::Image => scans::read_image(source)?.checksum(),
            Self::Label => scans::read_label(source)?.checksum(),
        })
    }
}

fn image_of(id: &str) -> String {
    format!("image of {id}")
}

fn label_of(id: &str) -> String {
    format!("label map of {id}")
}

fn sources<'a>(
    dataset: &'a Dataset,
    validation: &'a [LabeledCase],
) -> Vec<(String, &'a Source, Kind)> {
    let labeled = dataset.labeled.iter().chain(&dataset.test);
    let both = labeled.chain(validation).flat_map(|case| {
        [
            (image_of(&case.id), &case.image, Kind::Image),
            (label_of(&case.id), &case.label, Kind::Label),
        ]
    });
    let unlabeled = dataset.unlabeled.iter();
    let images = unlabeled.map(|case| (image_of(&case.id), &case.image, Kind::Image));
    both.chain(images).collect()
}

/// Returns a checksum of names, sizes and times of the files of a source, in order.
fn state(source: &Source) -> Result<u32, RunError> {
    let mut sum = 0;
    for file in files(source)? {
        let failed = |error| RunError::io("read", &file, error);
        let metadata = fs::metadata(&file).map_err(failed)?;
        let changed = metadata.modified().map_err(failed)?;
        let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = file.file_name().unwrap_or_default();
        sum = crc32c::crc32c_append(sum, name.as_encoded_bytes());
        sum = crc32c::crc32c_append(sum, &metadata.len().to_le_bytes());
        sum = crc32c::crc32c_append(sum, &changed.as_nanos().to_le_bytes());
    }
    Ok(sum)
}

/// Returns the files of a source: also those of a folder of slices, and those beside a header that may hold its voxels.
fn files(source: &Source) -> Result<Vec<PathBuf>, RunError> {
    let mut all = Vec::new();
    for path in source.files() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let lower = name.to_ascii_lowercase();
        let header = HEADERS.iter().find(|ending| lower.ends_with(**ending));
        match header {
            _ if path.is_dir() => all.extend(inside(path)?),
            Some(ending) => all.extend(with_voxels(path, &name[..name.len() - ending.len()])?),
            None => all.push(path.to_path_buf()),
        }
    }
    Ok(all)
}

/// Returns a header and the files in its folder that have its name without the ending, or that it names.
fn with_voxels(header: &Path, stem: &str) -> Result<Vec<PathBuf>, RunError> {
    let failed = |error| RunError::io("read", header, error);
    let mut text = Vec::new();
    let file = File::open(header).map_err(failed)?;
    file.take(HEADER).read_to_end(&mut text).map_err(failed)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let folder = match header.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut files = inside(folder)?;
    files.retain(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{stem}.")) || text.contains(&*name)
    });
    Ok(files)
}

fn inside(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
    let failed = |error| RunError::io("read", folder, error);
    let entries: Result<Vec<_>, io::Error> = fs::read_dir(folder).map_err(failed)?.collect();
    let paths = entries.map_err(failed)?.into_iter();
    let mut files: Vec<PathBuf> = paths.map(|entry| entry.path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ndarray::Array3;
    use semivox_data::inspect::Role;
    use semivox_data::layout::Layout;
    use semivox_data::{Geometry, LabelMap, Volume};
    use std::time::{Duration, SystemTime};

    #[test]
    fn every_file_that_holds_voxels_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let series = file("series/1.dcm", "x");
        file("series/2.dcm", "y");
        file("b.raw.gz", "one");
        file("c.img.gz", "one");
        file("voxels.bin", "one");
        let channels = ["a_0000.nii", "a_0001.nii"].map(|name| file(name, "one"));
        for (source, part) in [
            (Source::File(file("a.nii", "one")), "a.nii"),
            (Source::File(file("b.nhdr", "header")), "b.raw.gz"),
            (Source::File(file("c.hdr.gz", "header")), "c.img.gz"),
            (
                Source::File(file("d.mhd", "ElementDataFile = voxels.bin")),
                "voxels.bin",
            ),
            (
                Source::File(series.parent().unwrap().into()),
                "series/2.dcm",
            ),
            (Source::Channels(channels.to_vec()), "a_0001.nii"),
        ] {
            let before = state(&source).unwrap();
            assert_eq!(state(&source).unwrap(), before);
            let part = fs::File::options()
                .write(true)
                .open(dir.path().join(part))
                .unwrap();
            let later = SystemTime::now() + Duration::from_secs(5);
            part.set_modified(later).unwrap();
            assert_ne!(state(&source).unwrap(), before, "{source}");
        }
        let swapped = Source::Channels(vec![channels[1].clone(), channels[0].clone()]);
        let channels = Source::Channels(channels.to_vec());
        assert_ne!(state(&swapped).unwrap(), state(&channels).unwrap());
    }

    /// A data set of two cases, its files, and the contents that a run on it began with.
    fn began(dir: &Path) -> (Dataset, Contents) {
        let case = |id: &str, value: u8| {
            let [image, label] =
                ["image", "label"].map(|kind| dir.join(format!("{id}_{kind}.nii.gz")));
            let data = Array3::from_elem((4, 4, 4), f32::from(value));
            scans::write_volume(&image, &Volume::new(data, Geometry::default())).unwrap();
            let labels = LabelMap::new(Array3::from_elem((4, 4, 4), value), Geometry::default());
            scans::write_labels(&label, &labels).unwrap();
            LabeledCase {
                id: id.into(),
                image: Source::File(image),
                label: Source::File(label),
            }
        };
        let dataset = Dataset {
            name: "d".into(),
            layout: Layout::Folder,
            classes: vec!["background".into(), "organ".into()],
            channels: Vec::new(),
            labeled: vec![case("a", 1)],
            unlabeled: Vec::new(),
            test: vec![case("c", 0)],
            notes: Vec::new(),
        };
        let states = FileStates::of(&dataset, &[]).unwrap();
        let facts = |case: &LabeledCase, role| {
            let (image, labels) = case.load().unwrap();
            CaseFacts::of(&case.id, role, &image, Some(&labels))
        };
        let labeled = facts(&dataset.labeled[0], Role::Labeled);
        let test = facts(&dataset.test[0], Role::Test);
        let contents = states.contents(&[labeled, test]);
        (dataset, contents)
    }

    #[test]
    fn a_corrected_label_map_is_named_and_a_copied_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (dataset, began) = began(dir.path());
        assert_eq!(began.len(), 4);
        let changed = |changes: &mut Changes| changes.since(&began, &dataset, &[]).unwrap();
        let mut changes = Changes::default();
        assert!(changed(&mut changes).is_empty());
        // The same voxels at another time.
        let Source::File(label) = &dataset.test[0].label else {
            panic!("a file");
        };
        let stored = fs::read(label).unwrap();
        let set_later = |seconds| {
            let file = fs::File::options().write(true).open(label).unwrap();
            let later = SystemTime::now() + Duration::from_secs(seconds);
            file.set_modified(later).unwrap();
        };
        set_later(5);
        assert!(changed(&mut changes).is_empty());
        let Source::File(other) = &dataset.labeled[0].label else {
            panic!("a file");
        };
        fs::copy(other, label).unwrap();
        set_later(9);
        // Twice: the second time from what the first one read.
        for _ in 0..2 {
            assert_eq!(changed(&mut changes), ["label map of c"]);
        }
        fs::write(label, stored).unwrap();
        assert!(changed(&mut Changes::default()).is_empty());
        let unknown = Contents::new();
        let found = Changes::default().since(&unknown, &dataset, &[]).unwrap();
        assert!(found.is_empty(), "a run of an earlier version");
    }

    #[test]
    fn three_files_are_named() {
        let names = ["a", "b", "c", "d", "e"].map(String::from);
        assert_eq!(listed(&names[..1]), "a");
        assert_eq!(listed(&names[..3]), "a, b, c");
        assert_eq!(listed(&names), "a, b, c and 2 more");
    }
}
