//! A time for the training in place of a number of iterations: `--budget`.

use super::{TINY, fail, scans, semivox, text};

/// The flags of a tiny run after `--iterations 4`.
const SMALL: &[&str] = TINY.split_at(2).1;

#[test]
fn a_budget_becomes_a_number_of_iterations_that_is_stored() {
    let (_root, root) = scans(3, 2);
    let words = |budget| {
        let words = ["train", "mean_teacher", "--data", "scans", "--out", "run"];
        [&words[..], &["--budget", budget], SMALL].concat()
    };
    for wrong in ["2", "soon", "1d", "0s"] {
        let message = fail(&root, 2, &words(wrong));
        assert!(message.contains("2h, 45m or 90s"), "{wrong}: {message}");
    }
    let message = fail(&root, 1, &words("0.000001s"));
    assert!(
        message.contains("of one iteration on this machine"),
        "{message}"
    );
    let output = semivox(&root, &words("1s"));
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}");
    let settings = std::fs::read_to_string(root.join("run/config.toml")).expect("settings");
    let stored = settings
        .lines()
        .find_map(|line| line.strip_prefix("iterations = "));
    let stored = stored.expect("a number of iterations");
    assert!(
        told.contains(&format!("{stored} iterations in 0 min")),
        "{stored}: {told}"
    );
    let log = std::fs::read_to_string(root.join("run/metrics.jsonl")).expect("a log");
    assert_eq!(log.lines().count().to_string(), stored);
    let both = [&words("1s")[..], &["--iterations", "4"]].concat();
    assert!(fail(&root, 2, &both).contains("--iterations"));
}
