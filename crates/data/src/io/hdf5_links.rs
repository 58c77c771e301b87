//! Links of HDF5 files to data sets elsewhere, which are not followed but named.
//!
//! The library lists hard links alone. Soft and external ones are found by their bytes, and only for a message: a file
//! without the wanted data set may have a link of its name.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::DataError;

/// Maximum number of bytes of a file that are searched.
const SEARCHED: u64 = 1 << 28;

/// Kinds of links in messages, where a hard one is 0.
const SOFT: u8 = 1;
const EXTERNAL: u8 = 64;

/// The kind of entries that are soft links, in the tables of old files.
const OLD_SOFT: u32 = 2;

/// Size of an entry of these tables.
const ENTRY: usize = 40;

/// A link that is not followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Link {
    Soft { target: String },
    External { file: String, target: String },
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Soft { target } => write!(f, "a soft link of this name to `{target}`"),
            Self::External { file, target } => {
                write!(f, "an external link of this name to `{target}` in `{file}`")
            }
        }
    }
}

impl Link {
    /// Finds a link of this name in a file.
    pub(super) fn find(path: &Path, name: &str) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(SEARCHED).read_to_end(&mut bytes).ok()?;
        in_messages(&bytes, name).or_else(|| in_tables(&bytes, name))
    }

    /// An error about this link of a name in place of what was `expected` there.
    pub(super) fn refused(&self, path: &Path, name: &str, expected: String) -> DataError {
        let hint = match self {
            Self::Soft { target } => format!(
                "soft links are not followed: replace it by a hard one, in h5py `del file[\"{name}\"]; file[\"{name}\"] = \
                 file[\"{target}\"]`"
            ),
            Self::External { .. } => {
                "external links are not followed: copy the data set into this file, in h5py with `file.copy`".into()
            }
        };
        DataError::unexpected(path, expected, self.to_string(), hint)
    }
}

/// Finds a link in the messages that describe links in new files.
fn in_messages(bytes: &[u8], name: &str) -> Option<Link> {
    places(bytes, name.as_bytes()).find_map(|at| {
        let kind = kind_before(&bytes[..at], name.len())?;
        let value = sized(&bytes[at + name.len()..])?;
        match kind {
            SOFT => Some(Link::Soft {
                target: text(value),
            }),
            EXTERNAL => {
                // A byte of flags, and two texts that each end with 0.
                let mut texts = value.get(1..)?.split(|&byte| byte == 0);
                let (file, target) = (text(texts.next()?), text(texts.next()?));
                Some(Link::External { file, target })
            }
            _ => None,
        }
    })
}

/// The kind of link by the fields before its name of this length; `None` if they are none of a link.
fn kind_before(bytes: &[u8], length: usize) -> Option<u8> {
    // Each field but the first two is optional, and bits of the second say which are there.
    let layouts = (0..16u8).map(|bits| (bits & 3, bits & 4 != 0, bits & 8 != 0));
    layouts.into_iter().find_map(|(width, ordered, encoded)| {
        let (before, size) = bytes.split_at_checked(bytes.len().checked_sub(1 << width)?)?;
        let stated = size
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        let skipped = 8 * usize::from(ordered) + usize::from(encoded);
        let before = before.get(..before.len().checked_sub(skipped)?)?;
        let &[.., version, flags, kind] = before else {
            return None;
        };
        let expected = 0x08 | width | u8::from(ordered) << 2 | u8::from(encoded) << 4;
        (stated == length as u64 && version == 1 && flags == expected).then_some(kind)
    })
}

/// The value after its length of two bytes.
fn sized(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.get(..u16::from_le_bytes(*length).into())
}

/// Finds a soft link in the tables of old files, whose names lie in a heap.
fn in_tables(bytes: &[u8], name: &str) -> Option<Link> {
    let heaps = places(bytes, b"HEAP").filter_map(|at| {
        let start = u64::from_le_bytes(*bytes.get(at + 24..)?.first_chunk()?);
        bytes.get(usize::try_from(start).ok()?..)
    });
    let heaps: Vec<&[u8]> = heaps.collect();
    let entries = places(bytes, b"SNOD").flat_map(|at| {
        let count = bytes
            .get(at + 6..at + 8)
            .map_or(0, |n| u16::from_le_bytes([n[0], n[1]]));
        let entries = bytes.get(at + 8..).unwrap_or_default().chunks_exact(ENTRY);
        entries.take(count.into())
    });
    let number = |entry: &[u8], at: usize| {
        let bytes = entry.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    };
    entries
        .filter(|entry| number(entry, 16) == Some(OLD_SOFT))
        .find_map(|entry| {
            let (at, target) = (number(entry, 0)? as usize, number(entry, 24)? as usize);
            let named = |heap: &&&[u8]| until_zero(heap.get(at..)) == Some(name.as_bytes());
            let heap = heaps.iter().find(named)?;
            let target = text(until_zero(heap.get(target..))?);
            Some(Link::Soft { target })
        })
}

fn until_zero(bytes: Option<&[u8]>) -> Option<&[u8]> {
    bytes?.split(|&byte| byte == 0).next()
}

/// Where some bytes occur.
fn places<'a>(bytes: &'a [u8], wanted: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = bytes.windows(wanted.len().max(1)).enumerate();
    windows.filter_map(move |(at, window)| (window == wanted).then_some(at))
}

/// A text of at most 200 letters for a message.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
