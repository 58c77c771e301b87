//! Encodings of text files and file names.

use std::path::Path;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::DataError;

/// Reads a text file in UTF-8, with or without a byte order mark.
pub(crate) fn read(path: &Path) -> Result<String, DataError> {
    let bytes = std::fs::read(path).map_err(DataError::io("read", path))?;
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let found = match utf16 || bytes.contains(&0) {
        true => "UTF-16, as Windows PowerShell writes it",
        false => "another encoding",
    };
    let wrong = || DataError::unexpected(path, "text in UTF-8", found, "save it as UTF-8");
    if utf16 {
        return Err(wrong());
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_string()),
        None => Ok(text),
    }
}

/// A name with composed letters: macOS stores `ü` as `u` and two dots, other systems as one letter.
pub(crate) fn composed(name: &str) -> String {
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
            read(file.path()).map_err(|error| error.to_string())
        };
        assert_eq!(of(b"\xef\xbb\xbf{}").unwrap(), "{}");
        assert_eq!(of("Fälle".as_bytes()).unwrap(), "Fälle");
        for bytes in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}"] {
            assert!(of(bytes).unwrap_err().contains("UTF-16"));
        }
        assert!(of(b"F\xe4lle").unwrap_err().contains("another encoding"));
    }

    #[test]
    fn letters_are_composed() {
        assert_eq!(composed("Mu\u{308}ller"), "M\u{fc}ller");
        assert_eq!(composed("plain"), "plain");
    }
}
