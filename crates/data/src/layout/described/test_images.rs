//! The images that `dataset.json` lists for the test, or those of `imagesTs/`.

use super::{Described, JSON, TEST_IMAGES, TEST_LABELS};
use crate::layout::assemble::Found;
use crate::layout::channels;
use crate::layout::description::Image;
use crate::layout::file_names::{numbered, without_ending};
use crate::layout::files::Listing;
use crate::names::some_of;
use crate::{DataError, Source};

impl Described<'_> {
    /// Adds the test images: those that are listed, or else those of `imagesTs/`.
    ///
    /// Those with a label map in `labelsTs/` are test cases, all others unlabeled cases.
    pub(super) fn add_test_images(&mut self, listed: &[Image]) -> Result<(), DataError> {
        let mut images = self.listed_images(listed);
        let by_folder = match listed.is_empty() {
            true => self.add_images_of_folder(&mut images)?,
            false => None,
        };
        self.add_test_labels(&mut images, by_folder)?;
        let with_label = |labeled: bool| -> Vec<String> {
            let cases = images.iter();
            let cases = cases.filter(|(_, found)| found.label.is_some() == labeled);
            cases.map(|(id, _)| id.clone()).collect()
        };
        let unlabeled = with_label(false);
        if !unlabeled.is_empty() {
            self.notes.push(format!(
                "test images without a label map train as unlabeled scans: {}; to keep them unseen, move them out of \
                 the data folder",
                some_of(&unlabeled)
            ));
        }
        self.tested = with_label(true);
        self.cases.extend(images);
        match listed.is_empty() {
            true => Ok(()),
            false => self.note_unlisted(&[TEST_IMAGES]),
        }
    }

    /// Adds the images of `imagesTs/`; returns how those in subfolders are named, if there are any.
    fn add_images_of_folder(
        &mut self,
        cases: &mut Vec<(String, Found)>,
    ) -> Result<Option<bool>, DataError> {
        let folder = self.root.join(TEST_IMAGES);
        let listing = Listing::read_if_any(&folder)?;
        self.notes.extend(listing.notes());
        let found = channels::joined(&folder, listing.volumes, self.channels, self.numbers)?;
        cases.extend(found.into_iter().map(unlabeled));
        Ok(listing.by_folder)
    }

    fn listed_images(&mut self, listed: &[Image]) -> Vec<(String, Found)> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for Image::Path(image) | Image::Entry { image } in listed {
            match self.scan(image, self.channels, self.numbers) {
                Ok(image) => found.push(unlabeled(image)),
                // Training needs none of them.
                Err(_) => missing.push(image),
            }
        }
        if !missing.is_empty() {
            let missing = some_of(&missing);
            self.notes.push(format!(
                "test images of `{JSON}` that are not there: {missing}"
            ));
        }
        found
    }

    /// Adds the label maps of `labelsTs/`; `by_folder` tells how images in subfolders are named.
    fn add_test_labels(
        &mut self,
        images: &mut [(String, Found)],
        by_folder: Option<bool>,
    ) -> Result<(), DataError> {
        let folder = self.root.join(TEST_LABELS);
        let listing = Listing::read_beside(&folder, by_folder)?;
        self.notes.extend(listing.notes());
        let mut labels = listing.volumes;
        for (id, found) in images.iter_mut() {
            found.label = labels.remove(id).map(Source::File);
        }
        let others: Vec<&String> = labels.keys().collect();
        for label in &others {
            let case = without_ending(label).or_else(|| Some(numbered(label)?.0));
            let of_image =
                |(id, found): &&(String, Found)| Some(id.as_str()) == case && found.label.is_none();
            if let Some((id, _)) = images.iter().find(of_image) {
                return Err(DataError::unexpected(
                    &folder,
                    "label maps with the names of test images",
                    format!("`{label}`"),
                    format!("rename it to `{id}`, or `{id}` would train as an unlabeled scan"),
                ));
            }
        }
        if !others.is_empty() {
            self.notes.push(format!(
                "{TEST_LABELS}/: {} of no test image, and not used",
                some_of(&others)
            ));
        }
        Ok(())
    }
}

fn unlabeled((id, image): (String, Source)) -> (String, Found) {
    (id, Found { image, label: None })
}
