//! The part of a session that opens an earlier run to continue it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use semivox_inference::{FILE_NAME, TrainingData, device};

use super::{Session, tell_of};
use crate::checking::{tell_of_doubts, with_names};
use crate::config::RunConfig;
use crate::error::TrainError;
use crate::observer::Observer;
use crate::opening::{Opened, expect_data, moved_to, open};
use crate::run::cases::CaseList;
use crate::run::folder::RunFolder;
use crate::run::lock::RunLock;
use crate::test_leaks::exclude;
use crate::training_set::TrainingSet;

/// The new place of a run: where its data set is now, and the device that goes on with it. What is `None` stays.
///
/// # Examples
/// ```
/// use semivox_trainer::session::Moved;
///
/// let moved = Moved { device: Some("cpu".into()), ..Default::default() };
/// assert_eq!(moved.data, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// The folder of the data set.
    pub data: Option<PathBuf>,
    /// The device, see [`device::by_name`].
    pub device: Option<String>,
}

impl Moved {
    /// Changes the settings of a run; returns a sentence for each change.
    fn apply_to(&self, config: &mut RunConfig) -> Result<Vec<String>, TrainError> {
        let mut told = Vec::new();
        if let Some(root) = &self.data {
            moved_to(&mut config.data, root.clone())?;
            told.push(
                "the data set was moved: its cases have the names that the run began with; the contents of their files \
                 were not compared"
                    .into(),
            );
        }
        if let Some(device) = self.device.as_ref().filter(|to| **to != config.device) {
            let before = std::mem::replace(&mut config.device, device.clone());
            told.push(format!(
                "the run goes on on {device}; it began on {before}, which would give results that differ by rounding"
            ));
        }
        Ok(told)
    }
}

impl Session {
    /// Opens an earlier run to continue it with the settings stored there.
    ///
    /// # Errors
    /// If `out` holds no run or is used by another session, its device is unavailable, or its data set is missing or has
    /// other cases than before.
    pub fn resume(out: impl AsRef<Path>, observer: &dyn Observer) -> Result<Self, TrainError> {
        Self::resumed(out.as_ref(), &Moved::default(), observer)
    }

    /// Opens an earlier run, like [`resume`](Self::resume), whose data set was moved or which goes on on another
    /// device. Both are stored in `config.toml`.
    ///
    /// Names and order of the cases must be unchanged; the contents of their files are not compared. The path of a list
    /// of test cases inside the data set changes with it.
    ///
    /// # Errors
    /// As for [`resume`](Self::resume); also if the data set of a run on phantoms was moved.
    pub fn resume_moved(
        out: impl AsRef<Path>,
        moved: &Moved,
        observer: &dyn Observer,
    ) -> Result<Self, TrainError> {
        Self::resumed(out.as_ref(), moved, observer)
    }

    fn resumed(out: &Path, moved: &Moved, observer: &dyn Observer) -> Result<Self, TrainError> {
        let run = RunFolder::open_existing(out)?;
        let lock = RunLock::acquire(run.root())?;
        tell_of(&lock, observer);
        run.make_subfolders()?;
        let mut config = RunConfig::from_toml(&run.read_config()?)?;
        let told = moved.apply_to(&mut config)?;
        config.check()?;
        expect_data(&config.data)?;
        // Before the scans are read.
        device::by_name(&config.device)?;
        let Opened {
            mut dataset,
            validation,
            patients,
            set,
        } = open(&config, &run, observer)?;
        let (excluded, leaks) = match CaseList::read(&run)? {
            Some(began) => (began.excluded, began.leaks),
            None => Default::default(),
        };
        tell_of_doubts(&config, &mut dataset, &set.facts(), &patients);
        let set = exclude(&excluded, &config, &mut dataset, set)?;
        let set = with_earlier(set, &run, observer);
        CaseList::of(&dataset, &validation).expect_unchanged(&run)?;
        let config = with_names(config, &dataset)?;
        if !told.is_empty() {
            run.write_config(&config.to_toml()?)?;
        }
        for sentence in told {
            observer.notice(&sentence);
        }
        Ok(Self {
            config,
            run,
            dataset,
            validation,
            set,
            patients,
            leaks,
            _lock: lock,
        })
    }
}

/// Adds the training data of the model in the run folder, from before the run was resumed.
fn with_earlier(
    set: Arc<TrainingSet>,
    run: &RunFolder,
    observer: &dyn Observer,
) -> Arc<TrainingSet> {
    match TrainingData::read(run.root()) {
        Ok(Some(earlier)) => return Arc::new(set.resumed(earlier)),
        Err(error) if run.root().join(FILE_NAME).is_file() => observer.notice(&format!(
            "{error}: the training writes the model anew from its checkpoint; to keep its record of scans that were replaced \
             since the run began, stop and restore the file"
        )),
        // There is no model yet, or none that knows its training data.
        _ => (),
    }
    set
}
