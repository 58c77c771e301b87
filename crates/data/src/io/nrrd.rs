//! NRRD headers.
//!
//! Supported are the files of 3D Slicer, ITK and the 2018 atrial segmentation challenge: one file with
//! attached voxels, `raw` or `gzip`, with three axes of any length and further ones of length 1.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use nifti::NiftiType;

use super::header::{Raw, VoxelLayout};
use crate::{DataError, Geometry};

/// Magic bytes of NRRD files.
pub(super) const MAGIC: &[u8] = b"NRRD000";

/// Maximum length of a header line.
const LONGEST_LINE: u64 = 1 << 16;

/// Reads a file that starts with [`MAGIC`] and has `stored` bytes.
pub(super) fn read(path: &Path, mut file: impl BufRead, stored: u64) -> Result<Raw, DataError> {
    let header = Header::read(path, &mut file)?;
    let (shape, axes) = header.shape()?;
    let layout = VoxelLayout {
        shape,
        datatype: header.datatype()?,
        big_endian: header.big_endian()?,
        slope: 1.0,
        intercept: 0.0,
        geometry: header.geometry(axes)?,
    };
    // The bytes of the header are already consumed.
    let left = stored.saturating_sub(header.length);
    match header.field("encoding")? {
        "raw" => Raw::of_voxels(path, file, layout, left),
        // Deflate shrinks at most 1032-fold, which limits the size that a corrupt header can claim.
        "gzip" | "gz" => Raw::of_voxels(
            path,
            MultiGzDecoder::new(file),
            layout,
            left.saturating_mul(1032),
        ),
        other => Err(header.wrong("encoding raw or gzip", &format!("'{other}'"))),
    }
}

/// Header fields by name.
struct Header<'a> {
    path: &'a Path,
    fields: BTreeMap<String, String>,
    length: u64,
}

impl<'a> Header<'a> {
    /// Reads lines up to the first empty one.
    fn read(path: &'a Path, file: &mut impl BufRead) -> Result<Self, DataError> {
        let mut header = Self {
            path,
            fields: BTreeMap::new(),
            length: 0,
        };
        loop {
            let mut line = Vec::new();
            let read = file
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line);
            header.length += read.map_err(DataError::io("read", path))? as u64;
            if !line.ends_with(b"\n") {
                return Err(header.wrong("an empty line after the header", "the end of the file"));
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            match line.split_once(": ") {
                _ if line.is_empty() => break,
                // `key:=value` is a comment by the writing program.
                Some((name, value)) if !line.starts_with('#') && !name.contains(":=") => {
                    let (name, value) = (name.to_lowercase(), value.trim().to_string());
                    header.fields.insert(name, value);
                }
                _ => {}
            }
        }
        match header
            .fields
            .keys()
            .find(|name| ["data file", "datafile"].contains(&name.as_str()))
        {
            Some(_) => Err(header.wrong(
                "voxels in the same file",
                "a header whose voxels are in another (.nhdr)",
            )),
            None => header.check_skips().map(|()| header),
        }
    }

    fn check_skips(&self) -> Result<(), DataError> {
        let skips = ["line skip", "lineskip", "byte skip", "byteskip"];
        let skipped = |name: &&str| self.fields.get(*name).is_some_and(|value| value != "0");
        match skips.iter().find(|name| skipped(name)) {
            Some(name) => Err(self.wrong("voxels right after the header", &format!("a {name}"))),
            None => Ok(()),
        }
    }

    fn wrong(&self, expected: &str, found: &str) -> DataError {
        let hint = "export it as NIfTI, or as one NRRD file, raw or gzip";
        DataError::unexpected(
            self.path,
            format!("in an NRRD header, {expected}"),
            found,
            hint,
        )
    }

    fn field(&self, name: &str) -> Result<&str, DataError> {
        let found = self.fields.get(name).map(String::as_str);
        found.ok_or_else(|| self.wrong(&format!("the field '{name}'"), "none"))
    }

