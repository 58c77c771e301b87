//! Setting of the C library's allocator for programs that train.

/// Makes the allocator of the whole process keep freed memory for later allocations.
///
/// Training allocates tensors of the same sizes in every step. By default glibc returns large ones to the system, which
/// has to clear their pages again in the next step: in the last stage of ACTION, 175,000 page faults and a tenth of a
/// step. The process then keeps the memory of its peak until it ends. Call it once, at the start of a program, and
/// train on its main thread: memory of other threads is kept in small parts only. The `semivox` command does both.
/// Elsewhere than on Linux with glibc it does nothing.
///
/// # Examples
///
/// ```
/// semivox_kernels::keep_freed_memory();
/// ```
pub fn keep_freed_memory() {
    #[cfg(all(feature = "flex", target_os = "linux", target_env = "gnu"))]
    {
        // Older versions of glibc refuse more than 32 MiB.
        const SIZES: [libc::c_int; 2] = [32 << 20, 1 << 30];
        // SAFETY: `mallopt` takes two numbers, locks the allocator while it sets them, and refuses values out of range.
        unsafe {
            for size in SIZES {
                libc::mallopt(libc::M_MMAP_THRESHOLD, size);
            }
            // -1 turns the return of memory off.
            libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        }
    }
}
