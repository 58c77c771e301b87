//! Encodings of text files and file names.

use std::path::Path;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::DataError;

/// Reads a text file in UTF-8, with or without a byte order mark.
pub(crate) fn read_text(path: &Path) -> Result<String, DataError> {
    let bytes = std::fs::read(path).map_err(DataError::io("read", path))?;
    let wrong = |found| DataError::unexpected(path, "text in UTF-8", found, "save it as UTF-8");
    if let Some(found) = other_encoding(&bytes) {
        return Err(wrong(found));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("another encoding"))?;
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_string()),
        None => Ok(text),
    }
}

/// The encoding of a text of more than one byte a letter, by its byte order mark or by the zero bytes of Latin letters.
fn other_encoding(bytes: &[u8]) -> Option<&'static str> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let half = pairs.iter().all(|pair| (pair[0] == 0) != (pair[1] == 0));
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16, as Windows PowerShell writes it"),
        _ if !bytes.contains(&0) => None,
        _ if rest.is_empty() && half => Some("UTF-16 without a byte order mark"),
        _ => {
            Some("zero bytes, as in UTF-16 without a byte order mark or in a file that is no text")
        }
    }
}

/// A name with composed letters: macOS stores `ü` as `u` and two dots, other systems as one letter.
///
/// # Examples
///
/// ```
/// assert_eq!(semivox_data::layout::composed("Mu\u{308}ller"), "M\u{fc}ller");
/// ```
pub fn composed(name: &str) -> String {
    match is_nfc(name) {
        true => name.to_string(),
        false => name.nfc().collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_byte_order_mark_is_dropped_and_utf_16_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            read_text(file.path()).map_err(|error| error.to_string())
        };
        assert_eq!(of(b"\xef\xbb\xbf{}").unwrap(), "{}");
        assert_eq!(of("Fälle".as_bytes()).unwrap(), "Fälle");
        for bytes in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}"] {
            assert!(of(bytes).unwrap_err().contains("UTF-16"));
        }
        for bytes in [&b"{\0}\0"[..], b"\0{\0}"] {
            let message = of(bytes).unwrap_err();
            assert!(
                message.contains("UTF-16 without a byte order mark;"),
                "{message}"
            );
        }
        assert!(of(b"{\0\0\0}").unwrap_err().contains("zero bytes"));
        assert!(of(b"F\xe4lle").unwrap_err().contains("another encoding"));
    }

    #[test]
    fn letters_are_composed() {
        assert_eq!(composed("Mu\u{308}ller"), "M\u{fc}ller");
        assert_eq!(composed("plain"), "plain");
    }
}
