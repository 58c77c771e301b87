//! Raw voxels of a file, and the parsed NIfTI-1 header.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use nifti::{Endianness, NiftiHeader, NiftiType};

use super::{affine, nrrd};
use crate::{DataError, Geometry};

/// Length of a NIfTI-1 header in bytes.
pub(super) const HEADER_LEN: usize = 348;

/// Raw voxels of a file and their layout.
pub(super) struct Raw {
    pub(super) bytes: Vec<u8>,
    pub(super) layout: VoxelLayout,
}

/// Layout of the stored voxels, as described by the header.
pub(super) struct VoxelLayout {
    pub(super) shape: [usize; 3],
    pub(super) datatype: NiftiType,
    pub(super) big_endian: bool,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) geometry: Geometry,
}

thread_local! {
    /// Buffer of the thread's previous file, reused because allocating fresh pages for each file of a
    /// series takes a considerable share of the time.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Maximum size of the buffer that is kept.
const SPARE_MOST: usize = 64 << 20;

impl Drop for Raw {
    fn drop(&mut self) {
        if self.bytes.capacity() <= SPARE_MOST {
            SPARE.set(std::mem::take(&mut self.bytes));
        }
    }
}

impl Raw {
    /// Reads a `.nii`, `.nii.gz` or `.nrrd` file; format and compression are detected by the content.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                DataError::missing(path, "a NIfTI or NRRD file", "check the path")
            }
            _ => DataError::io("read", path)(error),
        })?;
        let stored = file.metadata().map_err(DataError::io("read", path))?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        let start = file.fill_buf().map_err(DataError::io("read", path))?;
        if start.starts_with(nrrd::MAGIC) {
            nrrd::read(path, file, stored)
        } else if start.starts_with(&[0x1f, 0x8b]) {
            // Deflate shrinks at most 1032-fold, which limits the size that a corrupt header can claim.
            Self::from_reader(path, MultiGzDecoder::new(file), stored.saturating_mul(1032))
        } else {
            Self::from_reader(path, file, stored)
        }
    }

    fn from_reader(path: &Path, mut reader: impl Read, most: u64) -> Result<Self, DataError> {
        let mut head = Vec::with_capacity(HEADER_LEN);
        fill(path, &mut reader, &mut head, HEADER_LEN as u64, 0, most)?;
        let header = parse(path, &head)?;
        let (shape, datatype) = (shape(path, &header)?, datatype(path, &header)?);
        let gap = offset(path, &header)? - HEADER_LEN as u64;
        fill(
            path,
            &mut reader,
            &mut Vec::new(),
            gap,
            HEADER_LEN as u64,
            most,
        )?;
        let (slope, intercept) = scaling(&header);
        let layout = VoxelLayout {
            shape,
            datatype,
            big_endian: header.endianness == Endianness::Big,
            slope,
            intercept,
            geometry: affine::from_header(path, &header)?,
        };
        Self::after(path, reader, layout, HEADER_LEN as u64 + gap, most)
    }

    /// Reads the voxels described by `layout`, from a source of at most `most` bytes.
    pub(super) fn of_voxels(
        path: &Path,
        reader: impl Read,
        layout: VoxelLayout,
        most: u64,
    ) -> Result<Self, DataError> {
        Self::after(path, reader, layout, 0, most)
    }

    /// Like [`of_voxels`](Self::of_voxels), after `before` bytes of the same stream.
    fn after(
        path: &Path,
        mut reader: impl Read,
        layout: VoxelLayout,
        before: u64,
        most: u64,
    ) -> Result<Self, DataError> {
        let voxels = layout.shape.iter().product::<usize>() as u64;
        let length = voxels * layout.datatype.size_of() as u64;
        let mut bytes = SPARE.take();
        bytes.clear();
        let wanted = length.min(most) as usize;
        bytes.try_reserve_exact(wanted).map_err(|_| {
            DataError::unexpected(
                path,
                "a volume that fits into memory",
                format!("a header that announces {:?} voxels", layout.shape),
                "check the file's header, or use a machine with more memory",
            )
        })?;
        fill(path, &mut reader, &mut bytes, length, before, most)?;
        // The checksum is verified when the end of a compressed stream is read.
        std::io::copy(&mut reader, &mut std::io::sink()).map_err(|error| damaged(path, &error))?;
        Ok(Self { bytes, layout })
    }
}

