//! Progress bars on standard error, and lines where it is not a terminal.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use semivox_methods::plan::StagePlan;
use semivox_trainer::run::metrics_log::MetricsRow;
use semivox_trainer::training::Observer;

/// Time between two lines of an activity that counts files.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

/// Progress bar of a training run on standard error: stage, step, losses and time left.
///
/// Where standard error is not a terminal, a line is printed after every tenth of the training instead, and every half
/// minute while scans are read and test cases evaluated.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    lines: Lines,
    stage: &'static str,
    total: u64,
}

/// Lines in place of a bar, at most one each [`BETWEEN_LINES`].
#[derive(Debug)]
struct Lines(Mutex<Instant>);

impl Lines {
    fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Returns the line for a bar that nobody sees, if one is due at `now`.
    fn next(&self, bar: &ProgressBar, now: Instant) -> Option<String> {
        let mut last = self.0.lock().ok()?;
        let (done, total) = (bar.position(), bar.length().unwrap_or_default());
        if done == total || now.duration_since(*last) < BETWEEN_LINES {
            return None;
        }
        *last = now;
        Some(format!("{} {done}/{total}{}", bar.prefix(), left(bar)))
    }

    /// Prints the line that is due, if the bar is hidden.
    fn print(&self, bar: &ProgressBar) {
        if bar.is_hidden()
            && let Some(line) = self.next(bar, Instant::now())
        {
            tell!("{line}");
        }
    }
}

/// Returns the estimate of the time left, as the end of a line.
fn left(bar: &ProgressBar) -> String {
    match bar.eta() {
        Duration::ZERO => String::new(),
        time => format!(" · about {} left", HumanDuration(time)),
    }
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
            lines: Lines::new(),
            stage: "",
            total: 0,
        }
    }

    /// Shows the progress of an activity other than training steps.
    fn count(&self, what: &'static str, done: usize, total: usize) {
        // A bar that is finished, as after the validation cases, would stay hidden.
        if self.bar.prefix() != what || self.bar.is_finished() {
            self.bar.reset();
            self.bar.set_prefix(what);
            self.bar.set_message("");
        }
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.lines.print(&self.bar);
    }
}

/// Progress bar on standard error that counts files and can be updated from any thread.
///
/// Where standard error is not a terminal, a line is printed every half minute instead.
#[derive(Debug)]
pub(super) struct Counter {
    bar: ProgressBar,
    /// `None` for a quiet one.
    lines: Option<Lines>,
}

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
        Self {
            bar,
            lines: (!quiet).then(Lines::new),
        }
    }

    /// Shows `done` of `total` files.
    pub(super) fn at(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        // Threads may report out of order.
        self.bar.set_position(self.bar.position().max(done as u64));
        if let Some(lines) = &self.lines {
            lines.print(&self.bar);
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
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
        self.bar.set_position(row.step);
        let tenth = (self.total / 10).max(1);
        if self.bar.is_hidden() && (row.step.is_multiple_of(tenth) || row.step == self.total) {
            let (step, total, left) = (row.step, self.total, left(&self.bar));
            tell!("{} {step}/{total} {message}{left}", self.stage);
        }
        self.bar.set_message(message);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_bar_has_a_line_each_half_minute_with_the_time_left() {
        let bar = ProgressBar::hidden().with_elapsed(Duration::from_secs(60));
        bar.set_prefix("predicting");
        bar.set_length(40);
        let (lines, begin) = (Lines::new(), Instant::now());
        let after = |seconds| begin + Duration::from_secs(seconds);
        bar.set_position(10);
        assert_eq!(lines.next(&bar, after(29)), None);
        let line = lines.next(&bar, after(31)).unwrap_or_default();
        assert!(line.starts_with("predicting 10/40"), "{line}");
        assert_eq!(lines.next(&bar, after(40)), None);
        bar.set_position(40);
        assert_eq!(lines.next(&bar, after(99)), None);
    }

    #[test]
    fn the_time_left_is_told_once_there_is_an_estimate() {
        let bar = ProgressBar::hidden();
        bar.set_length(100);
        assert_eq!(left(&bar), "");
        for done in 1..=5 {
            std::thread::sleep(Duration::from_millis(250));
            bar.set_position(done);
        }
        let told = left(&bar);
        assert!(
            told.starts_with(" · about ") && told.ends_with(" seconds left"),
            "{told}"
        );
    }

    /// The test cases are evaluated after those of the validation, under the same name.
    #[test]
    fn a_bar_that_was_finished_begins_anew() {
        let mut progress = Progress::new();
        progress.evaluating(2, 2);
        assert!(progress.bar.is_finished());
        progress.evaluating(0, 5);
        assert!(!progress.bar.is_finished() && progress.bar.length() == Some(5));
    }
}
