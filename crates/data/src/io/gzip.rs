//! Decompression of gzip files as other programs do it.

use std::io::{BufRead, Read, Result};

use flate2::bufread::GzDecoder;

/// First bytes of a gzip file.
pub(super) const MAGIC: &[u8] = &[0x1f, 0x8b];

/// Deflate shrinks at most 1032-fold, which limits the size that a corrupt header can claim.
pub(super) const MOST_FOLD: u64 = 1032;

/// Decompresses one gzip member after another, passes over zeros between them, and stops at other bytes.
///
/// Tapes and some archives pad members with zeros, and downloads may have other bytes at their end, of which even the
/// first two may be those of gzip; nibabel and ITK read such files too. The checksum of each member is verified.
pub(super) struct GzipReader<R> {
    member: Option<GzDecoder<R>>,
    /// Whether bytes that start no sound member are allowed: after the first member, before anything of the present one.
    may_end: bool,
}

impl<R: BufRead> GzipReader<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            member: Some(GzDecoder::new(file)),
            may_end: false,
        }
    }

    /// The next member after one that has ended, if there is one.
    fn advance(&mut self) -> Result<()> {
        let Some(mut file) = self.member.take().map(GzDecoder::into_inner) else {
            return Ok(());
        };
        loop {
            let rest = file.fill_buf()?;
            match rest.iter().position(|&byte| byte != 0) {
                None if rest.is_empty() => return Ok(()),
                None => {
                    let zeros = rest.len();
                    file.consume(zeros);
                }
                Some(zeros) => {
                    let starts = rest[zeros] == MAGIC[0];
                    file.consume(zeros);
                    self.member = starts.then(|| GzDecoder::new(file));
                    self.may_end = true;
                    return Ok(());
                }
            }
        }
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            let Some(member) = &mut self.member else {
                return Ok(0);
            };
            match member.read(into) {
                Ok(0) if !into.is_empty() => self.advance()?,
                Ok(count) => {
                    self.may_end &= count == 0;
                    return Ok(count);
                }
                // If these bytes were part of the data, its end is missing, which is an error of its own.
                Err(_) if self.may_end => self.member = None,
                Err(error) => return Err(error),
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
        let magic = b"\x1f\x8bjunk";
        for rest in [
            &[0; 600][..],
            b"padding",
            &[0x1e],
            &[0x1f],
            magic,
            b"\0\0\x1f\x8b\x08",
        ] {
            assert_eq!(read(&[&two, rest].concat()).unwrap(), "one two");
        }
        let apart = [member("one "), vec![0; 600], member("two"), vec![0; 3]].concat();
        assert_eq!(read(&apart).unwrap(), "one two");
        // A buffer may end anywhere.
        for capacity in 1..40 {
            let mut text = String::new();
            let file = std::io::BufReader::with_capacity(capacity, &*apart);
            GzipReader::new(file).read_to_string(&mut text).unwrap();
            assert_eq!(text, "one two", "{capacity}");
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
        // In a second member too: an error, or less than there was.
        let whole = read(&sound).unwrap().repeat(2);
        for at in 0..sound.len() {
            let mut second = sound.clone();
            second[at] ^= 0xff;
            let cut = [&sound, &sound[..at]].concat();
            for bytes in [[sound.clone(), second].concat(), cut] {
                let kept = read(&bytes).is_ok_and(|text| text == whole);
                // The time, the flags and the system in the header say nothing about the data.
                assert!(!kept || (4..10).contains(&at), "{at}");
            }
        }
    }
}