/// Appends exactly `count` bytes to `into`, after `before` bytes of the stream.
fn fill(
    path: &Path,
    reader: &mut impl Read,
    into: &mut Vec<u8>,
    count: u64,
    before: u64,
    most: u64,
) -> Result<(), DataError> {
    let outcome = if before + count > most {
        Ok(0)
    } else {
        reader.by_ref().take(count).read_to_end(into)
    };
    let found = into.len() as u64;
    match outcome {
        Ok(_) if found == count => Ok(()),
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(damaged(path, &error))
        }
        _ => {
            let left = std::io::copy(reader, &mut std::io::sink()).unwrap_or(0);
            Err(DataError::Truncated {
                path: path.to_path_buf(),
                expected: before + count,
                found: before + found + left,
            })
        }
    }
}

fn damaged(path: &Path, error: &std::io::Error) -> DataError {
    DataError::unexpected(
        path,
        "an intact file",
        error.to_string(),
        "copy or download it again",
    )
}

fn parse(path: &Path, bytes: &[u8]) -> Result<NiftiHeader, DataError> {
    let not_nifti =
        |found: &str, hint: &str| DataError::unexpected(path, "a NIfTI-1 file", found, hint);
    let size: [u8; 4] = std::array::from_fn(|i| bytes[i]);
    if i32::from_le_bytes(size) == 540 || i32::from_be_bytes(size) == 540 {
        return Err(not_nifti("NIfTI-2", "convert it to NIfTI-1"));
    }
    let header = NiftiHeader::from_reader(bytes)
        .map_err(|_| not_nifti("other content", "convert it to .nii or .nii.gz"))?;
    match &header.magic {
        b"n+1\0" => Ok(header),
        _ => Err(not_nifti(
            "a header apart from its voxels (.hdr and .img)",
            "convert it to one .nii file",
        )),
    }
}

/// The first three axes; missing axes have length 1, and further axes must have length 1.
fn shape(path: &Path, header: &NiftiHeader) -> Result<[usize; 3], DataError> {
    let rank = usize::from(header.dim[0]);
    let dims = &header.dim[1..=rank.min(7)];
    let wrong = |hint: &str| {
        DataError::unexpected(
            path,
            "a volume of three axes",
            format!("shape {dims:?}"),
            hint,
        )
    };
    if rank == 0 || dims.iter().any(|&d| d == 0 || d > 32767) {
        return Err(wrong("export it again"));
    }
    if dims.iter().skip(3).any(|&d| d != 1) {
        return Err(wrong("split it into one file per time point or channel"));
    }
    Ok(std::array::from_fn(|axis| {
        dims.get(axis).map_or(1, |&d| usize::from(d))
    }))
}

fn datatype(path: &Path, header: &NiftiHeader) -> Result<NiftiType, DataError> {
    use NiftiType::*;
    match header.data_type() {
        Ok(
            t @ (Uint8 | Int8 | Uint16 | Int16 | Uint32 | Int32 | Uint64 | Int64 | Float32
            | Float64),
        ) => Ok(t),
        other => {
            let found = other.map_or(format!("type code {}", header.datatype), |t| {
                format!("{t:?}")
            });
            Err(DataError::unexpected(
                path,
                "voxels that are integers or floats of up to 64 bits",
                found,
                "convert it to one of those",
            ))
        }
    }
}

/// The offset of the voxels: `vox_offset`, at least the length of the header.
fn offset(path: &Path, header: &NiftiHeader) -> Result<u64, DataError> {
    let offset = header.vox_offset;
    if !offset.is_finite() || offset > 1e9 {
        return Err(DataError::unexpected(
            path,
            "voxels after the header",
            format!("voxel offset {offset}"),
            "export it again",
        ));
    }
    // Writers that set the offset to 0 place the voxels after the extension flag.
    Ok(if offset < HEADER_LEN as f32 {
        HEADER_LEN as u64 + 4
    } else {
        offset as u64
    })
}

/// Slope and intercept; a slope of 0 or NaN means no scaling.
fn scaling(header: &NiftiHeader) -> (f64, f64) {
    let (slope, intercept) = (f64::from(header.scl_slope), f64::from(header.scl_inter));
    if slope == 0.0 || !slope.is_finite() {
        return (1.0, 0.0);
    }
    (
        slope,
        if intercept.is_finite() {
            intercept
        } else {
            0.0
        },
    )
}
