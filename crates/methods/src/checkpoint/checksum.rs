//! Checksums that detect damaged files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crc32c::Crc32cWriter;
use serde::{Deserialize, Serialize};

use super::failed;
use crate::error::MethodError;

/// Length and CRC-32C of a file's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checksum {
    bytes: u64,
    crc32c: String,
}

/// Checksums by file name.
pub(super) type Checksums = BTreeMap<String, Checksum>;

impl Checksum {
    /// Computes the checksum of the file at `path`.
    pub(super) fn of_file(path: &Path) -> io::Result<Self> {
        let mut contents = Crc32cWriter::new(io::sink());
        let bytes = io::copy(&mut File::open(path)?, &mut contents)?;
        Ok(Self {
            bytes,
            crc32c: hexadecimal(contents.crc32c()),
        })
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes with checksum {}", self.bytes, self.crc32c)
    }
}

/// Formats a CRC as eight hexadecimal digits.
pub(super) fn hexadecimal(crc: u32) -> String {
    format!("{crc:08x}")
}

/// Checks every file of a folder against the checksum noted when it was written.
pub(super) fn verify(folder: &Path, files: &Checksums) -> Result<(), Refusal> {
    files.iter().try_for_each(|(name, expected)| {
        let path = folder.join(name);
        let found = Checksum::of_file(&path)
            .map_err(|error| Refusal::unreadable(&path, expected, &error))?;
        match found == *expected {
            true => Ok(()),
            false => {
                Err(Damage::new(&path, format_args!("expected {expected}, found {found}")).into())
            }
        }
    })
}

/// Why a checkpoint cannot be used.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A file is lost or changed for good, so that an earlier checkpoint has to take its place.
    Damaged(Damage),
    /// Anything else, such as a file that cannot be read at the moment; the checkpoint itself may be whole.
    Other(MethodError),
}

impl Refusal {
    /// Sorts an error of reading the file at `path`: a missing file is damage.
    pub(super) fn unreadable(path: &Path, expected: impl fmt::Display, error: &io::Error) -> Self {
        let reason = format!("expected {expected}, found {error}");
        match error.kind() {
            io::ErrorKind::NotFound => Self::Damaged(Damage::new(path, reason)),
            _ => Self::Other(failed(
                path,
                format_args!(
                    "{reason}; make the file readable and resume, or remove the checkpoint's folder, so that the one before it counts"
                ),
            )),
        }
    }
}

impl From<Damage> for Refusal {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<Refusal> for MethodError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Damaged(damage) => damage.into(),
            Refusal::Other(error) => error,
        }
    }
}

/// A file that is missing, or whose contents are not those that were written.
#[derive(Debug)]
pub(super) struct Damage {
    /// The damaged file.
    pub(super) path: PathBuf,
    /// What was expected and what was found.
    pub(super) reason: String,
}

impl Damage {
    pub(super) fn new(path: &Path, reason: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl From<Damage> for MethodError {
    fn from(damage: Damage) -> Self {
        let Damage { path, reason } = damage;
        Self::Checkpoint {
            path,
            reason: format!(
                "{reason}; it is damaged: restore it from a copy, or remove the checkpoint's folder, so that the one before it counts"
            ),
        }
    }
}
