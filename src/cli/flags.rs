//! Flags of `semivox train` for other programs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command, FromArgMatches};
use semivox_trainer::TrainError;
use semivox_trainer::config::{DataConfig, RunConfig};
use semivox_trainer::session::{Session, Summary};
use semivox_trainer::training::Observer;

use super::memory::Free;
use super::panics;
use super::run::{self, SingleArguments, default_folder, method_help};
use super::training;

/// Flags of `semivox train`, for a program that runs its own [`Session`], as the examples do.
///
/// The program chooses a preset and changes its settings; the flags then override them. See
/// `examples/action_la.rs`.
///
/// # Examples
/// ```no_run
/// use semivox::cli::Flags;
/// use semivox::prelude::*;
///
/// let flags = Flags::parse("SimCVD on the left atrium");
/// let config = flags.settings(preset(flags.preset(), "simcvd")?)?;
/// let session = flags.session(config, flags.observer().as_ref())?;
/// flags.announce(&session);
/// # Ok::<(), semivox::trainer::TrainError>(())
/// ```
#[derive(Debug, Args)]
pub struct Flags {
    #[command(flatten)]
    single: SingleArguments,
    /// Method to train instead of the program's own.
    #[arg(long, help = method_help())]
    method: Option<String>,
}

impl Flags {
    /// Parses the arguments of this process.
    ///
    /// Makes the allocator keep freed memory too ([`semivox_kernels::keep_freed_memory`]), and a result that cannot be printed
    /// an error, as the command does.
    ///
    /// Ends the process with a message if they are wrong, or with the help text, which begins with `about`, on
    /// `--help`.
    pub fn parse(about: &'static str) -> Self {
        semivox_kernels::keep_freed_memory();
        panics::silence_caught();
        let found = Self::from_arg_matches(&command(about).get_matches());
        found.unwrap_or_else(|error| error.exit())
    }

    /// Returns the name of the preset: `--preset`, else `quick` with `--data` and `smoke` without.
    pub fn preset(&self) -> &str {
        self.single.run.preset()
    }

    /// Applies `--data`, `--layout`, `--labeled`, `--test-list`, `--validation`, `--exclude-duplicates` and `--allow-leaks` to the
    /// data settings. Of settings for another folder, what describes its scans is left out.
    ///
    /// # Errors
    /// [`TrainError::Unexpected`] if a path cannot be made absolute.
    pub fn data(&self, config: DataConfig) -> Result<DataConfig, TrainError> {
        self.single.run.data.applied_to(config)
    }

    /// Applies all flags that change settings, including those of [`data`](Self::data).
    ///
    /// `--method` replaces the method and its settings by those of the same preset; `--set` is applied last.
    ///
    /// # Errors
    /// [`TrainError::Unknown`] for an unknown method; [`TrainError::Document`] for an unknown key or a value of a wrong
    /// type.
    pub fn settings(&self, mut config: RunConfig) -> Result<RunConfig, TrainError> {
        if let Some(method) = &self.method {
            let other = config.task.preset(&config.preset, method)?;
            (config.method, config.ablation) = (other.method, other.ablation);
        }
        let mut config = run::overridden(config, &self.single.run)?;
        config.seed = self.single.seed.unwrap_or(config.seed);
        Ok(config)
    }

    /// Returns the folder of the run: `--out`, else `runs/METHOD_TASK`.
    pub fn out(&self, config: &RunConfig) -> PathBuf {
        let fallback = || default_folder(&config.method_name(), config.task);
        self.single.out.clone().unwrap_or_else(fallback)
    }

    /// Starts the run in [`out`](Self::out) with these settings, within `--budget`, or with `--resume` opens the run there,
    /// whose own settings then count.
    ///
    /// # Errors
    /// As for [`Session::start_within`] and [`Session::resume_moved`].
    pub fn session(
        &self,
        config: RunConfig,
        observer: &dyn Observer,
    ) -> Result<Session, TrainError> {
        let out = self.out(&config);
        let config = (!self.single.resume).then_some(config);
        training::session(&self.single, &out, config, observer)
    }

