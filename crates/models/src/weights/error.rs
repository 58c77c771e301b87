//! Errors of weight files.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

/// Number of names shown in a message.
const SHOWN: usize = 3;

/// An error from importing or exporting weights.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_models::{NetworkConfig, weights};
///
/// let network = NetworkConfig::new(1, 2).with_filters(1).init(&Device::flex());
/// let error = weights::import(&network, "no_such_file.pth").unwrap_err();
/// assert!(error.to_string().starts_with("cannot read `no_such_file.pth`"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A file could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The attempted action: "read" or "write".
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file is neither safetensors nor in the format of `torch.save`, or it is damaged.
    #[error(
        "`{}`: expected weights as safetensors or as `torch.save` writes them, found neither or a damaged file ({reason}); copy or download it again",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The problem found.
        reason: String,
    },
    /// No tensor name in the file identifies a known network.
    #[error(
        "`{}`: expected the tensors of a V-Net (`block_one.conv.0.weight`, …) or a U-Net (`encoder.in_conv.conv_conv.0.weight`, …), found {}; name them as `semivox_models::weights` describes before saving them",
        path.display(),
        Names(found)
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The names of its tensors.
        found: Vec<String>,
    },
    /// A file holds more than one network.
    #[error(
        "`{}`: expected one network, found several, for instance under `{}` and `{}`; save the one to be used alone, as `torch.save(checkpoint[\"model\"], \"model.pth\")` does",
        path.display(), places[0], places[1]
    )]
    Several {
        /// The file.
        path: PathBuf,
        /// The name prefixes of two of them.
        places: [String; 2],
    },
    /// The network in the file has another configuration.
    #[error(
        "`{}`: expected {expected}, found {found}; configure the network like the file's, or, if only the classes differ, leave out the output layer (`import_without_head`)",
        path.display()
    )]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The network to be filled.
        expected: String,
        /// The network in the file.
        found: String,
    },
    /// The tensors in the file are not those of the network.
    #[error(
        "`{}`: expected the tensors of {network}, found {difference}; only networks with batch norm after each convolution fit, under the names that `semivox_models::weights` lists: remove or rename the others before saving",
        path.display()
    )]
    Tensors {
        /// The file.
        path: PathBuf,
        /// The network to be filled.
        network: String,
        /// The differences.
        difference: Difference,
    },
    /// A tensor does not hold floating-point numbers.
    #[error(
        "`{}`: expected floating-point numbers in `{name}`, found {found}; save the network before it is quantized",
        path.display()
    )]
    Kind {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its data type.
        found: String,
    },
}

impl WeightsError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            action,
            source,
        }
    }

    pub(super) fn unknown<'a>(path: &Path, names: impl Iterator<Item = &'a String>) -> Self {
        Self::Unknown {
            path: path.to_owned(),
            found: names.cloned().collect(),
        }
    }

    pub(super) fn several(path: &Path, one: &str, two: &str) -> Self {
        Self::Several {
            path: path.to_owned(),
            places: [one.to_string(), two.to_string()],
        }
    }
}

/// Differences between a file's tensors and a network's, with the names of the public networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Tensors missing in the file.
    pub missing: Vec<String>,
    /// Tensors of the file that the network does not have.
    pub unexpected: Vec<String>,
    /// Tensors of another shape: name, expected shape, shape found.
    pub shapes: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Difference {
    /// Returns whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.shapes.is_empty()
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.missing.is_empty() {
            parts.push(format!("{} missing", Names(&self.missing)));
        }
        if !self.unexpected.is_empty() {
            parts.push(format!("{} unexpected", Names(&self.unexpected)));
        }
        if let Some((name, expected, found)) = self.shapes.first() {
            let count = self.shapes.len();
            parts.push(format!(
                "{count} of another shape (`{name}`: {found:?} instead of {expected:?})"
            ));
        }
        f.write_str(&parts.join(", "))
    }
}

/// Formats a count and the first few names.
struct Names<'a>(&'a [String]);

impl Display for Names<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(names) = self;
        let tensors = if names.len() == 1 {
            "tensor"
        } else {
            "tensors"
        };
        write!(f, "{} {tensors}", names.len())?;
        for (index, name) in names.iter().take(SHOWN).enumerate() {
            write!(f, "{}`{name}`", if index == 0 { " (" } else { ", " })?;
        }
        match names.len() {
            0 => Ok(()),
            count if count > SHOWN => f.write_str(", …)"),
            _ => f.write_str(")"),
        }
    }
}
