//! Headers of DICOM files.

use std::path::{Path, PathBuf};

use super::super::stream::Opened;
use super::bytes::Reader;
use super::elements::Values;
use super::patient_id::PatientHash;
use super::start::{self, is_dicom};
use super::syntax::{self, Elements};
use super::tags::{self, Tag};
use crate::DataError;

/// The header of a DICOM file with an image.
pub(super) struct Header {
    pub(super) path: PathBuf,
    /// Identifier of the series, which is never shown.
    pub(super) series: String,
    /// The patient, if there is one.
    pub(super) patient: Option<PatientHash>,
    pub(super) transfer_syntax: String,
    /// The file does not name its transfer syntax, which was guessed.
    pub(super) guessed: bool,
    values: Values,
    /// Position of the pixels in the file.
    pub(super) position: u64,
    /// Length of the pixels' value.
    pub(super) length: u32,
}

/// A file among those of a series.
pub(super) enum Found {
    Image(Box<Header>),
    /// Something else, for this reason.
    Other(&'static str),
}

/// Kinds of objects that go with scans and are none.
const NO_SCANS: [&str; 6] = ["SEG", "RTSTRUCT", "RTDOSE", "SR", "PR", "REG"];

/// A folder's index of files.
const DIRECTORY: &str = "1.2.840.10008.1.3.10";

impl Found {
    /// Reads a file of any kind.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let mut file = Opened::new(path, "a DICOM file")?;
        if !is_dicom(file.start()?) {
            return Ok(Self::Other("no DICOM file"));
        }
        let mut reader = Reader::new(&mut file)?;
        let meta = reader.meta()?;
        if text(&meta, tags::SOP_CLASS) == DIRECTORY {
            return Ok(Self::Other("the index of a DICOM folder"));
        }
        let stored = Stored::read(&mut reader, text(&meta, tags::TRANSFER_SYNTAX))?;
        let frames = [tags::FLOAT_PIXELS, tags::DOUBLE_PIXELS];
        let pixels =
            stored.length.is_some() || frames.iter().any(|tag| stored.values.contains_key(tag));
        if NO_SCANS.contains(&&*text(&stored.values, tags::MODALITY)) {
            return Ok(Self::Other(
                "DICOM, but no scan; label maps are read as NIfTI, NRRD or MetaImage",
            ));
        }
        if !pixels {
            return Ok(Self::Other("DICOM without an image"));
        }
        let position = reader.position()?;
        Ok(Self::Image(Box::new(Header::new(path, stored, position))))
    }
}

/// The elements of a file before its pixels.
struct Stored {
    transfer_syntax: String,
    /// The transfer syntax was guessed.
    guessed: bool,
    values: Values,
    /// Length of the pixels' value, if there are pixels.
    length: Option<u32>,
}

impl Stored {
    /// Reads the elements of a file that names this transfer syntax, or none.
    fn read(reader: &mut Reader<'_, '_>, stated: String) -> Result<Self, DataError> {
        let guessed = stated.is_empty();
        let transfer_syntax = match guessed {
            true => start::guessed_syntax(reader.next_bytes()?).to_string(),
            false => stated,
        };
        let (values, length) = match syntax::elements(&transfer_syntax) {
            Elements::Explicit => reader.image(true)?,
            Elements::Implicit => reader.image(false)?,
            // The series is then refused by the name of its transfer syntax.
            Elements::Other => (Values::new(), Some(0)),
        };
        Ok(Self {
            transfer_syntax,
            guessed,
            values,
            length,
        })
    }
}

impl Header {
    /// The header of a file whose pixels begin at this position.
    fn new(path: &Path, stored: Stored, position: u64) -> Self {
        let mut values = stored.values;
        let patient = PatientHash::of(&text(&values, tags::PATIENT_ID));
        values.remove(&tags::PATIENT_ID);
        Self {
            path: path.to_path_buf(),
            series: text(&values, tags::SERIES),
            patient,
            transfer_syntax: stored.transfer_syntax,
            guessed: stored.guessed,
            values,
            position,
            length: stored.length.unwrap_or(0),
        }
    }

    /// Whether the file has an element.
    pub(super) fn has(&self, tag: Tag) -> bool {
        self.values.contains_key(&tag)
    }

    /// A text without the characters that pad it; empty if there is none.
    pub(super) fn text(&self, tag: Tag) -> String {
        text(&self.values, tag)
    }

    /// A whole number of two bytes.
    pub(super) fn number(&self, tag: Tag, name: &str) -> Result<u16, DataError> {
        let value = self.values.get(&tag).map(Vec::as_slice);
        match value {
            Some(&[low, high]) => Ok(u16::from_le_bytes([low, high])),
            Some(_) => Err(self.wrong(&format!("one whole number as {name}"), "another value")),
            None => Err(self.wrong(name, "none")),
        }
    }

    /// Numbers as text; `None` if there are none.
    pub(super) fn decimals<const N: usize>(
        &self,
        tag: Tag,
        name: &str,
    ) -> Result<Option<[f64; N]>, DataError> {
        let text = self.text(tag);
        if text.is_empty() {
            return Ok(None);
        }
        let numbers = text.split('\\').map(|part| part.trim().parse::<f64>());
        let numbers: Vec<f64> = numbers
            .flatten()
            .filter(|number| number.is_finite())
            .collect();
        match numbers.try_into() {
            Ok(numbers) if text.split('\\').count() == N => Ok(Some(numbers)),
            _ => Err(self.wrong(&format!("{N} numbers as {name}"), "another value")),
        }
    }

    /// An error about the image in this file.
    pub(super) fn wrong(&self, expected: &str, found: &str) -> DataError {
        let hint = "convert the series to one .nii.gz, for instance with dcm2niix";
        let expected = format!("in a DICOM file, {expected}");
        DataError::unexpected(&self.path, expected, found, hint)
    }
}

fn text(values: &Values, tag: Tag) -> String {
    let bytes = values.get(&tag).map_or(&[][..], Vec::as_slice);
    let text = String::from_utf8_lossy(bytes);
    text.trim_matches([' ', '\0']).to_string()
}
