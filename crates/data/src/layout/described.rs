//! The cases of a folder with a `dataset.json`.

mod test_images;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::assemble::Found;
use super::channels::{self, Numbers};
use super::description::{Description, Images, JSON, Pair};
use super::files::Listing;
use super::pairing::{self, Paired};
use super::scans;
use crate::names::some_of;
use crate::{DataError, Source};

/// The folder of test images.
pub(super) const TEST_IMAGES: &str = "imagesTs";

/// The folder of the label maps of test images, which challenges keep and nnU-Net may have.
pub(super) const TEST_LABELS: &str = "labelsTs";

/// Cases in their order, with what their files have in common.
pub(super) struct Described<'a> {
    root: &'a Path,
    /// The number of channels of every image.
    channels: usize,
    numbers: Numbers,
    pub(super) cases: Vec<(String, Found)>,
    /// The test images with a label map, by name.
    pub(super) tested: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl<'a> Described<'a> {
    /// Finds the training cases that the description names, or else those of `imagesTr/`, and then the test images.
    pub(super) fn find(
        root: &'a Path,
        description: &Description,
        channels: usize,
    ) -> Result<Self, DataError> {
        let mut found = Self {
            root,
            channels,
            numbers: description.numbers(channels),
            cases: Vec::new(),
            tested: Vec::new(),
            notes: Vec::new(),
        };
        found.add_training(description)?;
        found.add_test_images(&description.test)?;
        found.expect_distinct()?;
        Ok(found)
    }

    fn add_training(&mut self, description: &Description) -> Result<(), DataError> {
        let named = description.dataset(&self.root.join(JSON))?;
        match (named, &description.training[..]) {
            ([], []) => return self.add_by_name(),
            ([], training) => self.add_listed(training)?,
            (named, training) => {
                self.add_named(named)?;
                self.notes.extend((!training.is_empty()).then(|| {
                    format!(
                        "`training` of {JSON} is not read: its `dataset` names the cases, as in nnU-Net"
                    )
                }));
            }
        }
        self.note_unlisted(&["imagesTr", "labelsTr"])
    }

    /// Adds the cases of `dataset`, nnU-Net's list of images anywhere.
    fn add_named(&mut self, named: &[(String, Images)]) -> Result<(), DataError> {
        for (id, Images { images, label }) in named {
            let files = images.iter().map(|entry| self.file(entry));
            let mut files = files.collect::<Result<Vec<PathBuf>, DataError>>()?;
            let image = match files.len() {
                count if count == self.channels => channels::of_files(files),
                1 => channels::one_file(files.remove(0), self.channels),
                count => return Err(self.unlike_channels(id, count)),
            };
            let label = label.as_ref().map(|entry| self.file(entry)).transpose()?;
            let label = label.map(Source::File);
            self.cases.push((id.clone(), Found { image, label }));
        }
        Ok(())
    }

    fn unlike_channels(&self, id: &str, count: usize) -> DataError {
        DataError::unexpected(
            &self.root.join(JSON),
            format!("{} images of `{id}`, one for each channel", self.channels),
            count.to_string(),
            "name every channel in `channel_names`, and list a file for each",
        )
    }

    /// Adds the cases of `training`.
    fn add_listed(&mut self, training: &[Pair]) -> Result<(), DataError> {
        for Pair { image, label } in training {
            let (id, image) = self.scan(image, self.channels, self.numbers)?;
            let label = label.as_ref();
            let label = label.map(|entry| self.scan(entry, 1, Numbers::Ids));
            let label = label.transpose()?.map(|(_, label)| label);
            self.cases.push((id, Found { image, label }));
        }
        Ok(())
    }

    /// Adds the training cases by file name.
    fn add_by_name(&mut self) -> Result<(), DataError> {
        let folders = ["imagesTr", "labelsTr"];
        let found = pairing::pair(self.root, folders, Some(self.channels))?;
        let Paired { cases, notes, .. } = found;
        self.numbers = found.numbers;
        self.cases.extend(cases);
        self.notes.extend(notes);
        Ok(())
    }

    /// Notes the files of these folders that `dataset.json` does not list.
    fn note_unlisted(&mut self, folders: &[&str]) -> Result<(), DataError> {
        let sources = self.cases.iter();
        let sources = sources.flat_map(|(_, case)| std::iter::once(&case.image).chain(&case.label));
        let listed: HashSet<&Path> = sources.flat_map(Source::files).collect();
        let mut notes = Vec::new();
        for folder in folders {
            let found = Listing::read_if_any(&self.root.join(folder))?;
            notes.extend(found.notes());
            let others: Vec<&String> = found
                .volumes
                .iter()
                .filter(|(_, path)| !listed.contains(path.as_path()))
                .map(|(name, _)| name)
                .collect();
            if !others.is_empty() {
                notes.push(format!(
                    "{folder}/: {} not in `{JSON}`, and not used",
                    some_of(&others)
                ));
            }
        }
        self.notes.extend(notes);
        Ok(())
    }

    /// Returns an error for two images of one name.
    fn expect_distinct(&self) -> Result<(), DataError> {
        let mut seen = HashMap::new();
        for (id, Found { image, .. }) in &self.cases {
            let Some(other) = seen.insert(id, image) else {
                continue;
            };
            let [first, second] = [other, image].map(|image| self.place(image));
            let (found, hint) = match first == second {
                true => (format!("{first} twice"), "remove one of the entries"),
                false => (
                    format!("{first} and {second}"),
                    "rename or remove one of them",
                ),
            };
            let expected = format!("one image for `{id}`");
            return Err(DataError::unexpected(
                &self.root.join(JSON),
                expected,
                found,
                hint,
            ));
        }
        Ok(())
    }

    /// The first file of an image in words.
    fn place(&self, image: &Source) -> String {
        let files = image.files();
        let file = files.first().copied().unwrap_or(self.root);
        let within = file.strip_prefix(self.root).unwrap_or(file);
        format!("`{}`", within.display())
    }

    fn file(&self, entry: &str) -> Result<PathBuf, DataError> {
        let path = self.root.join(entry.trim_start_matches("./"));
        match path.is_file() {
            true => Ok(path),
            false => Err(absent(&path)),
        }
    }

    /// Name and source of an entry such as `./imagesTr/a.nii.gz`, an image of `count` channels.
    fn scan(
        &self,
        entry: &str,
        count: usize,
        numbers: Numbers,
    ) -> Result<(String, Source), DataError> {
        let path = self.root.join(entry.trim_start_matches("./"));
        scans::numbered_scan(&path, count, numbers).ok_or_else(|| absent(&path))
    }
}

fn absent(path: &Path) -> DataError {
    let hint = "add the file or remove it from `dataset.json`";
    DataError::missing(path, "a file named in `dataset.json`", hint)
}
