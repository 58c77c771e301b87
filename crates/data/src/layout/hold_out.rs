//! Selection of test cases by name.

use std::path::{Path, PathBuf};

use super::lists::List;
use crate::unit::Unit;
use crate::{DataError, Dataset};

/// Names of cases to hold out for testing, for data sets without a predefined split or for another one.
///
/// Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HoldOut {
    path: PathBuf,
    names: Vec<String>,
}

impl HoldOut {
    /// Reads a text file with one name per line; lines starting with `#` are comments, and extensions such as
    /// `.nii.gz` are removed.
    ///
    /// # Errors
    ///
    /// [`DataError::Io`] if the file cannot be read, [`DataError::Unexpected`] if it is empty or repeats a name.
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

    /// The names in file order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Holds the cases out; fails if a unit of several cases would be split.
    ///
    /// # Errors
    ///
    /// [`DataError::InFile`] with the name of the list, around the errors of
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
