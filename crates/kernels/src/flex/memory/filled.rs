//! Buffers that tasks fill in parallel.

use super::Buffer;
use rayon::prelude::*;

/// A pointer to an output that tasks write in disjoint parts.
#[derive(Clone, Copy)]
pub(crate) struct Target(*mut f32);

impl Target {
    /// Points to the start of a buffer.
    pub(crate) fn new(buffer: &mut [f32]) -> Self {
        Self(buffer.as_mut_ptr())
    }

    /// The address of an element.
    #[inline(always)]
    pub(crate) fn at(self, element: usize) -> *mut f32 {
        self.0.wrapping_add(element)
    }
}

// SAFETY: an address is harmless in any thread; every block that writes through it says why no other thread uses the
// same elements.
unsafe impl Send for Target {}
// SAFETY: a shared `Target` gives no more than a copy of it, which may be sent.
unsafe impl Sync for Target {}

/// Returns a buffer of `len` floats written by `fill`.
pub(crate) fn filled(len: usize, fill: impl FnOnce(Target)) -> Buffer {
    let mut out = Buffer::take(len);
    fill(Target::new(out.as_mut()));
    out
}

/// Returns a buffer of `rows` rows of `row` floats, filled in parallel.
///
/// `fill` gets the index of the row and the row, with unspecified contents.
pub(crate) fn filled_rows(
    rows: usize,
    row: usize,
    fill: impl Fn(usize, &mut [f32]) + Sync,
) -> Buffer {
    let mut out = Buffer::take(rows * row);
    let parts = out.as_mut().par_chunks_exact_mut(row).enumerate();
    parts.for_each(|(i, part)| fill(i, part));
    out
}

/// Floats per part.
pub(crate) const PART: usize = 64 * 1024;

/// Returns a buffer of `len` floats filled in parallel by `fill(first element, elements)`, whose contents
/// are unspecified before.
pub(crate) fn filled_parts(len: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Buffer {
    filled_pieces(len, PART, fill)
}

/// Returns a buffer as [`filled_parts`] does, in parts of `part` floats.
pub(crate) fn filled_pieces(
    len: usize,
    part: usize,
    fill: impl Fn(usize, &mut [f32]) + Sync,
) -> Buffer {
    let mut out = Buffer::take(len);
    let parts = out.as_mut().par_chunks_mut(part).enumerate();
    parts.for_each(|(i, floats)| fill(i * part, floats));
    out
}
