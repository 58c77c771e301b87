//! A pool of buffers, since allocating fresh pages costs more than filling them.
//!
//! Outputs and scratch buffers are taken from one pool and returned to it, outputs when Burn drops the
//! tensor. The buffers in use and in the pool together stay within 5/4 of the largest amount in use so far, or within 3/2 while that is
//! at most 128 MB more.

mod block;
mod filled;

use block::{Block, HUGE};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};
pub(crate) use filled::{PART, Target, filled, filled_parts, filled_pieces, filled_rows};
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard};

/// Minimum number of floats of a pooled buffer.
const POOLED: usize = 16 * 1024;

/// Excess length that is always acceptable, even for a short buffer.
const SPARE: usize = 512 * 1024;

/// Floats that may always wait beside half as many in use: 128 MB.
const SMALL_ROOM: usize = 32 * 1024 * 1024;

/// Unused buffers, the oldest first.
static POOL: Mutex<Pool> = Mutex::new(Pool {
    waiting: Vec::new(),
    held: 0,
    live: 0,
    peak: 0,
});

/// Unused buffers, floats in use, and the maximum in use so far.
struct Pool {
    waiting: Vec<Block>,
    held: usize,
    live: usize,
    peak: usize,
}

impl Pool {
    fn lock() -> MutexGuard<'static, Self> {
        POOL.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// Takes the shortest unused buffer that is long enough but not much too long.
    fn find(&mut self, len: usize) -> Option<Block> {
        let most = len + (len / 4).max(SPARE);
        // Huge pages stay for those who need them.
        let most = if len < HUGE { most.min(HUGE - 1) } else { most };
        let fits = |i: &usize| (len..=most).contains(&self.waiting[*i].len());
        let best = (0..self.waiting.len())
            .filter(fits)
            .min_by_key(|&i| self.waiting[i].len())?;
        let buffer = self.waiting.remove(best);
        self.held -= buffer.len();
        Some(buffer)
    }

    /// Drops unused buffers, the oldest first, while the total exceeds the maximum in use by more than [`Pool::room`].
    fn trim(&mut self) {
        while !self.waiting.is_empty() && self.held + self.live > self.peak + self.room() {
            self.held -= self.waiting.remove(0).len();
        }
    }

    /// Returns the floats that may wait in addition to the maximum in use: a quarter of it, or a half if that is little.
    ///
    /// In inference little is in use, and the largest buffers wait longest, from the first levels of a network to the
    /// last ones: with a quarter, every pass would allocate them again.
    fn room(&self) -> usize {
        (self.peak / 2).min(SMALL_ROOM).max(self.peak / 4)
    }
}

/// A buffer of floats that returns to the pool when dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Nothing after the drop.
    data: Option<Block>,
    len: usize,
}

impl Buffer {
    /// Takes a buffer of `len` floats with unspecified contents.
    pub(crate) fn take(len: usize) -> Self {
        Self::with_room(len, len)
    }

    /// Takes a buffer as [`Buffer::take`] does, in a huge page of its own if it is large, for results that are dropped
    /// soon.
    pub(crate) fn scratch(len: usize) -> Self {
        let large = len >= POOLED && cfg!(target_os = "linux");
        Self::with_room(len, if large { len.max(HUGE) } else { len })
    }

    /// Takes a buffer of `len` floats from a block of at least `room`.
    fn with_room(len: usize, room: usize) -> Self {
        if room < POOLED {
            let data = Some(Block::new(room));
            return Self { data, len };
        }
        let mut pool = Pool::lock();
        let found = pool.find(room);
        pool.live += found.as_ref().map_or(room, Block::len);
        pool.peak = pool.peak.max(pool.live);
        pool.trim();
        drop(pool);
        let data = Some(found.unwrap_or_else(|| Block::new(room)));
        Self { data, len }
    }

    fn block(&self) -> &Block {
        self.data
            .as_ref()
            .expect("a buffer has its block until it is dropped")
    }

    /// The floats as a mutable slice.
    pub(crate) fn as_mut(&mut self) -> &mut [f32] {
        let block = self.data.as_mut();
        let block = block.expect("a buffer has its block until it is dropped");
        &mut block.as_mut_slice()[..self.len]
    }

    /// Converts the buffer to the memory of a tensor.
    pub(crate) fn into_bytes(self) -> Bytes {
        let len = size_of_val(&self[..]);
        // SAFETY: `Buffer::memory` gives `len` bytes, those of the buffer's floats, and a block has initialized
        // floats only.
        unsafe { Bytes::from_controller(Box::new(self), len) }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.block().as_slice()[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(data) = self.data.take().filter(|data| data.len() >= POOLED) else {
            return;
        };
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
        // SAFETY: these are the bytes of `floats`, which stays borrowed as long as they do. All bits are valid floats,
        // and the caller writes initialized bytes only, by the contract of `memory_mut`.
        Ok(unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), len) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        // SAFETY: these are the bytes of the buffer's floats, which stays borrowed as long as they do.
        Ok(unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), size_of_val(&self[..])) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_the_pool_stays_small() {
        // A length that nothing else in this process uses.
        let len = 3 * SPARE + 123;
        let mut first = Buffer::take(len);
        first.as_mut().fill(7.0);
        let address = first.as_ptr();
        drop(first.into_bytes());
        let again = Buffer::take(len);
        assert_eq!(again.as_ptr(), address);
        assert_eq!(address as usize % 64, 0);
        assert_eq!(again[len - 1], 7.0);
        let pool = Pool::lock();
        assert!(pool.held + pool.live <= pool.peak + pool.room());
    }

    #[test]
    fn huge_blocks_are_aligned_and_zeroed_and_small_outputs_leave_them() {
        for len in [1, 17, POOLED, HUGE - 1, HUGE, HUGE + 5] {
            let block = Block::new(len);
            let aligned = if len >= HUGE { 2 * 1024 * 1024 } else { 64 };
            assert_eq!(block.as_slice().as_ptr() as usize % aligned, 0, "{len}");
            assert_eq!(block.as_slice(), vec![0.0; len]);
        }
        let large = 20 * 1024;
        if cfg!(target_os = "linux") {
            assert_eq!(Buffer::scratch(large).block().len(), HUGE);
        }
        assert!(Buffer::take(large).block().len() < HUGE);
        assert_eq!(Buffer::scratch(POOLED - 1).block().len(), POOLED - 1);
    }
}
