//! Processor time, page faults and memory of this process, from Linux's `/proc`.

/// Processor time and page faults of the process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) seconds: f64,
    pub(super) faults: f64,
}

impl Usage {
    /// Reads `/proc/self/stat`, in which times are in hundredths of a second.
    pub(super) fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields: Vec<f64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .map(|field| field.parse().unwrap_or(0.0))
            .collect();
        let field = |index: usize| fields.get(index).copied().unwrap_or(0.0);
        Self {
            seconds: (field(10) + field(11)) / 100.0,
            faults: field(6) + field(8),
        }
    }
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            faults: self.faults + other.faults,
        }
    }
}

impl std::ops::Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            seconds: self.seconds - earlier.seconds,
            faults: self.faults - earlier.faults,
        }
    }
}

/// Returns the peak resident memory of the process.
pub(super) fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or("unknown".into(), |kb| {
        format!("{:.2} GB", kb * 1024.0 / 1e9)
    })
}
