//! Progress bars on standard error.

use indicatif::{ProgressBar, ProgressStyle};

use semivox_methods::plan::StagePlan;
use semivox_trainer::run::metrics_log::MetricsRow;
use semivox_trainer::training::Observer;

/// Progress bar of a training run on standard error: stage, step, losses and time left.
///
/// Where standard error is not a terminal, a line is printed after every tenth of the training instead.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    stage: &'static str,
    total: u64,
}

impl Progress {
    /// Creates a bar that appears with the first event.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template(
            "{prefix:>23} {wide_bar:.green} {pos}/{len} {msg} · {elapsed} elapsed, {eta} left",
        )
        .expect("the template is valid");
        bar.set_style(style);
        Self {
            bar,
            stage: "",
            total: 0,
        }
    }

    /// Shows the progress of an activity other than training steps.
    fn count(&self, what: &'static str, done: usize, total: usize) {
        if self.bar.prefix() != what {
            self.bar.reset();
            self.bar.set_prefix(what);
            self.bar.set_message("");
        }
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }
}

/// Progress bar on standard error that counts files and can be updated from any thread.
#[derive(Debug)]
pub(super) struct Counter(ProgressBar);

impl Counter {
    /// Creates a bar with the name of the activity, hidden if `quiet`.
    pub(super) fn new(what: &'static str, quiet: bool) -> Self {
        let bar = match quiet {
            true => ProgressBar::hidden(),
            false => ProgressBar::no_length(),
        };
        let style =
            ProgressStyle::with_template("{prefix:>12} {wide_bar:.green} {pos}/{len} · {eta} left");
        bar.set_style(style.expect("the template is valid"));
        bar.set_prefix(what);
        Self(bar)
    }

    /// Shows `done` of `total` files.
    pub(super) fn at(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        // Threads may report out of order.
        self.0.set_position(self.0.position().max(done as u64));
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Observer for Progress {
    fn reading(&self, done: usize, total: usize) {
        self.count("reading scans", done, total);
    }

    fn stage(&mut self, stage: &StagePlan, step: u64, total: u64) {
        if self.total == 0 {
            self.bar.reset();
            self.bar.set_length(total);
            self.bar.set_position(step);
            // After a resume, the time left is estimated from the steps of this session only.
            self.bar.reset_eta();
        }
        self.stage = stage.name;
        self.total = total;
        self.bar.set_prefix(stage.name);
    }

    fn step(&mut self, row: &MetricsRow) {
        let losses: Vec<String> = row
            .losses
            .iter()
            .map(|(name, value)| format!("{name} {value:.3}"))
            .collect();
        let message = format!(
            "· {} · {:.2} s/step",
            losses.join(" "),
            row.seconds_per_step
        );
        let tenth = (self.total / 10).max(1);
        if self.bar.is_hidden() && (row.step.is_multiple_of(tenth) || row.step == self.total) {
            tell!("{} {}/{} {message}", self.stage, row.step, self.total);
        }
        self.bar.set_message(message);
        self.bar.set_position(row.step);
    }

    fn notice(&self, sentence: &str) {
        self.bar.suspend(|| tell!("warning: {sentence}"));
    }

    fn evaluating(&mut self, done: usize, total: usize) {
        self.count("evaluating", done, total);
        if done == total {
            self.bar.finish_and_clear();
        }
    }
}
