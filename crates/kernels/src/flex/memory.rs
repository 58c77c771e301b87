//! Buffers that outlive their use: fresh pages cost more than what is written into them.
//!
//! Outputs and scratch come from one pool and go back to it, outputs when Burn drops the tensor. What
//! is in use and what waits together stay within five quarters of the largest amount in use at one
//! time so far.

use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard};

/// Floats from which a buffer comes from the pool.
const POOLED: usize = 16 * 1024;

/// Floats by which even a short buffer may be too long.
const SPARE: usize = 512 * 1024;

/// Buffers waiting for their next use, the oldest first.
static POOL: Mutex<Pool> = Mutex::new(Pool {
    waiting: Vec::new(),
    held: 0,
    live: 0,
    peak: 0,
});

/// Floats waiting, in use, and in use at most.
struct Pool {
    waiting: Vec<Vec<f32>>,
    held: usize,
    live: usize,
    peak: usize,
}

impl Pool {
    fn lock() -> MutexGuard<'static, Self> {
        POOL.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// The shortest waiting buffer that is long enough but not much too long.
    fn find(&mut self, len: usize) -> Option<Vec<f32>> {
        let most = len + (len / 4).max(SPARE);
        let fits = |i: &usize| (len..=most).contains(&self.waiting[*i].len());
        let best = (0..self.waiting.len())
            .filter(fits)
            .min_by_key(|&i| self.waiting[i].len())?;
        let buffer = self.waiting.remove(best);
        self.held -= buffer.len();
        Some(buffer)
    }

    /// Drops waiting buffers, the oldest first, while more than the peak and a quarter is taken.
    fn trim(&mut self) {
        while !self.waiting.is_empty() && self.held + self.live > self.peak + self.peak / 4 {
            self.held -= self.waiting.remove(0).len();
        }
    }
}

/// Floats from the pool, which they go back to when dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    data: Vec<f32>,
    len: usize,
}

impl Buffer {
    /// A buffer of `len` floats with unspecified contents.
    pub(crate) fn take(len: usize) -> Self {
        if len < POOLED {
            let data = vec![0.0; len];
            return Self { data, len };
        }
        let mut pool = Pool::lock();
        let found = pool.find(len);
        pool.live += found.as_ref().map_or(len, Vec::len);
        pool.peak = pool.peak.max(pool.live);
        pool.trim();
        drop(pool);
        let data = found.unwrap_or_else(|| vec![0.0; len]);
        Self { data, len }
    }

    /// The floats, to write into.
    pub(crate) fn as_mut(&mut self) -> &mut [f32] {
        &mut self.data[..self.len]
    }

    /// The buffer as the memory of a tensor.
    pub(crate) fn into_bytes(self) -> Bytes {
        let len = size_of_val(&self[..]);
        // SAFETY: all floats of the buffer are initialized.
        unsafe { Bytes::from_controller(Box::new(self), len) }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.data[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let data = std::mem::take(&mut self.data);
        if data.len() < POOLED {
            return;
        }
        let mut pool = Pool::lock();
        pool.live -= data.len();
        pool.held += data.len();
        pool.waiting.push(data);
        pool.trim();
    }
}

impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let floats = self.as_mut();
        let len = size_of_val(floats);
        // SAFETY: the bytes of the floats; the caller writes initialized bytes only.
        Ok(unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), len) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        // SAFETY: the bytes of the floats.
        Ok(unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), size_of_val(&self[..])) })
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

/// A buffer of `len` floats of unspecified contents after `fill` has been at them.
pub(crate) fn filled(len: usize, fill: impl FnOnce(Target)) -> Buffer {
    let mut out = Buffer::take(len);
    fill(Target::new(out.as_mut()));
    out
}

/// A buffer of `rows` rows of `row` floats, the rows filled in parallel.
///
/// `fill` gets the row's number and the row, whose contents are unspecified before.
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

/// Floats of a part.
pub(crate) const PART: usize = 64 * 1024;

/// A buffer of `len` floats filled in parallel through `fill(first element, elements)`, whose
/// contents are unspecified before.
pub(crate) fn filled_parts(len: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Buffer {
    let mut out = Buffer::take(len);
    let parts = out.as_mut().par_chunks_mut(PART).enumerate();
    parts.for_each(|(i, part)| fill(i * PART, part));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_the_pool_stays_small() {
        // A length that nothing else in this process asks for.
        let len = 3 * SPARE + 123;
        let mut first = Buffer::take(len);
        first.as_mut().fill(7.0);
        let address = first.as_ptr();
        drop(first.into_bytes());
        let again = Buffer::take(len);
        assert_eq!(again.as_ptr(), address);
        assert_eq!(again[len - 1], 7.0);
        let pool = Pool::lock();
        assert!(pool.held + pool.live <= pool.peak + pool.peak / 4);
    }
}
