//! Freed memory is used again without page faults.
//!
//! A program without a test harness: glibc keeps the memory of the main thread apart from that of others.

use std::hint::black_box;

/// Returns the page faults of this process so far.
fn faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux has this file");
    // The fields after the name in brackets: state, five numbers, flags, then the faults without reading.
    let fields = stat.rsplit(')').next().expect("a line has an end");
    fields
        .split_whitespace()
        .nth(7)
        .expect("a line of 52 fields")
        .parse()
        .expect("a number")
}

/// Returns the page faults while four tensors of 30 MB are written and freed.
fn of_four_tensors() -> u64 {
    let before = faults();
    let tensors: Vec<Vec<f32>> = (0..4).map(|_| vec![black_box(0.5); 7_500_000]).collect();
    drop(black_box(tensors));
    faults() - before
}

fn main() {
    if !cfg!(all(
        feature = "flex",
        target_os = "linux",
        target_env = "gnu"
    )) {
        return;
    }
    of_four_tensors();
    let returned = of_four_tensors();
    semivox_kernels::keep_freed_memory();
    of_four_tensors();
    let kept = of_four_tensors();
    assert!(
        kept * 20 < returned,
        "{kept} page faults, {returned} before"
    );
}
