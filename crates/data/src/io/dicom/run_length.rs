//! RLE compression of pixels: a segment of run lengths for each byte of the voxels, the highest first.

/// Length of the table of segments.
const TABLE: usize = 64;

/// A run of two bytes stands for at most 128.
const MOST_FOLD: usize = 64;

/// Decompresses voxels of `size` bytes to little endian, or says what was wrong.
pub(super) fn decode(bytes: &[u8], voxels: usize, size: usize) -> Result<Vec<u8>, String> {
    let number = |at: usize| {
        let four = bytes.get(at..at + 4)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*four)).ok()
    };
    if number(0) != Some(size) || bytes.len() < TABLE {
        return Err(format!("run lengths without {size} segments"));
    }
    if voxels.saturating_mul(size) > bytes.len().saturating_mul(MOST_FOLD) {
        return Err(SHORT.into());
    }
    let mut out = vec![0; voxels * size];
    for segment in 0..size {
        let start = number(4 + 4 * segment).unwrap_or(0);
        let end = match segment + 1 < size {
            true => number(8 + 4 * segment).unwrap_or(0),
            false => bytes.len(),
        };
        let runs = bytes
            .get(start..end)
            .filter(|_| start >= TABLE)
            .ok_or("run lengths whose segments are out of place")?;
        let into = out.iter_mut().skip(size - 1 - segment).step_by(size);
        unpack(runs, into).ok_or(SHORT)?;
    }
    Ok(out)
}

const SHORT: &str = "run lengths for fewer voxels than the image has";

/// Fills `into`, or returns `None` if the runs end before it does.
fn unpack<'a>(mut runs: &[u8], mut into: impl Iterator<Item = &'a mut u8>) -> Option<()> {
    let mut next = into.next();
    while next.is_some() {
        let (&head, rest) = runs.split_first()?;
        // 128 is reserved and encodes nothing.
        if head == 128 {
            runs = rest;
            continue;
        }
        let (count, step) = match head {
            0..128 => (usize::from(head) + 1, 1),
            _ => (257 - usize::from(head), 0),
        };
        for index in 0..count {
            let Some(value) = next else { return Some(()) };
            *value = *rest.get(index * step)?;
            next = into.next();
        }
        runs = rest.get(if step == 0 { 1 } else { count }..)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(segments: &[&[u8]]) -> Vec<u8> {
        let mut table = vec![segments.len() as u32];
        let mut at = TABLE as u32;
        for segment in segments {
            table.push(at);
            at += segment.len() as u32;
        }
        table.resize(TABLE / 4, 0);
        let table = table.iter().flat_map(|number| number.to_le_bytes());
        table.chain(segments.concat()).collect()
    }

    #[test]
    fn runs_and_copies_of_two_segments_are_interleaved() {
        let bytes = packed(&[&[254, 1], &[128, 2, 7, 8, 9]]);
        assert_eq!(decode(&bytes, 3, 2), Ok(vec![7, 1, 8, 1, 9, 1]));
        // The padding of a segment to even length is no run.
        assert_eq!(decode(&packed(&[&[254, 5, 0]]), 3, 1), Ok(vec![5, 5, 5]));
    }

    #[test]
    fn what_does_not_fill_the_image_is_refused() {
        let error = |bytes: &[u8], voxels| decode(bytes, voxels, 1).expect_err("damaged");
        assert!(error(&packed(&[&[254, 5]]), 4).contains("fewer"));
        assert!(error(&packed(&[&[2, 5, 6]]), 3).contains("fewer"));
        assert!(error(&packed(&[&[254, 5]]), 1 << 40).contains("fewer"));
        assert!(error(&packed(&[&[254, 5], &[254, 5]]), 3).contains("1 segments"));
        let mut bytes = packed(&[&[254, 5]]);
        bytes[4] = 200;
        assert!(error(&bytes, 3).contains("out of place"));
    }
}
