//! Data elements of a DICOM file: the few that describe an image; all others are skipped unread.
//!
//! This reader is our own because it must hold on damaged files in bounded memory, and because what it does not
//! read about a patient can turn up in no message. The one identifier of a patient that it reads is replaced by a hash.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use super::super::stream::Opened;
use super::start;
use super::tags::{self, Tag};
use crate::DataError;

/// Length of a value that ends with a delimiter.
const UNDEFINED: u32 = u32::MAX;

/// Maximum length of a value that is read; those described in [`tags`] have at most a few dozen characters.
const LONGEST: u32 = 1 << 12;

/// Maximum depth of sequences within sequences.
const DEEPEST: usize = 32;

const ITEM: Tag = 0xFFFE_E000;
const ITEM_END: Tag = 0xFFFE_E00D;
const SEQUENCE_END: Tag = 0xFFFE_E0DD;

/// Values by tag, as they are stored; sequences are present without their content.
pub(super) type Values = BTreeMap<Tag, Vec<u8>>;

/// An element without its value.
struct Element {
    tag: Tag,
    sequence: bool,
    /// Whether the elements of a sequence name their types.
    explicit: bool,
    length: u32,
}

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

    /// Reads the elements before the image's own, which are stored in one form in all files.
    pub(super) fn meta(&mut self) -> Result<Values, DataError> {
        let mut values = Values::new();
        while self.group()? == Some(2) {
            let element = self.element(true)?;
            self.value(&element, &mut values, 0)?;
        }
        Ok(values)
    }

    /// Reads the elements up to the pixels, and the length of the pixels' value, if there are any; the value is next.
    pub(super) fn image(&mut self, explicit: bool) -> Result<(Values, Option<u32>), DataError> {
        let mut values = Values::new();
        while self.group()?.is_some() {
            let element = self.element(explicit)?;
            if element.tag == tags::PIXEL_DATA {
                return Ok((values, Some(element.length)));
            }
            self.value(&element, &mut values, 0)?;
        }
        Ok((values, None))
    }

    /// The bytes of pixels in one piece.
    pub(super) fn native(&mut self, length: u32) -> Result<Vec<u8>, DataError> {
        self.take(length.into())
    }

    /// The bytes of compressed pixels, joined from the items that follow the table of offsets.
    pub(super) fn encapsulated(&mut self) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let mut first = true;
        // Some programs leave the delimiter out at the end of the file.
        while self.group()?.is_some() {
            let element = self.element(false)?;
            match element.tag {
                SEQUENCE_END => break,
                ITEM if first => self.skip(element.length)?,
                ITEM => bytes.extend(self.take(element.length.into())?),
                _ => return Err(self.wrong("items of compressed pixels", "another element")),
            }
            first = false;
        }
        Ok(bytes)
    }

    /// The group of the next element; `None` at the end of the file.
    fn group(&mut self) -> Result<Option<u16>, DataError> {
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = self.take(2)?;
        self.left += 2;
        let back = self.file.file.seek_relative(-2);
        back.map_err(DataError::io("read", self.file.path))?;
        Ok(Some(u16::from_le_bytes([bytes[0], bytes[1]])))
    }

    fn element(&mut self, explicit: bool) -> Result<Element, DataError> {
        let tag = u32::from(self.u16()?) << 16 | u32::from(self.u16()?);
        let delimiter = tag >> 16 == 0xFFFE;
        if !explicit || delimiter {
            let length = self.u32()?;
            let sequence = length == UNDEFINED && !delimiter;
            return Ok(Element {
                tag,
                sequence,
                explicit: false,
                length,
            });
        }
        let kind = self.take(2)?;
        if !kind.iter().all(u8::is_ascii_uppercase) {
            let found = format!("none at element {}", tags::shown(tag));
            return Err(self.wrong("the type of every value", &found));
        }
        let long = tags::LONG.contains(&[kind[0], kind[1]]);
        let length = match long {
            true => {
                self.skip(2)?;
                self.u32()?
            }
            false => self.u16()?.into(),
        };
        Ok(Element {
            tag,
            sequence: kind == b"SQ" || length == UNDEFINED,
            // Values of unknown type are sequences in the form without types.
            explicit: kind != b"UN",
            length,
        })
    }

    /// Reads a value that is wanted, and skips any other.
    fn value(
        &mut self,
        element: &Element,
        into: &mut Values,
        depth: usize,
    ) -> Result<(), DataError> {
        let wanted = depth == 0 && tags::WANTED.contains(&element.tag);
        if element.sequence || tags::PRESENT.contains(&element.tag) {
            if wanted {
                into.insert(element.tag, Vec::new());
            }
            return match element.length {
                UNDEFINED => self.sequence(element.explicit, depth + 1),
                length => self.skip(length),
            };
        }
        match wanted {
            true if element.length > LONGEST => {
                let tag = tags::shown(element.tag);
                let found = format!("{} bytes as {tag}", element.length);
                Err(self.wrong("short values", &found))
            }
            true => {
                into.insert(element.tag, self.take(element.length.into())?);
                Ok(())
            }
            false => self.skip(element.length),
        }
    }

    /// Skips a sequence of undefined length.
    fn sequence(&mut self, explicit: bool, depth: usize) -> Result<(), DataError> {
        if depth > DEEPEST {
            let expected = format!("at most {DEEPEST} sequences within one another");
            return Err(self.wrong(&expected, "more"));
        }
        loop {
            let item = self.element(false)?;
            match (item.tag, item.length) {
                (SEQUENCE_END, _) => return Ok(()),
                (ITEM, UNDEFINED) => self.item(explicit, depth)?,
                (ITEM, length) => self.skip(length)?,
                _ => return Err(self.wrong("items in a sequence", "another element")),
            }
        }
    }

    /// Skips an item of undefined length.
    fn item(&mut self, explicit: bool, depth: usize) -> Result<(), DataError> {
        loop {
            let element = self.element(explicit)?;
            if element.tag == ITEM_END {
                return Ok(());
            }
            self.value(&element, &mut Values::new(), depth)?;
        }
    }

    fn u16(&mut self) -> Result<u16, DataError> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Result<u32, DataError> {
        Ok(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    fn take(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        self.announce(count)?;
        let mut bytes = vec![0; count as usize];
        let read = self.file.file.read_exact(&mut bytes);
        read.map_err(DataError::io("read", self.file.path))?;
        Ok(bytes)
    }

    fn skip(&mut self, count: u32) -> Result<(), DataError> {
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

    fn wrong(&self, expected: &str, found: &str) -> DataError {
        let expected = format!("in a DICOM file, {expected}");
        let hint = "copy or export the series again";
        DataError::unexpected(self.file.path, expected, found, hint)
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
}
