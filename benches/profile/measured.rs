//! What was measured of one stage, and its table.

use std::time::Instant;

use semivox::kernels::profile::{self, Peak, Work};

use super::usage::{Usage, peak_memory};

/// The steps of one stage.
#[derive(Debug)]
pub(super) struct Measured {
    name: String,
    batch: usize,
    seconds: Vec<f64>,
    used: Usage,
    passes: Vec<Work>,
    memory: String,
    /// Time of the network's passes alone, if known.
    pub(super) alone: Option<f64>,
}

impl Measured {
    pub(super) fn new(name: String, batch: usize) -> Self {
        Self {
            name,
            batch,
            seconds: Vec::new(),
            used: Usage::default(),
            passes: Vec::new(),
            memory: String::new(),
            alone: None,
        }
    }

    /// Times a step; the first one, of number 0, allocates memory and is not counted.
    pub(super) fn time<T>(&mut self, step: u64, work: impl FnOnce() -> T) -> T {
        if step == 1 {
            self.seconds.clear();
            self.used = Usage::default();
            profile::start();
        }
        let (start, before) = (Instant::now(), Usage::now());
        let done = work();
        self.seconds.push(start.elapsed().as_secs_f64());
        self.used = self.used + (Usage::now() - before);
        done
    }

    /// Ends the profile and reads the peak of memory.
    pub(super) fn finished(mut self) -> Self {
        self.passes = profile::stop();
        self.memory = peak_memory();
        self
    }

    pub(super) fn print(&mut self, peak: &Peak) {
        let (wall, steps) = (self.seconds.iter().sum::<f64>(), self.seconds.len());
        self.seconds.sort_by(f64::total_cmp);
        let (median, steps) = (self.seconds[steps / 2], steps as f64);
        println!(
            "\n{}: batch {}, {median:.3} s a step, peak memory {}, {:.0} page faults a step",
            self.name,
            self.batch,
            self.memory,
            self.used.faults / steps
        );
        if let Some(alone) = self.alone {
            let more = 100.0 * (median / alone - 1.0);
            println!("the network's passes alone: {alone:.3} s, the step takes {more:.0} % more");
        }
        self.passes.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let available = wall * peak.threads as f64;
        table(&self.passes, peak, steps, [available, self.used.seconds]);
    }
}

/// Prints the passes by their time per step, summed over threads.
fn table(passes: &[Work], peak: &Peak, steps: f64, [available, used]: [f64; 2]) {
    println!(
        "{:<40} {:>9} {:>6} {:>18} {:>18}",
        "pass", "ms", "share", "GFLOP/s per thread", "GB/s per thread"
    );
    let rate = |amount: u64, seconds: f64, limit: f64| match amount {
        0 => String::new(),
        _ => {
            let (rate, limit) = (amount as f64 / seconds, limit / peak.threads as f64);
            format!("{:.1} ({:.0} %)", rate * 1e-9, 100.0 * rate / limit)
        }
    };
    let line = |name: &str, seconds: f64, rates: [String; 2]| {
        println!(
            "{name:<40} {:>9.1} {:>5.1}% {:>18} {:>18}",
            1e3 * seconds / steps,
            100.0 * seconds / available,
            rates[0],
            rates[1]
        );
    };
    for work in passes {
        let rates = [
            rate(work.flop, work.seconds, peak.flop_per_second),
            rate(work.bytes, work.seconds, peak.bytes_per_second),
        ];
        line(work.pass.name(), work.seconds, rates);
    }
    let inside: f64 = passes.iter().map(|work| work.seconds).sum();
    line("elsewhere", (used - inside).max(0.0), Default::default());
    line("idle", (available - used).max(0.0), Default::default());
}
