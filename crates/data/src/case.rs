//! Labeled and unlabeled cases.

use crate::preprocess::Grid;
use crate::{DataError, Image, LabelMap, Source, check_labels, check_same_grid, io};

/// An image with a label map.
#[derive(Debug, Clone, PartialEq)]
pub struct LabeledCase {
    /// Name, unique in the data set.
    pub id: String,
    /// The image.
    pub image: Source,
    /// The label map.
    pub label: Source,
}

/// An image without a label map; even if one is on disk, there is no path to it.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlabeledCase {
    /// Name, unique in the data set.
    pub id: String,
    /// The image.
    pub image: Source,
}

impl LabeledCase {
    /// Reads the image and the label map and checks that labels are below `classes`, or
    /// [`IGNORED`](crate::IGNORED) where the source says which values are.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load), and [`DataError::InFile`] around [`DataError::LabelOutOfRange`].
    pub fn load_checked(&self, classes: usize) -> Result<(Image, LabelMap), DataError> {
        let (image, labels) = self.load()?;
        let checked = match &self.label {
            // A mapping returns no other classes.
            Source::MappedFile { values, .. } if values.classes() <= classes => Ok(()),
            _ => check_labels(&labels, classes),
        };
        checked.map_err(|source| DataError::InFile {
            file: self.label.to_string(),
            source: Box::new(source),
        })?;
        Ok((image, labels))
    }

    /// Reads the image and the label map.
    ///
    /// # Errors
    ///
    /// Errors from reading either file, [`DataError::ShapeMismatch`], and
    /// [`DataError::GeometryMismatch`] if corresponding corner voxels are more than a quarter of a voxel apart.
    pub fn load(&self) -> Result<(Image, LabelMap), DataError> {
        let image = io::read_image(&self.image)?;
        let label = io::read_label(&self.label)?;
        let names = [&self.image, &self.label].map(ToString::to_string);
        check_same_grid(&Grid::from(image.first()), &label, names)?;
        Ok((image, label))
    }

    /// Converts to an unlabeled case by dropping the label map.
    #[must_use]
    pub fn into_unlabeled(self) -> UnlabeledCase {
        UnlabeledCase {
            id: self.id,
            image: self.image,
        }
    }
}

impl UnlabeledCase {
    /// Reads the image.
    ///
    /// # Errors
    ///
    /// Errors from reading the file.
    pub fn load(&self) -> Result<Image, DataError> {
        io::read_image(&self.image)
    }
}