    /// Returns whether standard output is to be one line of JSON, which [`finish`](Self::finish) prints.
    pub fn json(&self) -> bool {
        self.single.json
    }

    /// Returns an observer that shows a progress bar on standard error, or with `--quiet` only warnings.
    pub fn observer(&self) -> Box<dyn Observer> {
        training::observer(self.single.run.quiet)
    }

    /// Prints the settings and data of a session and the memory that it needs, unless `--quiet`, and warnings about the data
    /// set and about memory.
    pub fn announce(&self, session: &Session) {
        let (_, scans) = session.scans();
        training::announce(session, &self.single, Free::now().before(scans));
    }

    /// Prints the path of the report or, with `--json`, the result, and after an interruption how to resume.
    ///
    /// Returns the exit code of the program.
    pub fn finish(&self, session: &Session, summary: &Summary) -> ExitCode {
        let out = self.out(session.config());
        training::finish(session, summary, &out, &self.single)
    }
}

/// Returns the command line definition of a program with these flags.
fn command(about: &'static str) -> Command {
    let command = Flags::augment_args(Command::new("train"));
    // Otherwise the help would begin with the documentation of `Flags`.
    command.about(about).long_about(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semivox_data::LabelBudget;
    use semivox_methods::method_config::MethodConfig;
    use semivox_trainer::presets::Task;

    fn parse(line: &str) -> Flags {
        let matches = command("test").try_get_matches_from(line.split(' '));
        let matches = matches.unwrap();
        Flags::from_arg_matches(&matches).unwrap()
    }

    /// Returns the settings of a program for `method` on `task` with these arguments.
    fn settings(line: &str, task: Task, method: &str) -> RunConfig {
        let flags = parse(line);
        let preset = task.preset(flags.preset(), method).unwrap();
        flags.settings(preset).unwrap()
    }

    #[test]
    fn flags_override_the_preset() {
        let line = "train --labeled 3 --iterations 50 --seed 7";
        let config = settings(line, Task::LeftAtrium, "mean_teacher");
        assert_eq!((config.preset.as_str(), config.seed), ("smoke", 7));
        assert_eq!(config.data.labeled, LabelBudget::Count(3));
        assert_eq!(config.method.settings().iterations(), 50);
        let line = "train --data scans --labeled 10% --test-list test.list --set method.bank=9";
        let config = settings(line, Task::Acdc, "action");
        let list = config.data.test_list.unwrap();
        assert!(list.is_absolute() && list.ends_with("test.list"));
        assert_eq!(config.data.labeled, LabelBudget::Percent(10.0));
        assert_eq!(config.preset, "quick");
        let MethodConfig::Action(action) = config.method else {
            panic!("another method");
        };
        assert_eq!(action.bank, 9);
    }

    /// `--method` also replaces a method whose settings the program itself has changed.
    #[test]
    fn another_method_replaces_the_programs() {
        let flags = parse("train --preset quick --method action:without_anco --iterations 8");
        let mut config = Task::LeftAtrium.preset("quick", "action").unwrap();
        if let MethodConfig::Action(action) = &mut config.method {
            action.contrast_weight = 0.7;
        }
        let found = flags.settings(config.clone()).unwrap();
        let preset = Task::LeftAtrium.preset("quick", "action:without_anco");
        let mut expected = preset.unwrap();
        expected = semivox_trainer::presets::with_iterations(expected, 8);
        assert_eq!(found, expected);
        let out = PathBuf::from("runs/action_without_anco_la");
        assert_eq!(flags.out(&found), out);
        assert!(parse("train --method magic").settings(config).is_err());
    }

    #[test]
    fn the_help_says_what_the_program_is_and_names_every_method() {
        let help = command("ACTION on hearts").render_long_help().to_string();
        assert!(help.starts_with("ACTION on hearts\n"), "{help}");
        for &name in MethodConfig::NAMES {
            assert!(help.contains(name), "{help}");
        }
    }
}
