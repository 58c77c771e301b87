//! Data elements of a DICOM file: the few that describe an image; all others are skipped unread.
//!
//! This reader is our own because it must hold on damaged files in bounded memory, and because what it does not
//! read about a patient can turn up in no message. The one identifier of a patient that it reads is replaced by a hash.

use std::collections::BTreeMap;

use super::bytes::Reader;
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

impl Reader<'_, '_> {
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
}
