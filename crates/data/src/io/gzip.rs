//! Decompression of gzip files as other programs do it.

use std::io::{BufRead, Read, Result};

use flate2::bufread::GzDecoder;

/// First bytes of a gzip file.
pub(super) const MAGIC: &[u8] = &[0x1f, 0x8b];

/// Deflate shrinks at most 1032-fold, which limits the size that a corrupt header can claim.
pub(super) const MOST_FOLD: u64 = 1032;

/// Decompresses one gzip member after another and stops at the first byte that starts none.
///
/// Tapes and some archives pad files with zeros, and downloads may have other bytes at their end; zlib and Python
/// ignore them too. The checksum of each member is verified.
pub(super) struct GzipReader<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipReader<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            member: Some(GzDecoder::new(file)),
        }
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            let Some(member) = &mut self.member else {
                return Ok(0);
            };
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            let Some(mut file) = self.member.take().map(GzDecoder::into_inner) else {
                return Ok(0);
            };
            let rest = file.fill_buf()?;
            // The buffer may end between the two bytes.
            if rest.starts_with(MAGIC) || rest == &MAGIC[..1] {
                self.member = Some(GzDecoder::new(file));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn member(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<String> {
        let mut text = String::new();
        GzipReader::new(bytes).read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn members_follow_one_another_and_the_rest_is_ignored() {
        let two = [member("one "), member(""), member("two")].concat();
        assert_eq!(read(&two).unwrap(), "one two");
        for rest in [&[0; 600][..], b"padding", &[0x1e]] {
            assert_eq!(read(&[&two, rest].concat()).unwrap(), "one two");
        }
    }

    #[test]
    fn damage_within_a_member_is_an_error() {
        let mut bytes = member("a text of some length, a text of some length");
        let sound = bytes.clone();
        let checksum = bytes.len() - 8;
        bytes[checksum] ^= 1;
        assert!(read(&bytes).is_err());
        for length in [5, sound.len() / 2, sound.len() - 1] {
            assert!(read(&sound[..length]).is_err(), "{length}");
        }
    }
}
