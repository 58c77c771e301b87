//! The layouts by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::unit::{self, Unit};

/// Folder layout of a data set.
///
/// # Examples
///
/// ```
/// use semivox_data::layout::Layout;
///
/// assert_eq!("acdc".parse::<Layout>()?, Layout::Acdc);
/// assert!("nnunet".parse::<Layout>().unwrap_err().to_string().contains("msd"));
/// # Ok::<(), semivox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Layout {
    /// The left atrium of the 2018 challenge: [`la`](super::la).
    La,
    /// The cardiac cine MR of the ACDC challenge: [`acdc`](super::acdc).
    Acdc,
    /// The abdominal CT of Pancreas-CT: [`pancreas`](super::pancreas).
    Pancreas,
    /// The Medical Segmentation Decathlon: [`msd`](super::msd).
    Msd,
    /// Own images and labels: [`folder`](super::folder).
    Folder,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 5] = [
        Self::La,
        Self::Acdc,
        Self::Pancreas,
        Self::Msd,
        Self::Folder,
    ];

    /// The cases that a list of test cases names all or none of: those of a patient in [`acdc`](super::acdc).
    ///
    /// Elsewhere a patient on both sides is a leak, see [`leaks`](crate::leaks), which a training can be told to accept.
    pub(super) fn units(self) -> Unit {
        match self {
            Self::Acdc => unit::patient,
            Self::La | Self::Pancreas | Self::Msd | Self::Folder => unit::single,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::La => "la",
            Self::Acdc => "acdc",
            Self::Pancreas => "pancreas",
            Self::Msd => "msd",
            Self::Folder => "folder",
        })
    }
}

impl FromStr for Layout {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        let found = Self::ALL
            .into_iter()
            .find(|layout| layout.to_string() == name);
        found.ok_or_else(|| DataError::InvalidSetting {
            name: "layout",
            expected: format!(
                "one of {}",
                Self::ALL.map(|layout| layout.to_string()).join(", ")
            ),
            found: format!("'{name}'"),
        })
    }
}