    /// The numbers of a field, separated by whitespace.
    fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, DataError> {
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

    /// Lengths and file indices of the three volume axes; all other axes must have length 1.
    fn shape(&self) -> Result<([usize; 3], [usize; 3]), DataError> {
        let text = self.field("sizes")?;
        let sizes: Option<Vec<usize>> = text
            .split_whitespace()
            .map(|side| side.parse().ok())
            .collect();
        let sizes =
            sizes.filter(|sizes| !sizes.contains(&0) && sizes.iter().all(|&side| side <= 32_767));
        let sizes = sizes
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
        let all: usize = sizes.iter().product();
        match <[usize; 3]>::try_from(axes) {
            Ok(axes) if axes.map(|axis| sizes[axis]).iter().product::<usize>() == all => {
                Ok((axes.map(|axis| sizes[axis]), axes))
            }
            _ => Err(self.wrong(
                "a volume of three axes, others of length 1",
                &format!("sizes {text}"),
            )),
        }
    }

    fn datatype(&self) -> Result<NiftiType, DataError> {
        let text = self.field("type")?;
        let plain = text
            .replace("_t", "")
            .replace("signed ", "s:")
            .replace("uns:", "u:");
        Ok(match plain.trim_start_matches("s:") {
            "char" if plain.starts_with("s:") => NiftiType::Int8,
            "int8" => NiftiType::Int8,
            "uchar" | "u:char" | "uint8" => NiftiType::Uint8,
            "short" | "short int" | "int16" => NiftiType::Int16,
            "ushort" | "u:short" | "u:short int" | "uint16" => NiftiType::Uint16,
            "int" | "int32" => NiftiType::Int32,
            "uint" | "u:int" | "uint32" => NiftiType::Uint32,
            "longlong" | "long long" | "long long int" | "int64" => NiftiType::Int64,
            "ulonglong" | "u:long long" | "u:long long int" | "uint64" => NiftiType::Uint64,
            "float" => NiftiType::Float32,
            "double" => NiftiType::Float64,
            _ => {
                return Err(self.wrong(
                    "integers or floats of up to 64 bits",
                    &format!("type '{text}'"),
                ));
            }
        })
    }

    fn big_endian(&self) -> Result<bool, DataError> {
        match self.fields.get("endian").map(String::as_str) {
            Some("little") => Ok(false),
            Some("big") => Ok(true),
            // Single bytes have no byte order.
            None if self.datatype()?.size_of() == 1 => Ok(false),
            other => Err(self.wrong("endian little or big", other.unwrap_or("none"))),
        }
    }

    /// The affine in the right-anterior-superior frame; without a space, from the spacings alone.
    fn geometry(&self, axes: [usize; 3]) -> Result<Geometry, DataError> {
        if !self.fields.contains_key("space directions") {
            let spacings = self.numbers("spacings")?.unwrap_or_default();
            let spacing = axes.map(|axis| spacings.get(axis).copied().unwrap_or(1.0));
            return self.checked(Geometry::from_spacing(spacing));
        }
        let signs = self.signs()?;
        let origin = match self.fields.get("space origin") {
            Some(text) => self.vector(text)?,
            None => [0.0; 3],
        };
        let mut geometry = Geometry::default();
        for (column, axis) in axes.into_iter().enumerate() {
            let text = self.direction_text(axis).unwrap_or_default();
            let direction = self.vector(text)?;
            (0..3).for_each(|row| geometry.affine[row][column] = signs[row] * direction[row]);
        }
        (0..3).for_each(|row| geometry.affine[row][3] = signs[row] * origin[row]);
        self.checked(geometry)
    }

    fn checked(&self, geometry: Geometry) -> Result<Geometry, DataError> {
        let sound = geometry.determinant().is_normal()
            && geometry.affine.as_flattened().iter().all(|x| x.is_finite());
        let rows = || format!("an affine of rows {:?}", &geometry.affine[..3]);
        sound
            .then_some(geometry)
            .ok_or_else(|| self.wrong("voxels of nonzero volume", &rows()))
    }

    /// Signs that convert the file's space to the right-anterior-superior frame in millimeters.
    fn signs(&self) -> Result<[f64; 3], DataError> {
        if let Some(units) = self.fields.get("space units") {
            let other = units
                .split_whitespace()
                .find(|unit| !["\"mm\"", "\"\""].contains(unit));
            if other.is_some() {
                return Err(self.wrong("space units of mm", units));
            }
        }
        match self.field("space")?.to_lowercase().as_str() {
            "left-posterior-superior" | "lps" => Ok([-1.0, -1.0, 1.0]),
            "left-anterior-superior" | "las" => Ok([-1.0, 1.0, 1.0]),
            "right-anterior-superior" | "ras" => Ok([1.0; 3]),
            other => Err(self.wrong(
                "space left-posterior-superior, left-anterior-superior or right-anterior-superior",
                other,
            )),
        }
    }

    /// The direction of one of the file's axes, `(x,y,z)` or `none`.
    fn direction_text(&self, axis: usize) -> Option<&str> {
        let text = self.fields.get("space directions")?;
        let mut rest = text.trim();
        for skipped in 0.. {
            let end = match rest.starts_with('(') {
                true => rest.find(')')? + 1,
                false => rest.find(' ').unwrap_or(rest.len()),
            };
            if skipped == axis || end == 0 {
                return (end > 0).then_some(&rest[..end]);
            }
            rest = rest[end..].trim_start();
        }
        None
    }

    /// Parses `(x,y,z)`.
    fn vector(&self, text: &str) -> Result<[f64; 3], DataError> {
        let inner = text
            .trim()
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'));
        let parsed: Option<Vec<f64>> =
            inner.and_then(|text| text.split(',').map(|x| x.trim().parse().ok()).collect());
        let parsed = parsed.and_then(|parsed| parsed.try_into().ok());
        parsed.ok_or_else(|| self.wrong("vectors such as (1,0,0)", &format!("'{text}'")))
    }
}
