//! The part of a session that opens an earlier run to continue it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use semivox_inference::{FILE_NAME, TrainingData, device};

use super::{Session, tell_of};
use crate::checking::{tell_of_doubts, with_names};
use crate::config::{RunConfig, absolute};
use crate::error::TrainError;
use crate::observer::Observer;
use crate::opening::{Opened, expect_data, is_same_folder, moved_to, open};
use crate::run::cases::CaseList;
use crate::run::contents::{Changes, Contents, listed};
use crate::run::folder::RunFolder;
use crate::run::lock::RunLock;
use crate::test_leaks::exclude;
use crate::training_set::TrainingSet;

/// The new place of a run: where its data set and its list of test cases are now, and the device that goes on with it. What
/// is `None` stays.
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
    /// The file with the names of the test cases.
    pub test_list: Option<PathBuf>,
    /// The device, see [`device::by_name`].
    pub device: Option<String>,
}

impl Moved {
    /// Changes the place of the data set and of the list of test cases; returns whether the first is another one.
    fn move_data(&self, config: &mut RunConfig) -> Result<bool, TrainError> {
        let is_moved = self.move_root(config)?;
        if let Some(list) = &self.test_list {
            config.data.test_list = Some(absolute(list)?);
        }
        Ok(is_moved)
    }

    fn move_root(&self, config: &mut RunConfig) -> Result<bool, TrainError> {
        let Some(root) = &self.data else {
            return Ok(false);
        };
        let same = config
            .data
            .root
            .as_deref()
            .is_some_and(|before| is_same_folder(before, root));
        if !same {
            moved_to(&mut config.data, root.clone())?;
        }
        Ok(!same)
    }

    /// Changes the device; returns a sentence if it is another one.
    fn change_device(&self, config: &mut RunConfig) -> Option<String> {
        let device = self.device.as_ref().filter(|to| **to != config.device)?;
        let before = std::mem::replace(&mut config.device, device.clone());
        Some(format!(
            "the run goes on on {device}, before on {before}: results differ by rounding from those of one device"
        ))
    }
}

/// Checks that a data set that was moved has the contents that the run began with; returns a sentence on those that changed
/// in place, or were not compared as a run of an earlier version does not know them.
fn compared(
    began: &Contents,
    changed: &[String],
    config: &RunConfig,
    is_moved: bool,
) -> Result<Option<String>, TrainError> {
    let root = config
        .data
        .root
        .as_deref()
        .unwrap_or(Path::new(""))
        .display();
    match (changed.is_empty(), is_moved, began.is_empty()) {
        (true, true, true) => Ok(Some(
            "the data set was moved: its cases have the names that the run began with; the contents of their files \
             were not compared"
                .into(),
        )),
        (true, ..) => Ok(None),
        (false, false, _) => Ok(Some(format!(
            "changed since the run began: {}; the run is trained and measured on both, so that compare refuses it: start a new \
             run in another --out for one on the new files",
            listed(changed)
        ))),
        (false, true, _) => Err(TrainError::unexpected(
            root,
            "the data set that the run began with, in its new place",
            format!("another {}", listed(changed)),
            "give the folder that was moved, or start a new run in another --out",
        )),
    }
}

impl Session {
    /// Opens an earlier run to continue it with the settings stored there. The observer is told of scans and label maps
    /// that were changed since it began.
    ///
    /// # Errors
    /// If `out` holds no run or is used by another session, its device is unavailable, or its data set is missing or has
    /// other cases than before.
    pub fn resume(out: impl AsRef<Path>, observer: &dyn Observer) -> Result<Self, TrainError> {
        Self::resumed(out.as_ref(), &Moved::default(), observer)
    }

    /// Opens an earlier run, like [`resume`](Self::resume), whose data set or list of test cases was moved, or which goes on
    /// on another device. All of it is stored in `config.toml`.
    ///
    /// Names, order and contents of the cases must be unchanged; runs of earlier versions do not know their contents, which is told. The path of a list
    /// of test cases inside the data set changes with it.
    ///
    /// # Errors
    /// As for [`resume`](Self::resume); also if a moved data set has other contents, or a folder is given for a run on phantoms.
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
        let stored = RunConfig::from_toml(&run.read_config()?)?;
        let mut config = stored.clone();
        let is_moved = moved.move_data(&mut config)?;
        let other_device = moved.change_device(&mut config);
        config.check()?;
        expect_data(&config.data)?;
        // Before the scans are read.
        device::by_name(&config.device)?;
        let Opened {
            mut dataset,
            validation,
            patients,
            set,
            ..
        } = open(&config, &run, observer)?;
        let began = CaseList::read(&run)?;
        tell_of_doubts(&config, &mut dataset, &set.facts(), &patients);
        let excluded = began.as_ref().map(|began| began.excluded.clone());
        let set = exclude(&excluded.unwrap_or_default(), &config, &mut dataset, set)?;
        let set = with_earlier(set, &run, observer);
        CaseList::of(&dataset, &validation).expect_unchanged(&run)?;
        let mut began = began.unwrap_or_default();
        let changed = Changes::default().since(&began.contents, &dataset, &validation)?;
        let other_contents = compared(&began.contents, &changed, &config, is_moved)?;
        if !changed.is_empty() {
            began.changed.extend(changed);
            began.write(&run)?;
        }
        let config = with_names(config, &dataset)?;
        if config != stored {
            run.write_config(&config.to_toml()?)?;
        }
        for sentence in [other_contents, other_device].into_iter().flatten() {
            observer.notice(&sentence);
        }
        Ok(Self {
            config,
            run,
            dataset,
            validation,
            set,
            patients,
            leaks: began.leaks,
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
