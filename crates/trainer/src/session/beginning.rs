//! The part of a session that begins a run.

use std::path::Path;
use std::time::Duration;

use semivox_data::inspect::Role;
use semivox_data::{io, leaks};
use semivox_inference::device;

use super::{Session, tell_of};
use crate::budget::{iterations_within, seconds_per_iteration};
use crate::checking::{check_cases, expect_labels, tell_of_doubts, tell_of_labels, with_names};
use crate::config::{DataConfig, RunConfig, absolute};
use crate::error::TrainError;
use crate::observer::Observer;
use crate::opening::{Opened, generate, open};
use crate::presets::with_iterations;
use crate::run::cases::CaseList;
use crate::run::folder::RunFolder;
use crate::shared_grid::with_shared_grid;
use crate::test_leaks::{exclude, settle};

/// Folders of a data set in which predictions would be taken for scans or label maps.
pub const FOLDERS_OF_SCANS: [&str; 7] = [
    "images",
    "labels",
    "imagesTr",
    "labelsTr",
    "imagesTs",
    "labelsTs",
    "Pancreas_h5",
];

/// Fails if a run would be written into its data set, rather than into a folder of its own beside the scans.
fn expect_outside(out: &Path, root: &Path) -> Result<(), TrainError> {
    let of_scans = FOLDERS_OF_SCANS.iter().map(|name| root.join(name));
    let inside = of_scans
        .into_iter()
        .any(|folder| io::is_within(out, &folder));
    match inside || io::is_within(root, out) {
        false => Ok(()),
        true => Err(TrainError::unexpected(
            out.display(),
            format!(
                "a folder for the run outside the scans of {}",
                root.display()
            ),
            "one that holds them or lies among them",
            "choose another --out",
        )),
    }
}

/// Returns the settings with paths that stay valid if the run is resumed from another working directory.
fn with_absolute_paths(mut config: RunConfig) -> Result<RunConfig, TrainError> {
    let DataConfig {
        root, test_list, ..
    } = &mut config.data;
    for path in [root, test_list].into_iter().flatten() {
        *path = absolute(path)?;
    }
    Ok(config)
}

impl Session {
    /// Checks `config`, makes the run folder `out` and reads the training cases.
    ///
    /// # Errors
    /// If the configuration or the data has a mistake, or `out` holds the data set, lies in one of its folders of scans,
    /// holds another run or a model, is used by another session or cannot be written. `out` becomes a run only after all data is read, so it can be used
    /// again after an error.
    pub fn start(
        config: RunConfig,
        out: impl AsRef<Path>,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        Self::begin(config, out.as_ref(), None, observer)
    }

    /// Begins a run, like [`start`](Self::start), with as many iterations as fit `budget` on this machine: a few steps of each
    /// stage are timed. The number is stored, so that the same settings repeat the run. Evaluation comes on top.
    ///
    /// # Errors
    /// As for [`start`](Self::start); also if not even one iteration fits, or for a custom method, which is not timed.
    pub fn start_within(
        config: RunConfig,
        out: impl AsRef<Path>,
        budget: Duration,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        Self::begin(config, out.as_ref(), Some(budget), observer)
    }

    fn begin(
        config: RunConfig,
        out: &Path,
        budget: Option<Duration>,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        config.check()?;
        if budget.is_some() && config.own_method.is_some() {
            return Err(TrainError::setting(
                "own_method",
                "none, as only the built-in methods are timed",
                "one",
                "give its number of iterations",
            ));
        }
        device::by_name(&config.device)?;
        let config = with_absolute_paths(config)?;
        if let Some(root) = &config.data.root {
            expect_outside(out, root)?;
        }
        let (run, lock) = RunFolder::begin(out)?;
        tell_of(&lock, observer);
        if config.data.root.is_none() {
            generate(&config, &run)?;
        }
        let Opened {
            mut dataset,
            validation,
            patients,
            set,
            states,
        } = open(&config, &run, observer)?;
        let config = with_shared_grid(config, &set);
        let mut facts = set.facts();
        let classes = dataset.classes.len();
        facts.extend(check_cases(&dataset.test, Role::Test, classes)?);
        facts.extend(check_cases(&validation, Role::Validation, classes)?);
        tell_of_doubts(&config, &mut dataset, &facts, &patients);
        let settled = settle(&config, &dataset, &leaks::between(&facts, &patients))?;
        let set = exclude(&settled.excluded, &config, &mut dataset, set)?;
        let preprocess = &config.data.preprocess;
        expect_labels(&dataset, &set, preprocess)?;
        tell_of_labels(&dataset, &set, preprocess, observer);
        let mut config = with_names(config, &dataset)?;
        config.check()?;
        if let Some(budget) = budget {
            let seconds = seconds_per_iteration(&config, &set, classes)?;
            let iterations = iterations_within(budget, seconds)?;
            let minutes = budget.as_secs_f64() / 60.0;
            observer.notice(&format!(
                "an iteration takes {seconds:.2} s here: {iterations} iterations in {minutes:.0} min of training"
            ));
            config = with_iterations(config, iterations);
            config.check()?;
        }
        config.check_method(classes)?;
        let mut cases = CaseList::of(&dataset, &validation);
        (cases.excluded, cases.leaks) = (settled.excluded, settled.accepted.clone());
        cases.contents = states.contents(&facts);
        cases.write(&run)?;
        run.write_config(&config.to_toml()?)?;
        Ok(Self {
            config,
            run,
            dataset,
            validation,
            set,
            patients,
            leaks: settled.accepted,
            _lock: lock,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::OwnMethod;
    use crate::presets::preset;

    struct Silent;

    impl Observer for Silent {}

    #[test]
    fn relative_paths_become_absolute() {
        let mut config = preset("smoke", "supervised").unwrap();
        assert_eq!(with_absolute_paths(config.clone()).unwrap(), config);
        config.data.root = Some("scans".into());
        config.data.test_list = Some("lists/test.list".into());
        let data = with_absolute_paths(config).unwrap().data;
        let here = std::env::current_dir().unwrap();
        assert_eq!(data.root, Some(here.join("scans")));
        assert_eq!(data.test_list, Some(here.join("lists/test.list")));
    }

    #[test]
    fn a_custom_method_has_no_budget() {
        let mut config = preset("smoke", "supervised").unwrap();
        config.own_method = Some(OwnMethod {
            name: "mine".into(),
            iterations: 4,
        });
        let out = tempfile::tempdir().unwrap().path().join("run");
        let minute = Duration::from_secs(60);
        let refused = Session::start_within(config, &out, minute, &Silent).unwrap_err();
        assert!(
            refused.to_string().contains("built-in methods are timed"),
            "{refused}"
        );
        assert!(!out.exists());
    }
}
