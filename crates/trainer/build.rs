//! Records the source revision, where there is one, for the protocol of evaluations.

use std::path::Path;
use std::process::Command;

/// What decides on a training, as patterns of git; the rest would compile this crate again for nothing.
const SOURCES: [&str; 3] = [":(glob)crates/*/src/**", "Cargo.toml", "Cargo.lock"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Some(revision) = revision() else {
        return;
    };
    println!("cargo::rustc-env=SEMIVOX_COMMIT={revision}");
    for file in [".git/logs/HEAD", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed=../../{file}");
    }
    for part in std::fs::read_dir("..").into_iter().flatten().flatten() {
        let sources = part.path().join("src");
        println!("cargo::rerun-if-changed={}", sources.display());
    }
}

/// Returns the commit, with `-dirty` if sources differ from it; none outside this project's own repository, where the
/// commit would be that of another one.
fn revision() -> Option<String> {
    let root = Path::new("../..").canonicalize().ok()?;
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != root {
        return None;
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let status = [
        "--no-optional-locks",
        "-C",
        &top,
        "status",
        "--porcelain",
        "--",
    ];
    let changed = git(&[&status[..], &SOURCES].concat())?;
    Some(match changed.is_empty() {
        true => commit,
        false => format!("{commit}-dirty"),
    })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    output.status.success().then_some(text)
}
