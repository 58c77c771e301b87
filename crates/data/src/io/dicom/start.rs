//! The start of DICOM files, with and without their mark.

use std::path::Path;

use super::super::stream::Opened;
use super::syntax::{BIG_ENDIAN, EXPLICIT, IMPLICIT};
use super::tags::LONG;

/// Magic bytes of a DICOM file, after the [`PREAMBLE`].
const MARK: &[u8] = b"DICM";

/// Number of bytes before the mark, of no meaning here.
const PREAMBLE: usize = 128;

/// Groups of elements with which a file without the mark may begin.
const FIRST_GROUPS: [u32; 2] = [2, 8];

/// Maximum length of the first values of a file without the mark.
const LONGEST: u32 = 1 << 10;

/// The first group of an image in the other byte order.
const SWAPPED: u16 = 0x0400;

/// Whether a file starts as DICOM files do.
pub(crate) fn is_dicom(start: &[u8]) -> bool {
    before_elements(start).is_some()
}

/// Whether a file starts as DICOM files do.
pub(crate) fn is_dicom_file(path: &Path) -> bool {
    let file = Opened::new(path, "a file");
    file.is_ok_and(|mut file| file.start().is_ok_and(is_dicom))
}

/// Number of bytes before the first element: none in files without preamble and mark, as old programs write them.
pub(super) fn before_elements(start: &[u8]) -> Option<u32> {
    let marked = start.get(PREAMBLE..PREAMBLE + MARK.len()) == Some(MARK);
    match marked {
        true => Some((PREAMBLE + MARK.len()) as u32),
        false => is_bare(start).then_some(0),
    }
}

/// Whether bytes begin with three data elements in the order of their tags.
fn is_bare(start: &[u8]) -> bool {
    let (mut rest, mut last) = (start, None);
    for _ in 0..3 {
        let Some((tag, after)) = element(rest) else {
            return false;
        };
        let fits = match last {
            None => FIRST_GROUPS.contains(&(tag >> 16)),
            Some(last) => tag > last && tag >> 16 <= 8,
        };
        if !fits {
            return false;
        }
        (rest, last) = (after, Some(tag));
    }
    true
}

/// The tag of an element with a short value of even length, in little endian, and the bytes after the value.
fn element(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let [a, b, c, d, kind @ .., e, f] = *head;
    let (group, number) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    let (length, rest) = match (is_kind(kind), LONG.contains(&kind)) {
        (true, false) => (u16::from_le_bytes([e, f]).into(), rest),
        (true, true) => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            (u32::from_le_bytes(*length), rest)
        }
        (false, _) => (u32::from_le_bytes([kind[0], kind[1], e, f]), rest),
    };
    let value = (length <= LONGEST && length % 2 == 0).then_some(length as usize)?;
    Some((
        u32::from(group) << 16 | u32::from(number),
        rest.get(value..)?,
    ))
}

fn is_kind(kind: [u8; 2]) -> bool {
    kind.iter().all(u8::is_ascii_uppercase)
}

/// The transfer syntax that elements have, which a file does not name, as pydicom decides it: by whether the first one
/// states its type.
pub(super) fn guessed_syntax(elements: &[u8]) -> &'static str {
    match elements {
        [a, b, _, _, kind @ ..] if kind.len() >= 2 && is_kind([kind[0], kind[1]]) => {
            match u16::from_le_bytes([*a, *b]) < SWAPPED {
                true => EXPLICIT,
                false => BIG_ENDIAN,
            }
        }
        _ => IMPLICIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_the_mark_are_known_by_their_first_elements() {
        let explicit =
            b"\x08\0\x05\0CS\x04\0ISO \x08\0\x08\0CS\x02\0A \x08\0\x16\0UI\x02\x001\0rest";
        let implicit =
            b"\x08\0\x05\0\x04\0\0\0ISO \x08\0\x08\0\x02\0\0\0A \x08\0\x16\0\x02\0\0\x001\0rest";
        assert_eq!(before_elements(explicit), Some(0));
        assert_eq!(before_elements(implicit), Some(0));
        assert_eq!(
            (guessed_syntax(explicit), guessed_syntax(implicit)),
            (EXPLICIT, IMPLICIT)
        );
        assert_eq!(guessed_syntax(b"\0\x08\0\x05CS\0\x04ISO "), BIG_ENDIAN);
        let marked = [&[0; 128][..], b"DICM"].concat();
        assert_eq!(before_elements(&marked), Some(132));
        // Elements in another order, cut short, or of another group.
        for other in [
            &implicit[12..],
            &explicit[..20],
            b"\x10\0\x10\0",
            b"\x5c\x01\0\0",
            &[0; 600],
            b"",
        ] {
            assert_eq!(before_elements(other), None);
        }
        let mut swapped = explicit.to_vec();
        swapped[2] = 9;
        assert_eq!(before_elements(&swapped), None);
    }
}
