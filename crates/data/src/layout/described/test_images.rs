//! Images without public labels, in a folder with a `dataset.json`.

use super::{Described, JSON};
use crate::DataError;
use crate::layout::assemble::Found;
use crate::layout::channels;
use crate::layout::description::Image;
use crate::layout::files::Listing;
use crate::names::some_of;

impl Described<'_> {
    /// Adds the images without public labels: those that are listed, or else those of `imagesTs/`.
    pub(super) fn add_test_images(&mut self, listed: &[Image]) -> Result<(), DataError> {
        let unlabeled = |(id, image)| (id, Found { image, label: None });
        if listed.is_empty() {
            let folder = self.root.join("imagesTs");
            let images = Listing::read_if_any(&folder)?;
            self.notes.extend(images.notes());
            let found = channels::joined(&folder, images.volumes, self.channels, self.numbers)?;
            self.cases.extend(found.into_iter().map(unlabeled));
        }
        let mut missing = Vec::new();
        for Image::Path(image) | Image::Entry { image } in listed {
            match self.scan(image, self.channels, self.numbers) {
                Ok(found) => self.cases.push(unlabeled(found)),
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
        Ok(())
    }
}
