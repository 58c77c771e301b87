//! The memory that a training needs, beside what is free.

use semivox_trainer::config::RunConfig;
use semivox_trainer::memory::of_a_step;
use sysinfo::{ProcessesToUpdate, System};

/// Formats bytes as gigabytes, to a tenth, or as megabytes if they are fewer.
pub(super) fn formatted(bytes: f64) -> String {
    match bytes < 0.95e8 {
        true => format!("{:.0} MB", bytes * 1e-6),
        false => format!("{:.1} GB", bytes * 1e-9),
    }
}

/// Returns the estimated memory of a training step in bytes, for the CPU backend and the methods that come with the program,
/// which were measured.
pub(super) fn of_step(config: &RunConfig) -> Option<f64> {
    let estimated = config.own_method.is_none() && config.device == "cpu";
    estimated.then(|| of_a_step(config))
}

/// The free memory at a moment, and whether it was said that it does not suffice.
#[derive(Clone)]
pub(super) struct Free {
    bytes: Option<f64>,
    told: bool,
}

impl Free {
    /// Reads the free memory, of the machine or of the limits that this process has (in a container or under a job scheduler).
    pub(super) fn now() -> Self {
        let mut system = System::new();
        system.refresh_memory();
        let limit = sysinfo::get_current_pid().ok().and_then(|this| {
            system.refresh_processes(ProcessesToUpdate::Some(&[this]), false);
            let limits = system.process(this)?.cgroup_limits()?;
            Some([limits.total_memory, limits.rss])
        });
        Self {
            bytes: within(system.available_memory(), limit),
            told: false,
        }
    }

    /// Returns what was free before `scans` of this number of bytes were read.
    pub(super) fn before(self, scans: f64) -> Self {
        Self {
            bytes: self.bytes.map(|free| free + scans),
            ..self
        }
    }

    /// Describes the free memory, if it is known.
    pub(super) fn described(&self) -> Option<String> {
        self.bytes.map(formatted)
    }

    /// Returns whether `needed` bytes are more than are free.
    pub(super) fn lacks(&self, needed: f64) -> bool {
        self.bytes.is_some_and(|free| needed > free)
    }

    /// Prints a warning, once, if a step of a training and the `scans`, in bytes, that are still to be read need more than
    /// is free.
    pub(super) fn warn(&mut self, config: &RunConfig, scans: f64) {
        let Some(step) = of_step(config) else { return };
        if self.told || !self.lacks(step + scans) {
            return;
        }
        self.told = true;
        tell!(
            "warning: the training needs about {} of memory and {} are free, so the system may end it; {}",
            formatted(step + scans),
            self.described().unwrap_or_default(),
            advice(self.lacks(scans))
        );
    }
}

/// Returns the free bytes within a limit and what is used of it.
///
/// The files that a container has cached do not count as used, as they give way.
fn within(machine: u64, limit: Option<[u64; 2]>) -> Option<f64> {
    let limit = limit.map(|[total, used]| total.saturating_sub(used));
    let free = limit.map_or(machine, |limit| limit.min(machine));
    (free > 0).then_some(free as f64)
}

/// Returns what to change if memory is short: of the scans alone, or with a step.
pub(super) fn advice(scans_alone: bool) -> &'static str {
    match scans_alone {
        true => {
            "train on fewer scans, or on larger voxels (data.preprocess.spacing_mm, slice_size)"
        }
        false => "start it with a smaller patch, method.batch or network.filters",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_trainer::config::OwnMethod;
    use semivox_trainer::presets::preset;

    #[test]
    fn few_bytes_are_megabytes() {
        assert_eq!(formatted(3.4e6), "3 MB");
        assert_eq!(formatted(0.96e8), "0.1 GB");
        assert_eq!(formatted(1.26e9), "1.3 GB");
    }

    #[test]
    fn a_limit_counts_where_it_is_lower() {
        assert_eq!(within(5, None), Some(5.0));
        assert_eq!(within(5, Some([9, 2])), Some(5.0));
        assert_eq!(within(5, Some([4, 2])), Some(2.0));
        assert_eq!(within(5, Some([4, 6])), None);
        assert_eq!(within(0, None), None);
        assert!(Free::now().bytes.is_some());
    }

    #[test]
    fn what_is_missing_is_told() {
        let config = preset("quick", "supervised").unwrap();
        let told = |bytes, scans| {
            let mut free = Free { bytes, told: false };
            free.warn(&config, scans);
            free.told
        };
        // A step needs 0.5 GB.
        assert!(!told(Some(0.6e9), 0.0) && !told(None, 1e9));
        assert!(told(Some(0.6e9), 0.2e9) && told(Some(0.4e9), 0.0));
        assert!(advice(true).contains("spacing_mm") && advice(false).contains("patch"));
    }

    #[test]
    fn only_what_can_be_estimated_is() {
        let mut config = preset("quick", "supervised").unwrap();
        assert!(of_step(&config).is_some());
        config.device = "cuda".into();
        assert_eq!(of_step(&config), None);
        config.device = "cpu".into();
        config.own_method = Some(OwnMethod {
            name: "mine".into(),
            iterations: 4,
        });
        assert_eq!(of_step(&config), None);
    }
}
