//! Unit tests: the folder of one run.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn refuses_a_folder_that_holds_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    let run = RunFolder::create(&path).unwrap();
    assert!(run.checkpoints().is_dir() && run.predictions().is_dir());
    RunFolder::create(&path).unwrap(); // nothing written yet: still free
    run.write_config("seed = 1").unwrap();
    let message = RunFolder::create(&path).unwrap_err().to_string();
    assert!(
        message.ends_with(
            "holds another run (config.toml found); choose another --out or pass --resume"
        )
    );
    assert_eq!(run.read_config().unwrap(), "seed = 1");
    fs::remove_file(run.config()).unwrap();
    fs::create_dir(run.checkpoints().join("step-00000400")).unwrap();
    let message = RunFolder::create(&path).unwrap_err().to_string();
    assert!(message.contains("checkpoints found"), "{message}");
}

#[test]
fn a_taken_folder_is_told_without_touching_a_free_one() {
    let dir = tempfile::tempdir().unwrap();
    let free = dir.path().join("free");
    RunFolder::expect_new(&free).unwrap();
    assert!(!free.exists());
    fs::create_dir(&free).unwrap();
    RunFolder::expect_new(&free).unwrap();
    assert_eq!(fs::read_dir(&free).unwrap().count(), 0);

    let (run, lock) = RunFolder::begin(&free).unwrap();
    run.write_config("seed = 1").unwrap();
    let refused = || RunFolder::expect_new(&free).unwrap_err();
    assert!(matches!(refused(), RunError::Locked { .. }));
    drop(lock);
    assert!(matches!(refused(), RunError::Occupied { .. }));
}

#[test]
fn names_the_path_and_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let message = RunFolder::create(file.join("run")).unwrap_err().to_string();
    assert!(
        message.contains("file/run") || message.contains("file\\run"),
        "{message}"
    );
    assert!(message.starts_with("cannot create folder"), "{message}");
    let message = RunFolder::open_existing(dir.path())
        .unwrap_err()
        .to_string();
    assert!(message.contains("config.toml"), "{message}");
}
