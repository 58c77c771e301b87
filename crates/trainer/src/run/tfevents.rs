//! TensorBoard event files, written without TensorFlow.
//!
//! A file is a sequence of records: length (u64, little endian), masked CRC-32C
//! of the length, data, masked CRC-32C of the data. The data is a protobuf
//! `Event { wall_time = 1: double, step = 2: int64, file_version = 3: string,
//! summary = 5: { value = 1: { tag = 1: string, simple_value = 2: float } } }`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::RunError;
use super::metrics_log::MetricsRow;

/// Writes scalars to `events.out.tfevents.SECONDS.HOST`.
///
/// # Examples
///
/// ```
/// use semivox_trainer::run::tfevents::EventWriter;
///
/// # let dir = tempfile::tempdir().unwrap();
/// let mut events = EventWriter::create(dir.path())?;
/// events.scalars(&[("loss/dice", 0.5), ("lr", 0.01)], 10)?;
/// assert!(events.path().metadata().unwrap().len() > 0);
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// Starts a new event file in `folder`.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`].
    pub fn create(folder: impl AsRef<Path>) -> Result<Self, RunError> {
        let seconds = wall_time() as u64;
        let host = std::env::var("HOSTNAME").unwrap_or_default();
        let safe = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let host = if !host.is_empty() && host.chars().all(safe) {
            host
        } else {
            "semivox".to_string()
        };
        let name = format!("events.out.tfevents.{seconds:010}.{host}");
        let (path, file) = create_free(folder.as_ref(), &name)?;
        let mut writer = Self { path, file };
        writer.record(&event(wall_time(), 0, &field_bytes(3, b"brain.Event:2")))?;
        Ok(writer)
    }

    /// Starts a new event file that continues an earlier one after `step`:
    /// TensorBoard discards the later steps of earlier files.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`].
    pub fn resume(folder: impl AsRef<Path>, step: u64) -> Result<Self, RunError> {
        let mut writer = Self::create(folder)?;
        // session_log = 7: { status = 1: START = 1 }
        writer.record(&event(wall_time(), step + 1, &field_bytes(7, &[0x08, 1])))?;
        Ok(writer)
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes values of one step, by tag.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`], also when the disk is full.
    pub fn scalars(&mut self, values: &[(&str, f64)], step: u64) -> Result<(), RunError> {
        self.record(&scalar_event(wall_time(), step, values))
    }

    /// Writes a logged row: `loss/NAME`, `lr`, `time/seconds_per_step` and
    /// `time/data_wait`.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`], also when the disk is full.
    pub fn row(&mut self, row: &MetricsRow) -> Result<(), RunError> {
        let tags: Vec<_> = row
            .losses
            .iter()
            .map(|(name, &value)| (format!("loss/{name}"), value))
            .collect();
        let mut values: Vec<_> = tags.iter().map(|(tag, v)| (tag.as_str(), *v)).collect();
        values.push(("lr", row.lr));
        values.push(("time/seconds_per_step", row.seconds_per_step));
        values.push(("time/data_wait", row.data_wait));
        self.scalars(&values, row.step)
    }

    fn record(&mut self, data: &[u8]) -> Result<(), RunError> {
        self.file
            .write_all(&frame(data))
            .map_err(|error| RunError::io("write", &self.path, error))
    }
}

/// Creates a file with the first name that is free, as two runs may start within a second.
fn create_free(folder: &Path, name: &str) -> Result<(PathBuf, File), RunError> {
    let mut path = folder.join(name);
    for attempt in 1.. {
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 100 => {
                path = folder.join(format!("{name}.{attempt}"));
            }
            Err(error) => return Err(RunError::io("create", &path, error)),
        }
    }
    unreachable!("the loop ends by returning")
}

fn wall_time() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

/// Encodes one record, with its two checksums.
fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_crc(&length).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked_crc(data).to_le_bytes());
    record
}

/// Computes the masked CRC-32C: rotated and offset, so that data that contains CRCs can be checked by one.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn scalar_event(wall_time: f64, step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut entry = field_bytes(1, tag.as_bytes());
        entry.push(2 << 3 | 5);
        entry.extend_from_slice(&(*value as f32).to_le_bytes());
        summary.extend_from_slice(&field_bytes(1, &entry));
    }
    event(wall_time, step, &field_bytes(5, &summary))
}

fn event(wall_time: f64, step: u64, what: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1 << 3 | 1];
    bytes.extend_from_slice(&wall_time.to_le_bytes());
    if step > 0 {
        bytes.push(2 << 3);
        bytes.extend_from_slice(&varint(step));
    }
    bytes.extend_from_slice(what);
    bytes
}

/// Encodes a length-delimited protobuf field.
fn field_bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    bytes.extend_from_slice(&varint(content.len() as u64));
    bytes.extend_from_slice(content);
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Splits a file into records, checking every checksum.
    fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let stored = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(stored(8), masked_crc(&bytes[..8]));
            assert_eq!(stored(12 + length), masked_crc(&bytes[12..12 + length]));
            records.push(bytes[12..12 + length].to_vec());
            bytes = &bytes[16 + length..];
        }
        records
    }

    /// Protobuf fields as (number, payload), varints as 8 bytes.
    fn fields(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        fn take_varint(bytes: &mut &[u8]) -> u64 {
            let end = bytes.iter().position(|b| b & 0x80 == 0).unwrap();
            let value = (0..=end).fold(0, |v, i| v | u64::from(bytes[i] & 0x7f) << (7 * i));
            *bytes = &bytes[end + 1..];
            value
        }
        let mut fields = Vec::new();
        while let Some((&key, rest)) = bytes.split_first() {
            bytes = rest;
            let size = match key & 7 {
                0 => {
                    let value = take_varint(&mut bytes);
                    fields.push((key >> 3, value.to_le_bytes().to_vec()));
                    continue;
                }
                1 => 8,
                2 => take_varint(&mut bytes) as usize,
                _ => 4,
            };
            fields.push((key >> 3, bytes[..size].to_vec()));
            bytes = &bytes[size..];
        }
        fields
    }

    #[test]
    fn a_written_file_decodes_to_the_same_scalars() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::resume(dir.path(), 299).unwrap();
        writer
            .scalars(&[("loss/dice", 0.25), ("lr", 0.01)], 300)
            .unwrap();
        let second = EventWriter::create(dir.path()).unwrap();
        assert_ne!(second.path(), writer.path());

        let records = records(&std::fs::read(writer.path()).unwrap());
        assert_eq!(fields(&records[0])[1], (3, b"brain.Event:2".to_vec()));
        assert_eq!(fields(&records[1])[2], (7, vec![8, 1]));
        let event = fields(&records[2]);
        let seconds = f64::from_le_bytes(event[0].1.clone().try_into().unwrap());
        assert!((wall_time() - seconds).abs() < 60.0);
        assert_eq!(event[1], (2, 300_u64.to_le_bytes().to_vec()));
        let values = fields(&event[2].1);
        let expected: [(&[u8], f32); 2] = [(b"loss/dice", 0.25), (b"lr", 0.01)];
        for ((_, value), (tag, number)) in values.iter().zip(expected) {
            let value = fields(value);
            assert_eq!(value[0], (1, tag.to_vec()));
            assert_eq!(value[1], (2, number.to_le_bytes().to_vec()));
        }
    }

    #[test]
    fn crc_has_its_published_value() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    }
}
