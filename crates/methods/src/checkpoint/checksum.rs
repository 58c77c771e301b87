//! Checksums that detect damaged files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crc32c::Crc32cWriter;
use serde::{Deserialize, Serialize};

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
pub(super) fn verify(folder: &Path, files: &Checksums) -> Result<(), Damage> {
    files.iter().try_for_each(|(name, expected)| {
        let path = folder.join(name);
        let found = Checksum::of_file(&path).map_err(|error| {
            Damage::new(&path, format_args!("expected {expected}, found {error}"))
        })?;
        match found == *expected {
            true => Ok(()),
            false => Err(Damage::new(
                &path,
                format_args!("expected {expected}, found {found}"),
            )),
        }
    })
}

/// Damage that makes a checkpoint unusable.
#[derive(Debug)]
pub(super) struct Damage {
    /// The damaged file.
    pub(super) path: PathBuf,
    /// What was expected and what was found.
    pub(super) reason: String,
    advice: &'static str,
}

impl Damage {
    pub(super) fn new(path: &Path, reason: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            reason: reason.to_string(),
            advice: "it is damaged: restore it from a copy, or remove the checkpoint's folder, so that the one before it counts",
        }
    }

    /// Replaces the default advice, which is that for a damaged file.
    pub(super) fn advising(mut self, advice: &'static str) -> Self {
        self.advice = advice;
        self
    }
}

impl From<Damage> for MethodError {
    fn from(damage: Damage) -> Self {
        let Damage {
            path,
            reason,
            advice,
        } = damage;
        Self::Checkpoint {
            path,
            reason: format!("{reason}; {advice}"),
        }
    }
}
