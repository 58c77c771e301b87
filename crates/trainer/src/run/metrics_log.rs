//! `metrics.jsonl`: one JSON object per logged step.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub use semivox_report::MetricsRow;

use super::RunError;
use super::atomic::write_atomic;

/// The training log `metrics.jsonl`, open for appending.
///
/// A row has reached the operating system when `append` returns, and the disk when `sync` does.
///
/// # Examples
///
/// ```
/// use semivox_trainer::run::metrics_log::{MetricsLog, MetricsRow, read};
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("metrics.jsonl");
/// let mut log = MetricsLog::open(&path)?;
/// for step in [10, 20, 30] {
///     log.append(&MetricsRow {
///         step,
///         stage: "semi".into(),
///         losses: [("dice".to_string(), 0.5)].into(),
///         lr: 0.01,
///         seconds_per_step: 0.8,
///         data_wait: 0.02,
///     })?;
/// }
/// log.truncate_after(20)?; // resume from the checkpoint of step 20
/// assert_eq!(read(&path)?.len(), 2);
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
    length: u64,
}

impl MetricsLog {
    /// Opens the log for appending, and creates it if there is none.
    ///
    /// An incomplete last line, which a crash may leave, is removed.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RunError> {
        let path = path.as_ref().to_path_buf();
        let open = || -> std::io::Result<(File, u64)> {
            // Not in append mode, in which Windows does not allow truncating a file.
            let mut options = OpenOptions::new();
            let options = options.create(true).truncate(false).write(true);
            let mut file = options.open(&path)?;
            if file.metadata()?.len() == 0 {
                return Ok((file, 0));
            }
            let bytes = fs::read(&path)?;
            let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1) as u64;
            if whole < bytes.len() as u64 {
                file.set_len(whole)?;
            }
            file.seek(SeekFrom::Start(whole))?;
            Ok((file, whole))
        };
        let (file, length) = open().map_err(|error| RunError::io("write", &path, error))?;
        Ok(Self { path, file, length })
    }

    /// Appends one row.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`], also when the disk is full; the log then ends with
    /// the last whole row.
    pub fn append(&mut self, row: &MetricsRow) -> Result<(), RunError> {
        let failed = |error| RunError::io("write", &self.path, error);
        let mut line = serde_json::to_vec(row).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // An incomplete line must not precede the next one.
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(failed(error));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Waits until the rows are on disk.
    ///
    /// # Errors
    ///
    /// [`RunError::Io`].
    pub fn sync(&self) -> Result<(), RunError> {
        let synced = self.file.sync_data();
        synced.map_err(|error| RunError::io("write", &self.path, error))
    }

    /// Removes the rows after `step`, and an incomplete last line, to resume
    /// from the checkpoint of that step.
    ///
    /// # Errors
    ///
    /// [`RunError::Malformed`] if another line than the last is not a row,
    /// [`RunError::Io`].
    pub fn truncate_after(&mut self, step: u64) -> Result<(), RunError> {
        let bytes = read_bytes(&self.path)?;
        let mut kept = Vec::with_capacity(bytes.len());
        for (row, line) in parse(&self.path, &bytes)? {
            if row.step <= step {
                kept.extend_from_slice(line);
                kept.push(b'\n');
            }
        }
        write_atomic(&self.path, &kept)?;
        *self = Self::open(&self.path)?;
        Ok(())
    }
}

/// Reads a log; an incomplete last line, which a crash may leave, is skipped.
///
/// # Errors
///
/// [`RunError::Malformed`] if another line than the last is not a row,
/// [`RunError::Io`] if the file cannot be read.
///
/// # Examples
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("metrics.jsonl");
/// # std::fs::write(&path, "{\"st").unwrap();
/// assert_eq!(semivox_trainer::run::metrics_log::read(&path)?.len(), 0);
/// # Ok::<(), semivox_trainer::run::RunError>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Vec<MetricsRow>, RunError> {
    let path = path.as_ref();
    let bytes = read_bytes(path)?;
    let rows = parse(path, &bytes)?;
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, RunError> {
    fs::read(path).map_err(|error| RunError::io("read", path, error))
}

/// Parses the rows, each returned with its line.
fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<Vec<(MetricsRow, &'a [u8])>, RunError> {
    let lines: Vec<&[u8]> = bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .collect();
    let mut rows = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_slice(line) {
            Ok(row) => rows.push((row, *line)),
            Err(_) if index + 1 == lines.len() => break,
            Err(error) => {
                return Err(RunError::Malformed {
                    path: path.to_path_buf(),
                    line: index + 1,
                    expected: "one JSON object of step, stage, losses, lr, seconds_per_step, data_wait",
                    found: error.to_string(),
                });
            }
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn row(step: u64, loss: f64) -> MetricsRow {
        MetricsRow {
            step,
            stage: "semi".into(),
            losses: [
                ("dice".to_string(), loss),
                ("total".to_string(), 2.0 * loss),
            ]
            .into(),
            lr: 0.01,
            seconds_per_step: 1.5,
            data_wait: 0.25,
        }
    }

    #[test]
    fn a_resume_drops_later_rows_and_a_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path).unwrap();
        (1..=4).for_each(|step| log.append(&row(step, 0.5)).unwrap());
        drop(log);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"step\":5,\"sta");
        fs::write(&path, &text).unwrap();
        assert_eq!(read(&path).unwrap().len(), 4);
        let mut log = MetricsLog::open(&path).unwrap();
        log.truncate_after(2).unwrap();
        log.append(&row(3, 0.25)).unwrap();
        let rows = read(&path).unwrap();
        assert_eq!(rows, [row(1, 0.5), row(2, 0.5), row(3, 0.25)]);
    }

    #[test]
    fn a_loss_that_is_not_finite_survives_as_nan() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path).unwrap();
        log.append(&row(1, f64::INFINITY)).unwrap();
        log.append(&row(2, 0.5)).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("\"dice\":null"));
        assert!(read(&path).unwrap()[0].losses["dice"].is_nan());
    }

    #[test]
    fn a_bad_line_in_the_middle_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        let good = serde_json::to_string(&row(1, 0.5)).unwrap();
        fs::write(&path, format!("{good}\nnonsense\n{good}\n")).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("metrics.jsonl, line 2"), "{message}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let mut log = MetricsLog::open("/dev/full").unwrap();
        let message = log.append(&row(1, 0.5)).unwrap_err().to_string();
        assert!(
            message.contains("/dev/full") && message.contains("space"),
            "{message}"
        );
    }
}
