//! Headers of MetaImage files.

use std::collections::BTreeMap;
use std::path::Path;

use super::gzip;
use super::raw::VoxelLayout;
use super::stream::{Opened, Stream};
use super::voxels::VoxelType;
use crate::{DataError, SourceHeader};

/// Header fields by name.
pub(super) struct Header<'a> {
    path: &'a Path,
    fields: BTreeMap<String, String>,
}

impl<'a> Header<'a> {
    /// Reads lines up to the one that says where the voxels are.
    pub(super) fn read(file: &mut Opened<'a>) -> Result<Self, DataError> {
        let mut header = Self {
            path: file.path,
            fields: BTreeMap::new(),
        };
        while let Some(line) = file.line()? {
            let Some((name, value)) = line.split_once(['=', ':']) else {
                continue;
            };
            let name = name.trim().to_string();
            let last = name == "ElementDataFile";
            header.fields.insert(name, value.trim().to_string());
            if last {
                return Ok(header);
            }
        }
        Err(header.wrong(
            "the field 'ElementDataFile' at its end",
            "the end of the file",
        ))
    }

    /// The voxels' bytes, decompressed if they are compressed.
    pub(super) fn stream(&self, mut file: Opened<'a>) -> Result<Stream<'a>, DataError> {
        match self.flag("CompressedData") {
            false => Ok(file.plain()),
            true if file.start()?.starts_with(gzip::MAGIC) => Ok(file.gunzipped()),
            true => Ok(file.inflated()),
        }
    }

    pub(super) fn layout(&self) -> Result<VoxelLayout, DataError> {
        let shape = self.shape()?;
        let geometry = self.geometry()?;
        if self.fields.contains_key("BinaryData") && !self.flag("BinaryData") {
            return Err(self.wrong("binary voxels", "voxels as text, BinaryData = False"));
        }
        let big_endian = self.flag("BinaryDataByteOrderMSB") || self.flag("ElementByteOrderMSB");
        Ok(VoxelLayout {
            shape,
            channels: 1,
            voxel_type: self.voxel_type()?,
            big_endian,
            slope: 1.0,
            intercept: 0.0,
            geometry,
            header: match self.has_directions() {
                true => SourceHeader::new(shape, geometry, None, self.doubts(&geometry)?),
                false => SourceHeader::without_sides(shape, geometry, self.doubts(&geometry)?),
            },
        })
    }

    pub(super) fn wrong(&self, expected: &str, found: &str) -> DataError {
        let hint = "export it as NIfTI, or as one .mha file";
        let expected = format!("in a MetaImage header, {expected}");
        DataError::unexpected(self.path, expected, found, hint)
    }

    pub(super) fn field(&self, name: &str) -> Result<&str, DataError> {
        let found = self.fields.get(name).map(String::as_str);
        found.ok_or_else(|| self.wrong(&format!("the field '{name}'"), "none"))
    }

    /// Whether a field is there and true.
    fn flag(&self, name: &str) -> bool {
        let text = self.fields.get(name).map(String::as_str);
        text.is_some_and(|text| text.starts_with(['T', 't', '1']))
    }

    /// The numbers of the first of these fields that is there.
    pub(super) fn numbers(&self, names: &[&str]) -> Result<Option<Vec<f64>>, DataError> {
        let Some(name) = names.iter().find(|&&name| self.fields.contains_key(name)) else {
            return Ok(None);
        };
        let text = self.field(name)?;
        let numbers: Option<Vec<f64>> = text
            .split_whitespace()
            .map(|part| part.parse().ok())
            .collect();
        let wrong = || self.wrong(&format!("numbers as '{name}'"), &format!("'{text}'"));
        numbers.map(Some).ok_or_else(wrong)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, DataError> {
        Ok(self
            .numbers(&[name])?
            .and_then(|numbers| numbers.first().copied()))
    }

    /// As many numbers as the file has axes, or axes squared.
    pub(super) fn per_axis(
        &self,
        names: &[&str],
        count: usize,
    ) -> Result<Option<Vec<f64>>, DataError> {
        match self.numbers(names)? {
            Some(numbers) if numbers.len() != count => {
                let found = format!("{}", numbers.len());
                Err(self.wrong(&format!("{count} numbers as '{}'", names[0]), &found))
            }
            numbers => Ok(numbers),
        }
    }

    /// The lengths of all axes.
    pub(super) fn sides(&self) -> Result<Vec<f64>, DataError> {
        let sides = self.numbers(&["DimSize"])?;
        sides.ok_or_else(|| self.wrong("the field 'DimSize'", "none"))
    }

    fn shape(&self) -> Result<[usize; 3], DataError> {
        let sides = self.sides()?;
        let found = || format!("DimSize {sides:?}");
        let whole = |side: &f64| side.fract() == 0.0 && (1.0..=32_767.0).contains(side);
        if sides.is_empty() || !sides.iter().all(whole) {
            return Err(self.wrong("sides of 1 to 32767 voxels", &found()));
        }
        if sides.iter().skip(3).any(|&side| side != 1.0) {
            return Err(self.wrong("a volume of three axes, others of length 1", &found()));
        }
        let axes = self.number("NDims")?;
        if let Some(axes) = axes.filter(|&axes| axes != sides.len() as f64) {
            let expected = format!("{axes} sides, one for each of its NDims");
            return Err(self.wrong(&expected, &found()));
        }
        if self.number("ElementNumberOfChannels")?.unwrap_or(1.0) != 1.0 {
            return Err(self.wrong("one channel", self.field("ElementNumberOfChannels")?));
        }
        Ok(std::array::from_fn(|axis| {
            sides.get(axis).map_or(1, |&side| side as usize)
        }))
    }

    fn voxel_type(&self) -> Result<VoxelType, DataError> {
        use VoxelType::*;
        Ok(match self.field("ElementType")? {
            "MET_CHAR" | "MET_ASCII_CHAR" => Int8,
            "MET_UCHAR" => Uint8,
            "MET_SHORT" => Int16,
            "MET_USHORT" => Uint16,
            "MET_INT" | "MET_LONG" => Int32,
            "MET_UINT" | "MET_ULONG" => Uint32,
            "MET_LONG_LONG" => Int64,
            "MET_ULONG_LONG" => Uint64,
            "MET_FLOAT" => Float32,
            "MET_DOUBLE" => Float64,
            other => return Err(self.wrong("an ElementType of one number", &format!("'{other}'"))),
        })
    }
}
