//! The bytes of a DICOM file, of which none are read beyond its end.

use std::io::{Read, Seek, SeekFrom};

use super::super::stream::Opened;
use super::start;
use crate::DataError;

/// Reader of data elements in little endian, the byte order of all supported transfer syntaxes.
pub(super) struct Reader<'f, 'a> {
    file: &'f mut Opened<'a>,
    left: u64,
}

impl<'f, 'a> Reader<'f, 'a> {
    /// Starts with the first element, after the mark if the file has one.
    pub(super) fn new(file: &'f mut Opened<'a>) -> Result<Self, DataError> {
        let (left, before) = (file.stored, start::before_elements(file.start()?));
        let mut reader = Self { file, left };
        match before {
            Some(before) => reader.skip(before)?,
            None => return Err(reader.wrong("the mark 'DICM' after 128 bytes", "none")),
        }
        Ok(reader)
    }

    /// The next bytes, without reading past them; empty where only a few bytes follow.
    pub(super) fn next_bytes(&mut self) -> Result<&[u8], DataError> {
        self.file.start()
    }

    /// The reader's position, to go on from there after the file was closed.
    pub(super) fn position(&mut self) -> Result<u64, DataError> {
        let position = self.file.file.stream_position();
        position.map_err(DataError::io("read", self.file.path))
    }

    /// A reader that goes on from a position.
    pub(super) fn at(file: &'f mut Opened<'a>, position: u64) -> Result<Self, DataError> {
        let sought = file.file.seek(SeekFrom::Start(position));
        sought.map_err(DataError::io("read", file.path))?;
        let left = file.stored.saturating_sub(position);
        Ok(Self { file, left })
    }

    /// The group of the next element; `None` at the end of the file.
    pub(super) fn group(&mut self) -> Result<Option<u16>, DataError> {
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = self.take(2)?;
        self.left += 2;
        let back = self.file.file.seek_relative(-2);
        back.map_err(DataError::io("read", self.file.path))?;
        Ok(Some(u16::from_le_bytes([bytes[0], bytes[1]])))
    }

    pub(super) fn u16(&mut self) -> Result<u16, DataError> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, DataError> {
        Ok(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    pub(super) fn take(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        self.announce(count)?;
        let mut bytes = vec![0; count as usize];
        let read = self.file.file.read_exact(&mut bytes);
        read.map_err(DataError::io("read", self.file.path))?;
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, count: u32) -> Result<(), DataError> {
        self.announce(count.into())?;
        let skipped = self.file.file.seek_relative(count.into());
        skipped.map_err(DataError::io("read", self.file.path))
    }

    /// Takes bytes off those that are left, which must be as many.
    fn announce(&mut self, count: u64) -> Result<(), DataError> {
        let left = self.left.checked_sub(count);
        self.left = left.ok_or_else(|| {
            let at = self.file.file.stream_position().unwrap_or(0);
            DataError::Truncated {
                path: self.file.path.to_path_buf(),
                expected: at.saturating_add(count),
                found: at + self.left,
            }
        })?;
        Ok(())
    }

    pub(super) fn wrong(&self, expected: &str, found: &str) -> DataError {
        let expected = format!("in a DICOM file, {expected}");
        let hint = "copy or export the series again";
        DataError::unexpected(self.file.path, expected, found, hint)
    }
}
