//! Records the source revision, where there is one, for the protocol of evaluations.

use std::path::Path;
use std::process::Command;

/// What a program is built from, in the project's folder.
const SOURCES: [&str; 4] = ["crates", "src", "Cargo.toml", "Cargo.lock"];

fn main() {
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    for path in SOURCES {
        println!("cargo::rerun-if-changed=../../{path}");
    }
    if let Some(revision) = revision() {
        println!("cargo::rustc-env=SEMIVOX_COMMIT={revision}");
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
