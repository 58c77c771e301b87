//! Timing and peak memory of work on a device that runs asynchronously.

use std::time::Instant;

use burn::prelude::Device;

/// Times of repeated work on a device, and its peak memory.
pub struct Clock {
    device: Device,
    seconds: Vec<f64>,
    peak: Option<u64>,
}

impl Clock {
    pub fn new(device: &Device) -> Self {
        Self {
            device: device.clone(),
            seconds: Vec::new(),
            peak: None,
        }
    }

    /// Runs `run` and measures the time until the device has finished its work.
    pub fn time<T>(&mut self, run: impl FnOnce() -> T) -> Result<T, String> {
        self.wait()?;
        let start = Instant::now();
        let value = run();
        self.wait()?;
        self.seconds.push(start.elapsed().as_secs_f64());
        let held = self
            .device
            .memory_pool_usage()
            .map(|pool| pool.bytes_reserved);
        self.peak = self.peak.max(held);
        Ok(value)
    }

    /// Returns the times without the first `warmup` ones, and the memory, as the members of a JSON object.
    pub fn json(&self, warmup: usize) -> String {
        let timed = self.seconds.iter().skip(warmup);
        let seconds: Vec<String> = timed.map(|s| format!("{s:.6}")).collect();
        let peak = self.peak.or_else(resident).unwrap_or(0);
        format!(
            "\"seconds\": [{}], \"peak_bytes\": {peak}",
            seconds.join(", ")
        )
    }

    fn wait(&self) -> Result<(), String> {
        let waited = self.device.sync();
        waited.map_err(|error| format!("the device stopped working: {error}"))
    }
}

/// Returns the peak resident memory of the process (Linux only).
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
