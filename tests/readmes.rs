//! Checks that each crate's README has the same text as the documentation of its `lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the folders of the workspace's crates, without the root.
fn crates() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let entries = fs::read_dir(folder).expect("the crates");
    entries
        .map(|entry| entry.expect("a crate").path())
        .collect()
}

/// Generates the README from the documentation in `lib.rs`.
fn readme(folder: &Path) -> String {
    let name = folder.file_name().expect("a name").to_string_lossy();
    let source = fs::read_to_string(folder.join("src/lib.rs")).expect("lib.rs");
    let mut text = format!("# semivox-{name}\n\n");
    let mut code = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        // Code is marked as Rust, links to items lose their brackets, headings go one level down.
        match line {
            // Also with words for the tests of documentation, such as `no_run`.
            _ if line.starts_with("```") => {
                code = !code;
                text += if code { "```rust" } else { "```" };
            }
            // Hidden lines of an example.
            _ if code && line.starts_with("# ") => continue,
            _ if code => text += line,
            _ if line.starts_with('#') => text += &format!("#{line}"),
            _ => text += &line.replace("[`", "`").replace("`]", "`"),
        }
        text.push('\n');
    }
    assert!(!code, "{name}: a block of code is not closed");
    text + &features(folder)
        + "\nPart of Semivox, which segments medical volumes with few labels. Rust 1.95 or later. \
           MIT or Apache-2.0, at your choice.\n"
}

/// Returns the features in `Cargo.toml` with the comments above them; empty if there are none.
fn features(folder: &Path) -> String {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("Cargo.toml");
    let lines: Vec<&str> = manifest.lines().collect();
    let default = lines.iter().find(|line| line.starts_with("default = "));
    let mut rows = String::new();
    for pair in lines.windows(2) {
        let (Some(about), Some((name, _))) =
            (pair[0].strip_prefix("## "), pair[1].split_once(" = "))
        else {
            continue;
        };
        let on = default.is_some_and(|line| line.contains(&format!("\"{name}\"")));
        let on = if on { " (default)" } else { "" };
        rows += &format!("| `{name}`{on} | {about} |\n");
    }
    match rows.is_empty() {
        true => rows,
        false => format!("\n## Features\n\n| feature | what |\n|---|---|\n{rows}"),
    }
}

/// Compares each README with its documentation; with `SEMIVOX_UPDATE=1` it is written instead.
#[test]
fn readmes_are_the_front_pages_of_the_documentation() {
    let crates = crates();
    assert!(crates.len() >= 8);
    for folder in crates {
        let (path, expected) = (folder.join("README.md"), readme(&folder));
        assert!(
            expected.lines().count() > 8,
            "{}: no documentation",
            folder.display()
        );
        if std::env::var_os("SEMIVOX_UPDATE").is_some() {
            fs::write(&path, &expected).expect("the README");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        let message = "run SEMIVOX_UPDATE=1 cargo test --test readmes";
        assert!(found == expected, "{}: {message}", path.display());
    }
}
