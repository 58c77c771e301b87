//! The memory that a training needs, beside that of the machine.

use sysinfo::System;

/// Formats bytes as gigabytes, to a tenth, or as megabytes if they are fewer.
pub(super) fn formatted(bytes: f64) -> String {
    match bytes < 0.95e8 {
        true => format!("{:.0} MB", bytes * 1e-6),
        false => format!("{:.1} GB", bytes * 1e-9),
    }
}

/// Returns the free memory in bytes, of the machine or of the container if that has less; `None` where the system does not
/// tell.
pub(super) fn free() -> Option<f64> {
    let mut system = System::new();
    system.refresh_memory();
    let machine = system.available_memory();
    // What the container holds besides, `free_memory` counts the files that it has cached, too.
    let container = system
        .cgroup_limits()
        .map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let free = container.map_or(machine, |container| container.min(machine));
    (free > 0).then_some(free as f64)
}

/// Returns a warning if `needed` bytes for a training with `patch` are more than the `free` ones.
pub(super) fn shortage(needed: f64, free: Option<f64>, patch: [usize; 3]) -> Option<String> {
    let free = free.filter(|free| needed > *free)?;
    let patch = patch.map(|side| (side / 32 * 16).max(side.min(16)));
    Some(format!(
        "about {} of memory are needed and {} are free, so the system may end the training: choose smaller patches, such as \
         --set patch={patch:?}, or a smaller method.batch",
        formatted(needed),
        formatted(free)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_free_is_missing() {
        assert_eq!(shortage(2e9, Some(3e9), [64, 64, 48]), None);
        assert_eq!(shortage(2e9, None, [64, 64, 48]), None);
        let message = shortage(2e9, Some(1.25e9), [64, 64, 48]).unwrap_or_default();
        assert!(message.contains("about 2.0 GB"), "{message}");
        assert!(message.contains("1.2 GB are free"), "{message}");
        assert!(message.contains("patch=[32, 32, 16]"), "{message}");
        let slices = shortage(2e9, Some(1e9), [128, 128, 1]).unwrap_or_default();
        assert!(slices.contains("patch=[64, 64, 1]"), "{slices}");
    }

    #[test]
    fn few_bytes_are_megabytes() {
        assert_eq!(formatted(3.4e6), "3 MB");
        assert_eq!(formatted(0.96e8), "0.1 GB");
        assert_eq!(formatted(1.26e9), "1.3 GB");
    }

    #[test]
    fn the_machine_tells_its_free_memory() {
        assert!(free().is_some_and(|free| free > 1e8));
    }
}
