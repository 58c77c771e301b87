//! The lock of a run folder, which at most one training holds at a time.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::RunError;

/// Exclusive use of a run folder, held until it is dropped.
///
/// The operating system locks the file `lock` in the folder and unlocks it when
/// the process ends, however it ends, so a lock cannot go stale. The file stays
/// behind; its text only names the holder in the error of another training. Reading a
/// run (prediction, export, evaluation, report) needs no lock.
///
/// # Examples
///
/// ```
/// use semivox_trainer::run::{RunError, lock::RunLock};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let lock = RunLock::acquire(folder.path())?;
/// let second = RunLock::acquire(folder.path());
/// assert!(matches!(second, Err(RunError::Locked { .. })));
/// drop(lock);
/// assert!(RunLock::acquire(folder.path()).is_ok());
/// # Ok::<(), RunError>(())
/// ```
#[derive(Debug)]
pub struct RunLock {
    /// Unlocked when it is closed.
    _file: File,
    warning: Option<String>,
}

impl RunLock {
    /// Locks the folder; fails at once if another training holds the lock.
    ///
    /// # Errors
    ///
    /// [`RunError::Locked`] with the holder, [`RunError::Io`] if the lock file
    /// cannot be written.
    pub fn acquire(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        // Not truncated: while the file is locked, its text describes the holder.
        let options = options.create(true).truncate(false).write(true);
        let file = options
            .open(&path)
            .map_err(|error| RunError::io("write", &path, error))?;
        let outcome = file.try_lock();
        Self::from_outcome(folder, file, outcome)
    }

    fn from_outcome(
        folder: &Path,
        mut file: File,
        outcome: Result<(), TryLockError>,
    ) -> Result<Self, RunError> {
        let path = folder.join("lock");
        let warning = match outcome {
            Ok(()) => {
                let written = Holder::this_process().write(&mut file);
                written.map_err(|error| RunError::io("write", &path, error))?;
                None
            }
            Err(TryLockError::WouldBlock) => {
                return Err(RunError::Locked {
                    path: folder.to_path_buf(),
                    holder: Holder::described_in(&path),
                });
            }
            // Network file systems report this with several error codes.
            Err(TryLockError::Error(error)) => Some(format!(
                "{}: expected a file system that can lock files, found one that cannot ({error}); \
                 the training goes on, but take care that no other one uses this folder",
                folder.display()
            )),
        };
        Ok(Self {
            _file: file,
            warning,
        })
    }

    /// Returns a warning for the user if the file system cannot lock files, so that
    /// the folder is not protected.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

/// The process that holds a lock, as the lock file names it.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    process: u32,
    host: Option<String>,
    /// Seconds since 1970.
    started: u64,
}

impl Holder {
    fn this_process() -> Self {
        Self {
            process: std::process::id(),
            host: host_name(),
            started: now(),
        }
    }

    fn write(&self, file: &mut File) -> std::io::Result<()> {
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(self)?)
    }

    /// Describes the holder; as "another process" on Windows, where others cannot read a locked file.
    fn described_in(path: &Path) -> String {
        let text = fs::read(path).ok();
        let holder = text.and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        holder.map_or("another process".into(), |holder| holder.to_string())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.process)?;
        if let Some(host) = &self.host {
            write!(f, " on {host}")?;
        }
        let seconds = now().saturating_sub(self.started);
        match seconds {
            0..120 => write!(f, ", started {seconds} s ago"),
            120..7_200 => write!(f, ", started {} min ago", seconds / 60),
            _ => write!(f, ", started {} h ago", seconds / 3_600),
        }
    }
}

fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| elapsed.as_secs())
}

/// Returns the computer's name, which distinguishes the processes that use a shared folder.
fn host_name() -> Option<String> {
    let mut keys = ["HOSTNAME", "COMPUTERNAME"].into_iter();
    let of_shell = keys.find_map(|key| std::env::var(key).ok());
    let name = of_shell.or_else(|| fs::read_to_string("/proc/sys/kernel/hostname").ok())?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::run::folder::RunFolder;

    #[test]
    fn a_second_holder_is_refused_and_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let lock = RunLock::acquire(folder.path()).unwrap();
        assert_eq!(lock.warning(), None);
        let message = RunLock::acquire(folder.path()).unwrap_err().to_string();
        let process = format!("found process {}", std::process::id());
        let named = folder.path().display().to_string();
        assert!(message.starts_with(&named), "{message}");
        assert!(cfg!(windows) || message.contains(&process), "{message}");
        assert!(message.contains("wait until it ends"), "{message}");
        drop(lock);
        RunLock::acquire(folder.path()).unwrap();
    }

    /// The text of a killed process says nothing about who holds the lock.
    #[test]
    fn a_lock_file_left_behind_locks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        fs::write(
            &path,
            r#"{"process":1,"host":"a much longer name","started":0}"#,
        )
        .unwrap();
        let lock = RunLock::acquire(folder.path()).unwrap();
        drop(lock);
        let holder: Holder = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(holder.process, std::process::id());
    }

    #[test]
    fn a_file_system_without_locks_is_told_and_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("lock")).unwrap();
        let error = std::io::Error::from(std::io::ErrorKind::Unsupported);
        let outcome = Err(TryLockError::Error(error));
        let lock = RunLock::from_outcome(folder.path(), file, outcome).unwrap();
        let warning = lock.warning().unwrap();
        assert!(warning.contains("expected a file system that can lock"));
    }

    #[test]
    fn holders_are_told_in_units_a_person_reads() {
        let started = |seconds: u64| Holder {
            process: 7,
            host: Some("node".into()),
            started: now() - seconds,
        };
        let text = started(600).to_string();
        assert_eq!(text, "process 7 on node, started 10 min ago");
        assert!(started(90_000).to_string().ends_with("started 25 h ago"));
        let future = Holder {
            host: None,
            started: now() + 100,
            ..started(0)
        };
        assert_eq!(future.to_string(), "process 7, started 0 s ago");
    }

    /// Of several trainings that begin in one new folder at the same time, one gets it.
    #[test]
    fn one_of_many_simultaneous_beginnings_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/run");
        let begun: Vec<_> = std::thread::scope(|scope| {
            let begin = || RunFolder::begin(&path);
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let (held, refused): (Vec<_>, Vec<_>) = begun.into_iter().partition(Result::is_ok);
        assert_eq!(held.len(), 1);
        for error in refused.into_iter().map(Result::unwrap_err) {
            assert!(matches!(error, RunError::Locked { .. }), "{error}");
        }
    }
}
