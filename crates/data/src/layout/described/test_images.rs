//! The images that `dataset.json` lists for the test, or those of `imagesTs/`.

use super::{Described, JSON};
use crate::layout::assemble::Found;
use crate::layout::channels;
use crate::layout::description::Image;
use crate::layout::files::Listing;
use crate::names::some_of;
use crate::{DataError, Source};

/// The folder of the label maps of test images, which challenges keep and nnU-Net may have.
pub(in crate::layout) const LABELS: &str = "labelsTs";

impl Described<'_> {
    /// Adds the test images: those that are listed, or else those of `imagesTs/`.
    ///
    /// Those with a label map in `labelsTs/` are test cases, all others unlabeled cases.
    pub(super) fn add_test_images(&mut self, listed: &[Image]) -> Result<(), DataError> {
        let mut images = match listed.is_empty() {
            true => self.images_of_folder()?,
            false => self.listed_images(listed),
        };
        self.add_test_labels(&mut images)?;
        let (tested, unlabeled): (Vec<_>, Vec<_>) =
            (images.iter()).partition(|(_, found)| found.label.is_some());
        let names = |cases: &[&(String, Found)]| -> Vec<String> {
            cases.iter().map(|(id, _)| id.clone()).collect()
        };
        if !unlabeled.is_empty() {
            self.notes.push(format!(
                "test images without a label map train as unlabeled scans: {}; to keep them unseen, move them out of \
                 the data folder",
                some_of(&names(&unlabeled))
            ));
        }
        self.tested = names(&tested);
        self.cases.extend(images);
        Ok(())
    }

    fn images_of_folder(&mut self) -> Result<Vec<(String, Found)>, DataError> {
        let folder = self.root.join("imagesTs");
        let images = Listing::read_if_any(&folder)?;
        self.notes.extend(images.notes());
        let found = channels::joined(&folder, images.volumes, self.channels, self.numbers)?;
        Ok(found.into_iter().map(unlabeled).collect())
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

    /// Adds the label maps of `labelsTs/`.
    fn add_test_labels(&mut self, images: &mut [(String, Found)]) -> Result<(), DataError> {
        let listing = Listing::read_if_any(&self.root.join(LABELS))?;
        self.notes.extend(listing.notes());
        let mut labels = listing.volumes;
        for (id, found) in images {
            found.label = labels.remove(id).map(Source::File);
        }
        if !labels.is_empty() {
            let others: Vec<&String> = labels.keys().collect();
            self.notes.push(format!(
                "{LABELS}/: {} without a test image, and not used",
                some_of(&others)
            ));
        }
        Ok(())
    }
}

fn unlabeled((id, image): (String, Source)) -> (String, Found) {
    (id, Found { image, label: None })
}
