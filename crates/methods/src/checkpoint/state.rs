//! `state.json`: the position of a run, and the checksums of a checkpoint's files.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::checksum::{Checksums, Damage, Refusal, hexadecimal};
use super::{Position, failed};

/// Version of the checkpoint format; checkpoints of another are refused.
const FORMAT: u32 = 4;

/// Name of the file.
pub(super) const NAME: &str = "state.json";

/// Contents of `state.json`. `crc32c` is the checksum of the file itself, computed with zeros in its place.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    format: u32,
    step: u64,
    stage: usize,
    /// Checksums of all other files of the checkpoint.
    pub(super) files: Checksums,
    crc32c: String,
}

/// The field of `state.json` that all format versions share.
#[derive(Deserialize)]
struct AnyState {
    format: u32,
}

impl State {
    pub(super) fn new(position: Position, files: Checksums) -> Self {
        Self {
            format: FORMAT,
            step: position.step,
            stage: position.stage,
            files,
            crc32c: String::new(),
        }
    }

    pub(super) fn position(&self) -> Position {
        Position::new(self.step, self.stage)
    }

    /// Returns the text of the file, including its own checksum.
    pub(super) fn sealed(&mut self) -> serde_json::Result<Vec<u8>> {
        self.crc32c = hexadecimal(0);
        let crc = crc32c::crc32c(&serde_json::to_vec_pretty(self)?);
        self.crc32c = hexadecimal(crc);
        serde_json::to_vec_pretty(self)
    }

    /// Reads and verifies `state.json` of the checkpoint in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, Refusal> {
        let path = folder.join(NAME);
        let undecodable = |error: serde_json::Error| {
            Damage::new(&path, format_args!("expected a JSON file, found {error}"))
        };
        let text =
            fs::read(&path).map_err(|error| Refusal::unreadable(&path, "a JSON file", &error))?;
        let any: AnyState = serde_json::from_slice(&text).map_err(undecodable)?;
        if any.format != FORMAT {
            let found = any.format;
            let reason = format_args!(
                "expected format {FORMAT}, found {found}; resume with the version of Semivox that wrote it, or start a new run in another --out"
            );
            return Err(Refusal::Other(failed(&path, reason)));
        }
        let mut state: Self = serde_json::from_slice(&text).map_err(undecodable)?;
        let expected = state.crc32c.clone();
        let sealed = state.sealed().map_err(undecodable)?;
        // The texts are compared, as white space or the checksum itself may be damaged too.
        match sealed == text {
            true => Ok(state),
            false => Err(Damage::new(
                &path,
                format_args!(
                    "expected the text it was written with (checksum {expected}), found another"
                ),
            )
            .into()),
        }
    }
}
