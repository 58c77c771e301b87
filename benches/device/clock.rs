//! The clock of a device, which works on while the program goes on, and its memory.

use std::time::Instant;

use burn::prelude::Device;

/// Seconds of repeated work on a device, and the memory it took.
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

    /// Times what `run` starts until the device has done it.
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

    /// The seconds after the first `warmup` ones, and the memory, as the inside of a JSON object.
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

/// The process's high-water mark of resident memory (Linux only).
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
