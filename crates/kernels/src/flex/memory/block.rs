//! Memory of the pool: zeroed, aligned, and in huge pages where the system has them.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Floats of a cache line. A register of sixteen floats that lies in two lines takes two loads.
const LINE: usize = 16;
/// Floats of a huge page.
pub(super) const HUGE: usize = 512 * 1024;

/// Floats that begin at a cache line, or at a huge page if there are enough of them to fill one.
///
/// The matrices of a block's Winograd transform lie in more pages than the processor has entries for in its first table
/// of addresses, which slows the transform; huge pages need one entry.
#[derive(Debug)]
pub(super) struct Block {
    start: NonNull<f32>,
    len: usize,
}

impl Block {
    /// Allocates `len` zeros.
    pub(super) fn new(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: `layout` gives at least one line, so its size is not zero.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        ask_for_huge_pages(start, layout);
        // SAFETY: the memory has the size of the layout and is not in use yet.
        unsafe { start.write_bytes(0, layout.size()) };
        let start = start.cast();
        Self { start, len }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn as_slice(&self) -> &[f32] {
        // SAFETY: `start` points to `len` floats that were zeroed at first and belong to this block.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as in `as_slice`; the block is borrowed for as long as the slice is.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    fn layout(len: usize) -> Layout {
        let floats = if len >= HUGE { HUGE } else { LINE };
        let align = floats * size_of::<f32>();
        Layout::array::<f32>(len.max(LINE))
            .and_then(|layout| layout.align_to(align))
            .expect("fewer bytes than the address space has")
    }
}

/// Asks the system for huge pages wherever the memory covers whole ones; without them it is slower, no more.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(start: NonNull<u8>, layout: Layout) {
    if layout.align() == HUGE * size_of::<f32>() {
        // SAFETY: the memory is this block's, and the advice changes the size of its pages only. The length is a number
        // of whole pages or is rounded up to one by the system, within the page that holds the last byte.
        unsafe { libc::madvise(start.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: NonNull<u8>, _: Layout) {}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `new` has allocated the block with the layout of its length.
        unsafe { dealloc(self.start.as_ptr().cast(), Self::layout(self.len)) }
    }
}

// SAFETY: the block owns its floats, as a `Vec<f32>` does.
unsafe impl Send for Block {}
// SAFETY: a shared block gives shared slices only.
unsafe impl Sync for Block {}
