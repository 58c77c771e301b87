//! Recovery from damaged checkpoints: the newest undamaged one is used.

use std::fs;
use std::path::{Path, PathBuf};

use super::checksum::{Damage, Refusal};
use super::{CheckpointReader, failed, list, remove_if_there};
use crate::error::MethodError;

/// Opens the newest undamaged checkpoint in `folder`, or returns `None` if there are no checkpoints.
///
/// Newer, damaged checkpoints are renamed to `step-NUMBER-damaged`, so that they no longer count as
/// checkpoints; `notice` receives a sentence about each of them.
///
/// # Errors
/// If there are checkpoints but all are damaged; if a checkpoint may be whole, but has a file that cannot be read or
/// the format of another version; or if the folder cannot be read or renamed in. In the first two cases nothing is
/// renamed.
pub fn newest_whole(
    folder: &Path,
    notice: impl Fn(&str),
) -> Result<Option<CheckpointReader>, MethodError> {
    let mut damaged: Vec<(PathBuf, Damage)> = Vec::new();
    for checkpoint in list(folder)?.into_iter().rev() {
        match CheckpointReader::verified(checkpoint.clone()) {
            Ok(reader) => {
                for (checkpoint, damage) in &damaged {
                    let aside = set_aside(checkpoint)?;
                    notice(&sentence(damage, &aside, &reader));
                }
                return Ok(Some(reader));
            }
            Err(Refusal::Damaged(damage)) => damaged.push((checkpoint, damage)),
            Err(Refusal::Other(error)) => return Err(error),
        }
    }
    match damaged.is_empty() {
        true => Ok(None),
        false => Err(none_whole(folder, &damaged)),
    }
}

/// Renames a damaged checkpoint and replaces an earlier damaged one of the same step.
fn set_aside(checkpoint: &Path) -> Result<PathBuf, MethodError> {
    let mut name = checkpoint.file_name().unwrap_or_default().to_os_string();
    name.push("-damaged");
    let aside = checkpoint.with_file_name(name);
    remove_if_there(&aside)?;
    fs::rename(checkpoint, &aside).map_err(|error| failed(checkpoint, error))?;
    Ok(aside)
}

fn sentence(damage: &Damage, aside: &Path, reader: &CheckpointReader) -> String {
    format!(
        "checkpoint {}: {}; it is damaged and was set aside as {}; the training continues from the checkpoint of step {}",
        damage.path.display(),
        damage.reason,
        aside.file_name().unwrap_or_default().display(),
        reader.position().step,
    )
}

fn none_whole(folder: &Path, damaged: &[(PathBuf, Damage)]) -> MethodError {
    let told = damaged.iter().map(|(_, damage)| {
        let file = damage.path.strip_prefix(folder).unwrap_or(&damage.path);
        format!("{} ({})", file.display(), damage.reason)
    });
    let told: Vec<_> = told.collect();
    let reason = format!(
        "expected an undamaged checkpoint to resume from, found none: {}; restore one from a copy, or start a new run in another --out",
        told.join(", ")
    );
    failed(folder, reason)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::newest;
    use super::super::tests::save;
    use super::*;
    use std::cell::RefCell;

    fn damage(checkpoint: &Path, file: &str) {
        let path = checkpoint.join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
    }

    /// Returns the step of the checkpoint that is used, and the notices.
    fn recover(folder: &Path) -> Result<(Option<u64>, Vec<String>), String> {
        let told = RefCell::new(Vec::new());
        let found = newest_whole(folder, |sentence| told.borrow_mut().push(sentence.into()));
        let found = found.map_err(|error| error.to_string())?;
        let step = found.map(|reader| reader.position().step);
        Ok((step, told.into_inner()))
    }

    #[test]
    fn the_one_before_a_damaged_checkpoint_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(recover(folder), Ok((None, vec![])));
        let [first, second] = [5, 10].map(|step| save(folder, step));
        assert_eq!(recover(folder), Ok((Some(10), vec![])));
        damage(&second, "net.bpk");
        let (step, told) = recover(folder).unwrap();
        assert_eq!(step, Some(5));
        let [sentence] = &told[..] else {
            panic!("{told:?}");
        };
        let file = Path::new("step-00000010").join("net.bpk");
        for part in [
            file.to_str().unwrap(),
            "set aside as step-00000010-damaged",
            "step 5",
        ] {
            assert!(sentence.contains(part), "'{part}' in: {sentence}");
        }
        assert_eq!(newest(folder).unwrap(), Some(first));
        assert!(folder.join("step-00000010-damaged/net.bpk").is_file());
        assert_eq!(recover(folder), Ok((Some(5), vec![])), "told once");
        // The resumed run reaches the same step, and its checkpoint is damaged again.
        damage(&save(folder, 10), "state.json");
        let (step, told) = recover(folder).unwrap();
        assert_eq!((step, told.len()), (Some(5), 1));
    }

    #[test]
    fn a_run_without_a_whole_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [5, 10].map(|step| save(folder.path(), step));
        damage(&first, "net.bpk");
        fs::write(second.join("state.json"), "{").unwrap();
        let message = recover(folder.path()).unwrap_err();
        for part in [
            "found none: step-00000010",
            "state.json (expected a JSON file",
            "net.bpk (expected",
            "start a new run",
        ] {
            assert!(message.contains(part), "'{part}' in: {message}");
        }
        assert!(first.is_dir() && second.is_dir(), "nothing was renamed");
    }

    #[test]
    fn a_lost_file_is_damage() {
        for file in ["net.bpk", "state.json"] {
            let folder = tempfile::tempdir().unwrap();
            let [first, second] = [5, 10].map(|step| save(folder.path(), step));
            fs::remove_file(second.join(file)).unwrap();
            let (step, told) = recover(folder.path()).unwrap();
            assert_eq!((step, told.len()), (Some(5), 1), "{file}");
            assert_eq!(newest(folder.path()).unwrap(), Some(first));
        }
    }

    /// A folder in place of a file cannot be read, as a file without permission or on a failing disk.
    #[test]
    fn a_checkpoint_that_may_be_whole_is_not_passed_over() {
        let unreadable = |path: &Path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        };
        let newer = |path: &Path| fs::write(path, r#"{"format":5}"#).unwrap();
        type Change<'a> = &'a dyn Fn(&Path);
        let cases: [(&str, Change<'_>, &str); 3] = [
            ("net.bpk", &unreadable, "make the file readable"),
            ("state.json", &unreadable, "make the file readable"),
            ("state.json", &newer, "expected format 4, found 5"),
        ];
        for (file, change, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            let [_, second] = [5, 10].map(|step| save(folder.path(), step));
            change(&second.join(file));
            let message = recover(folder.path()).unwrap_err();
            assert!(
                message.contains(file) && message.contains(expected),
                "{message}"
            );
            assert_eq!(
                newest(folder.path()).unwrap(),
                Some(second),
                "it has its name"
            );
        }
    }
}
