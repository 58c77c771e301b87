//! Test cases chosen by a person.

use std::path::{Path, PathBuf};

use super::lists::List;
use crate::case::Unit;
use crate::{DataError, Dataset};

/// Names of cases to hold out, for data sets that come without a split of
/// their own or to test on others; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HoldOut {
    path: PathBuf,
    names: Vec<String>,
}

impl HoldOut {
    /// Reads a text file with one name a line; lines that begin with `#` are
    /// comments, and endings such as `.nii.gz` are left out.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`] when the file cannot be read, [`DataError::Unexpected`]
    /// when it has no line or a name twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use semivox_data::layout::HoldOut;
    ///
    /// let file = tempfile::NamedTempFile::new()?;
    /// std::fs::write(file.path(), "# every second case\ncase_2\ncase_4.nii.gz\n")?;
    /// assert_eq!(HoldOut::read(file.path())?.names(), ["case_2", "case_4"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let List { path, names } = List::read(path.as_ref().to_path_buf())?;
        Ok(Self { path, names })
    }

    /// The names in the order of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Holds the cases out and refuses to part a unit of several.
    ///
    /// # Errors
    ///
    /// [`DataError::InFile`] with the list around the errors of
    /// [`Dataset::hold_out`] and [`DataError::SplitPatient`].
    pub(super) fn apply(&self, dataset: Dataset, unit: Unit) -> Result<Dataset, DataError> {
        if self.names.is_empty() {
            return Ok(dataset);
        }
        let held_out = dataset.hold_out_units(&self.names, unit);
        held_out.map_err(|source| DataError::InFile {
            file: self.path.display().to_string(),
            source: Box::new(source),
        })
    }
}
