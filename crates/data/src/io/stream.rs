//! Files as formats read them: lines of text headers, compressed and plain bytes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::ZlibDecoder;

use super::gzip::{self, GzipReader};
use super::raw::{Raw, VoxelLayout, spare_buffer};
use crate::DataError;

/// Maximum length of a line of a text header.
const LONGEST_LINE: u64 = 1 << 16;

/// An open file.
pub(super) struct Opened<'a> {
    pub(super) path: &'a Path,
    pub(super) file: BufReader<File>,
    /// Number of bytes from the present position to the end.
    pub(super) stored: u64,
}

impl<'a> Opened<'a> {
    /// Opens `path`, which was expected to be `expected`.
    pub(super) fn new(path: &'a Path, expected: &str) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => DataError::missing(path, expected, "check the path"),
            _ => DataError::io("read", path)(error),
        })?;
        let about = file.metadata().map_err(DataError::io("read", path))?;
        if about.is_dir() {
            let hint = "move the file out of the folder and remove the folder";
            return Err(DataError::unexpected(path, expected, "a folder", hint));
        }
        let file = BufReader::with_capacity(1 << 16, file);
        let stored = about.len();
        Ok(Self { path, file, stored })
    }

    /// Opens a file that `header` names as the one with its voxels.
    pub(super) fn voxels_of(header: &Path, path: &'a Path) -> Result<Self, DataError> {
        let in_header = |source| DataError::InFile {
            file: header.display().to_string(),
            source: Box::new(source),
        };
        Self::new(path, "the file with the voxels of this header").map_err(in_header)
    }

    /// The first bytes of the file, without reading past them.
    pub(super) fn start(&mut self) -> Result<&[u8], DataError> {
        self.file
            .fill_buf()
            .map_err(DataError::io("read", self.path))
    }

    /// The next line of a text header, without its end; `None` at the end of the file.
    pub(super) fn line(&mut self) -> Result<Option<String>, DataError> {
        let mut line = Vec::new();
        let file = self.file.by_ref().take(LONGEST_LINE);
        let read = { file }.read_until(b'\n', &mut line);
        let read = read.map_err(DataError::io("read", self.path))?;
        self.stored = self.stored.saturating_sub(read as u64);
        let text = String::from_utf8_lossy(&line);
        match read {
            0 => Ok(None),
            _ => Ok(Some(text.trim_end().to_string())),
        }
    }

    /// The content, decompressed if it is gzip.
    pub(super) fn decompressed(mut self) -> Result<Stream<'a>, DataError> {
        match self.start()?.starts_with(gzip::MAGIC) {
            true => Ok(self.gunzipped()),
            false => Ok(self.plain()),
        }
    }

    /// The content as it is stored.
    pub(super) fn plain(self) -> Stream<'a> {
        Stream::new(self.path, self.file, self.stored)
    }

    /// The decompressed content of a file that is compressed without gzip's header.
    pub(super) fn inflated(self) -> Stream<'a> {
        let most = self.stored.saturating_mul(gzip::MOST_FOLD);
        Stream::new(self.path, ZlibDecoder::new(self.file), most)
    }

    /// The decompressed content of a gzip file.
    pub(super) fn gunzipped(self) -> Stream<'a> {
        let most = self.stored.saturating_mul(gzip::MOST_FOLD);
        Stream::new(self.path, GzipReader::new(self.file), most)
    }
}

/// The bytes of a file from one position on.
pub(super) struct Stream<'a> {
    path: &'a Path,
    reader: Box<dyn Read + 'a>,
    /// Number of bytes read so far.
    read: u64,
    /// Maximum number of bytes in the file.
    most: u64,
}

impl<'a> Stream<'a> {
    pub(super) fn new(path: &'a Path, reader: impl Read + 'a, most: u64) -> Self {
        Self {
            path,
            reader: Box::new(reader),
            read: 0,
            most,
        }
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        self.fill(&mut bytes, count)?;
        Ok(bytes)
    }

    /// Reads the voxels described by `layout`, which are next.
    pub(super) fn voxels(mut self, layout: VoxelLayout) -> Result<Raw, DataError> {
        let voxels = layout.shape.iter().product::<usize>() as u64;
        let length = layout.channels as u64 * voxels * layout.voxel_type.size() as u64;
        let mut bytes = spare_buffer();
        let wanted = length.min(self.most) as usize;
        bytes.try_reserve_exact(wanted).map_err(|_| {
            DataError::unexpected(
                self.path,
                "a volume that fits into memory",
                format!("a header that announces {:?} voxels", layout.shape),
                "check the file's header, or use a machine with more memory",
            )
        })?;
        self.fill(&mut bytes, length)?;
        // The checksum is verified when the end of a compressed stream is read.
        std::io::copy(&mut self.reader, &mut std::io::sink())
            .map_err(|error| damaged(self.path, &error))?;
        Ok(Raw { bytes, layout })
    }

    /// Appends exactly `count` bytes to `into`.
    fn fill(&mut self, into: &mut Vec<u8>, count: u64) -> Result<(), DataError> {
        let before = self.read;
        let outcome = match before.saturating_add(count) > self.most {
            true => Ok(0),
            false => self.reader.by_ref().take(count).read_to_end(into),
        };
        let found = into.len() as u64;
        self.read += found;
        match outcome {
            Ok(_) if found == count => Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                Err(damaged(self.path, &error))
            }
            _ => {
                let left = std::io::copy(&mut self.reader, &mut std::io::sink()).unwrap_or(0);
                Err(DataError::Truncated {
                    path: self.path.to_path_buf(),
                    expected: before.saturating_add(count),
                    found: before + found + left,
                })
            }
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
