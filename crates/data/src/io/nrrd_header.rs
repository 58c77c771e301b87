//! Headers of NRRD files.

use std::collections::BTreeMap;
use std::path::Path;

use super::raw::VoxelLayout;
use super::stream::Opened;
use crate::{DataError, SourceHeader};

/// Header fields by name.
pub(super) struct Header<'a> {
    path: &'a Path,
    pub(super) fields: BTreeMap<String, String>,
    /// Values of keys of the writing program, `key:=value`.
    pub(super) keys: BTreeMap<String, String>,
}

impl<'a> Header<'a> {
    /// Reads lines up to the first empty one, or to the end of a file without voxels.
    pub(super) fn read(file: &mut Opened<'a>) -> Result<Self, DataError> {
        let mut header = Self {
            path: file.path,
            fields: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        while let Some(line) = file.line()? {
            match line.split_once(": ") {
                _ if line.is_empty() => return Ok(header),
                _ if line.starts_with('#') => {}
                Some((name, value)) if !name.contains(":=") => {
                    let name = spaced(&name.to_lowercase());
                    let value = value.trim().to_string();
                    if header.fields.insert(name.clone(), value).is_some() {
                        return Err(header.wrong("every field once", &format!("'{name}' twice")));
                    }
                }
                _ => {
                    let key = line.split_once(":=");
                    header
                        .keys
                        .extend(key.map(|(key, value)| (key.into(), value.into())));
                }
            }
        }
        match header.data_file() {
            Some(_) => Ok(header),
            None => Err(header.wrong("an empty line after the header", "the end of the file")),
        }
    }

    /// The name of the file with the voxels, if it is another.
    pub(super) fn data_file(&self) -> Option<&str> {
        self.fields.get("data file").map(String::as_str)
    }

    /// The number in a field that is 0 if it is absent.
    pub(super) fn skip(&self, name: &str) -> Result<i64, DataError> {
        let text = self.fields.get(name).map_or("0", String::as_str);
        let number = text.parse().ok().filter(|&number| number >= -1);
        number.ok_or_else(|| {
            let found = format!("'{text}'");
            self.wrong(&format!("a whole number as '{name}'"), &found)
        })
    }

    /// The encoding in lower case.
    pub(super) fn encoding(&self) -> Result<String, DataError> {
        Ok(self.field("encoding")?.to_lowercase())
    }

    /// Returns the layout of the voxels.
    pub(super) fn layout(&self) -> Result<VoxelLayout, DataError> {
        let (shape, axes) = self.shape()?;
        let (geometry, notes) = self.geometry(axes, shape)?;
        Ok(VoxelLayout {
            shape,
            channels: 1,
            voxel_type: self.voxel_type()?,
            big_endian: self.big_endian()?,
            slope: 1.0,
            intercept: 0.0,
            geometry,
            // Spacings alone do not say where the axes point.
            header: match ["space", "space directions"]
                .iter()
                .all(|name| self.fields.contains_key(*name))
            {
                true => SourceHeader::new(shape, geometry, None, notes),
                false => SourceHeader::without_sides(shape, geometry, notes),
            },
        })
    }

    pub(super) fn either(&self, name: &str, other_name: &str) -> Option<&str> {
        let found = self
            .fields
            .get(name)
            .or_else(|| self.fields.get(other_name));
        found.map(String::as_str)
    }

    pub(super) fn wrong(&self, expected: &str, found: &str) -> DataError {
        let hint = "export it as NIfTI, or as NRRD, raw or gzip";
        DataError::unexpected(
            self.path,
            format!("in an NRRD header, {expected}"),
            found,
            hint,
        )
    }

    pub(super) fn field(&self, name: &str) -> Result<&str, DataError> {
        let found = self.fields.get(name).map(String::as_str);
        found.ok_or_else(|| self.wrong(&format!("the field '{name}'"), "none"))
    }

    /// The numbers of a field, separated by whitespace.
    pub(super) fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, DataError> {
        let Some(text) = self.fields.get(name) else {
            return Ok(None);
        };
        let parsed: Option<Vec<f64>> = text
            .split_whitespace()
            .map(|part| part.parse().ok())
            .collect();
        let wrong = || self.wrong(&format!("numbers as '{name}'"), &format!("'{text}'"));
        parsed.map(Some).ok_or_else(wrong)
    }

    /// Lengths and file indices of the three volume axes; all other axes must have length 1, and so has a third that is
    /// missing, with the index after the last.
    fn shape(&self) -> Result<([usize; 3], [usize; 3]), DataError> {
        let text = self.field("sizes")?;
        let sizes: Option<Vec<usize>> = text
            .split_whitespace()
            .map(|side| side.parse().ok())
            .collect();
        let sizes =
            sizes.filter(|sizes| !sizes.contains(&0) && sizes.iter().all(|&side| side <= 32_767));
        let mut sizes = sizes
            .ok_or_else(|| self.wrong("sides of 1 to 32767 voxels", &format!("sizes {text}")))?;
        let mut axes: Vec<usize> = (0..sizes.len()).collect();
        if self.fields.contains_key("space directions") {
            axes.retain(|&axis| self.direction_text(axis).is_some_and(|text| text != "none"));
        }
        // Without directions, the extra axes of length 1 may be anywhere.
        while axes.len() > 3 {
            let Some(single) = axes.iter().rposition(|&axis| sizes[axis] == 1) else {
                break;
            };
            axes.remove(single);
        }
        let product = |all: usize, side: &usize| all.checked_mul(*side);
        let Some(all) = sizes.iter().try_fold(1, product) else {
            return Err(self.wrong("fewer voxels", &format!("sizes {text}")));
        };
        // One slice, along an axis that the file does not have.
        let dimension = self.fields.get("dimension").map(|text| text.parse());
        if axes.len() == 2 && dimension == Some(Ok(sizes.len())) {
            axes.push(sizes.len());
            sizes.push(1);
        }
        match <[usize; 3]>::try_from(axes) {
            Ok(axes) if axes.map(|axis| sizes[axis]).iter().product::<usize>() == all => {
                Ok((axes.map(|axis| sizes[axis]), axes))
            }
            _ => Err(self.wrong(
                "a volume of three axes, others of length 1, or one slice of two axes",
                &format!("sizes {text}"),
            )),
        }
    }

    /// Whether the file has an axis of this index.
    pub(super) fn has_axis(&self, axis: usize) -> bool {
        let sizes = self
            .fields
            .get("sizes")
            .map(|text| text.split_whitespace().count());
        sizes.is_some_and(|count| axis < count)
    }
}

/// Names of fields that some programs write without their space.
const SPACED: [&str; 8] = [
    "data file",
    "line skip",
    "byte skip",
    "space directions",
    "space origin",
    "space units",
    "axis mins",
    "axis maxs",
];

/// The name of a field with its space.
fn spaced(name: &str) -> String {
    let known = SPACED.iter().find(|known| known.replace(' ', "") == name);
    known.map_or(name, |known| known).to_string()
}
