//! Segmentation tasks.

use std::fmt;
use std::str::FromStr;

use semivox_data::layout::Layout;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// A segmentation task; the presets' patch sizes, intensity normalization and phantoms depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Task {
    /// The left atrium in 3D.
    #[serde(rename = "la")]
    LeftAtrium,
    /// Both ventricles of the heart and the myocardium, in 2D slices.
    #[serde(rename = "acdc")]
    Acdc,
    /// The two parts of the hippocampus, in 3D.
    #[serde(rename = "hippocampus")]
    Hippocampus,
    /// The pancreas in CT, in 3D.
    #[serde(rename = "pancreas")]
    Pancreas,
    /// The user's own scans, from which the settings are derived.
    #[serde(rename = "own")]
    Own,
}

impl Task {
    /// All tasks.
    pub const ALL: [Self; 5] = [
        Self::LeftAtrium,
        Self::Acdc,
        Self::Hippocampus,
        Self::Pancreas,
        Self::Own,
    ];

    /// Returns the task's name in flags, files and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::LeftAtrium => "la",
            Self::Acdc => "acdc",
            Self::Hippocampus => "hippocampus",
            Self::Pancreas => "pancreas",
            Self::Own => "own",
        }
    }

    /// Returns the task of a data set with this layout and name; [`Own`](Self::Own) if it is none of the public ones.
    ///
    /// # Examples
    /// ```
    /// use semivox_data::layout::Layout;
    /// use semivox_trainer::presets::Task;
    ///
    /// assert_eq!(Task::of(Layout::Acdc, "ACDC"), Task::Acdc);
    /// assert_eq!(Task::of(Layout::Msd, "Hippocampus"), Task::Hippocampus);
    /// assert_eq!(Task::of(Layout::Msd, "Spleen"), Task::Own);
    /// ```
    pub fn of(layout: Layout, name: &str) -> Self {
        match layout {
            Layout::La => Self::LeftAtrium,
            Layout::Acdc => Self::Acdc,
            Layout::Pancreas => Self::Pancreas,
            Layout::Msd if name.to_lowercase().contains("hippocampus") => Self::Hippocampus,
            _ => Self::Own,
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Task {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        let found = Self::ALL.into_iter().find(|task| task.name() == name);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            TrainError::Unknown {
                kind: "task",
                name: name.into(),
                expected: format!("one of {known}"),
            }
        })
    }
}
