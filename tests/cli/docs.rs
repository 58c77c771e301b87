//! Runs every command of the documentation on small scans, and checks that its examples exist.

use std::path::{Path, PathBuf};
use std::process::Command;

use semivox::prelude::preset;

use super::{TINY, scans, semivox, text};

/// Returns the pages of the documentation in order, and the README.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let summary =
        std::fs::read_to_string(root.join("docs/SUMMARY.md")).expect("the table of contents");
    let linked = summary
        .split('(')
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let pages = linked
        .filter(|page| page.ends_with(".md"))
        .map(|page| root.join("docs").join(page));
    pages.chain([root.join("README.md")]).collect()
}

/// Returns the lines of a page's `sh` blocks.
fn commands(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => found.push(
                line.split('#')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_string(),
            ),
            _ => {}
        }
    }
    found.retain(|line| !line.is_empty());
    found
}

/// Splits a line into words; quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("a word").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Runs a line of the documentation in `folder`, with tiny settings for trainings.
///
/// A line with a placeholder for data that are not available, such as LA_FOLDER, is only parsed.
fn run(folder: &Path, page: &Path, line: &str) {
    let words = words(line);
    let mut arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let new = ["train", "compare"].contains(&arguments[0]);
    if arguments.iter().any(|word| word.ends_with("_FOLDER")) {
        let methods = match arguments[1] {
            "--methods" => arguments[2],
            method => method,
        };
        for method in methods.split(',') {
            check_method(page, line, method);
        }
        // At the end, so that mistakes earlier in the line are still found.
        arguments.push("--help");
    } else if new
        && !arguments
            .iter()
            .any(|a| ["--resume", "--config"].contains(a))
    {
        let given = arguments.contains(&"--iterations");
        arguments.extend(&TINY[if given { 2 } else { 0 }..]);
    }
    let output = semivox(folder, &arguments);
    let error = text(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {line}: {error}",
        page.display()
    );
}

/// Asserts that a method exists, unless it is the placeholder NAME.
fn check_method(page: &Path, line: &str, method: &str) {
    let known = method == "NAME" || preset("smoke", method).is_ok();
    assert!(known, "{}: {line}: an unknown method", page.display());
}

/// Asserts that the target of a `cargo` line exists; it is run elsewhere.
fn check_cargo(page: &Path, line: &str) {
    let words = words(line);
    let named = words.iter().position(|word| word == "--example");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some(example) = named.and_then(|at| words.get(at + 1)) {
        let file = root.join("examples").join(format!("{example}.rs"));
        assert!(file.is_file(), "{}: {line}", page.display());
    }
}

/// Asserts that a script exists.
fn check_script(line: &str) {
    let script = words(line).swap_remove(1);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    assert!(file.is_file(), "{line}");
}

#[test]
fn every_command_of_the_book_runs() {
    let mut ran = 0;
    for page in pages() {
        let (_root, folder) = scans(5, 3);
        // A scan outside the data set.
        std::fs::create_dir(folder.join("new")).expect("a folder");
        let [from, to] = ["scans/images", "new"].map(|part| folder.join(part).join("case4.nii.gz"));
        std::fs::copy(from, to).expect("a scan");
        for line in commands(&page) {
            // Environment variables may precede the program.
            match line.split(' ').find(|word| !word.contains('=')) {
                Some("semivox") => run(&folder, &page, &line),
                Some("cargo") => check_cargo(&page, &line),
                Some("python" | "bash") => check_script(&line),
                Some("printf") => {
                    let done = Command::new("sh")
                        .args(["-c", &line])
                        .current_dir(&folder)
                        .status();
                    assert!(done.expect("a shell").success(), "{line}");
                }
                _ => panic!("{}: {line}: an unknown program", page.display()),
            }
            ran += 1;
        }
    }
    assert!(ran > 20, "only {ran} commands found");
}

#[test]
fn every_link_of_the_book_leads_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        let folder = page.parent().expect("a folder");
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.starts_with("http") {
                continue;
            }
            assert!(folder.join(file).exists(), "{}: {target}", page.display());
        }
    }
}
