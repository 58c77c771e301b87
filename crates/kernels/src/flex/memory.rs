//! Buffers: scratch that is reused from call to call, and outputs written by many threads.

use rayon::prelude::*;
use std::ops::Deref;
use std::sync::Mutex;

/// Scratch buffers waiting for their next use.
static POOL: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Buffers the pool keeps at most: a backward pass holds two volumes at once, a thread two blocks.
const POOLED: usize = 8;

/// A scratch buffer that goes back to the pool when dropped.
///
/// Fresh pages cost more than the copy into them, so they are kept.
pub(crate) struct Scratch {
    buffer: Vec<f32>,
    len: usize,
}

impl Scratch {
    /// A buffer of `len` floats with unspecified contents.
    pub(crate) fn take(len: usize) -> Self {
        let mut pool = POOL.lock().unwrap_or_else(|broken| broken.into_inner());
        let best = (0..pool.len()).min_by_key(|&i| {
            let size = pool[i].len();
            (size < len, size.abs_diff(len))
        });
        let mut buffer = best.map(|i| pool.swap_remove(i)).unwrap_or_default();
        drop(pool);
        if buffer.len() < len {
            buffer = vec![0.0; len];
        }
        Self { buffer, len }
    }

    /// The buffer, to write into.
    pub(crate) fn as_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.len]
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[..self.len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(|broken| broken.into_inner());
        if pool.len() < POOLED {
            pool.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// A pointer into an output of which every task writes its own part.
#[derive(Clone, Copy)]
pub(crate) struct Target(*mut f32);

impl Target {
    /// The start of a buffer.
    pub(crate) fn new(buffer: &mut [f32]) -> Self {
        Self(buffer.as_mut_ptr())
    }

    /// The address of an element.
    #[inline(always)]
    pub(crate) fn at(self, element: usize) -> *mut f32 {
        self.0.wrapping_add(element)
    }
}

// SAFETY: the pointer is only written through, and tasks write disjoint elements.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

/// A vector of `len` floats that `fill` writes completely through the pointer it gets.
///
/// # Safety
///
/// `fill` must write all `len` elements and none beyond.
pub(crate) unsafe fn filled(len: usize, fill: impl FnOnce(Target)) -> Vec<f32> {
    let mut out = Vec::<f32>::with_capacity(len);
    fill(Target(out.as_mut_ptr()));
    // SAFETY: the caller promises that the first `len` elements are written.
    unsafe { out.set_len(len) };
    out
}

/// A vector of `rows` rows of `row` floats, the rows filled in parallel.
///
/// `fill` gets the row's number and the row, whose contents it must overwrite without reading.
pub(crate) fn filled_rows(
    rows: usize,
    row: usize,
    fill: impl Fn(usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let fill_all = |target: Target| {
        (0..rows).into_par_iter().for_each(|i| {
            // SAFETY: row `i` lies inside the allocation, belongs to this task alone, and is
            // zeroed before a reference to it is made.
            let part = unsafe {
                let start = target.at(i * row);
                std::ptr::write_bytes(start, 0, row);
                std::slice::from_raw_parts_mut(start, row)
            };
            fill(i, part);
        });
    };
    // SAFETY: the rows cover the vector and each is written.
    unsafe { filled(rows * row, fill_all) }
}
