//! The labeled and test cases of public data sets, pinned: published numbers depend on them.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};

use semivox_data::layout::{self, HoldOut};
use semivox_data::{Dataset, LabelBudget};

/// A checksum (FNV-1a) of the names of all cases with their roles, in order.
fn checksum(dataset: &Dataset) -> u64 {
    let labeled = dataset.labeled.iter().map(|case| ('l', &case.id));
    let unlabeled = dataset.unlabeled.iter().map(|case| ('u', &case.id));
    let test = dataset.test.iter().map(|case| ('t', &case.id));
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for (role, id) in labeled.chain(unlabeled).chain(test) {
        for byte in format!("{role} {id}\n").bytes() {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    sum
}

/// The folder of the real data, from `SEMIVOX_DATA` or beside the workspace.
fn root() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    std::env::var_os("SEMIVOX_DATA").map_or_else(default, PathBuf::from)
}

/// The numbers of labeled, unlabeled and test cases, and the checksum, of a selection.
fn selected(folder: &Path, test: &HoldOut, budget: &str) -> ([usize; 3], u64) {
    let budget: LabelBudget = budget.parse().unwrap();
    let dataset = layout::open_split(folder, test, budget).unwrap();
    let counts = [
        dataset.labeled.len(),
        dataset.unlabeled.len(),
        dataset.test.len(),
    ];
    (counts, checksum(&dataset))
}

#[test]
fn labeled_cases_of_public_data_sets_are_those_of_earlier_results() {
    let list = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../splits/hippocampus_test.list"
    );
    let hippocampus = HoldOut::read(list).unwrap();
    for (name, budget, counts, sum) in [
        ("la", "4", [4, 76, 10], 7_120_192_764_257_203_691),
        ("la", "8", [8, 72, 10], 6_274_909_413_204_141_411),
        ("la", "10%", [8, 72, 10], 6_274_909_413_204_141_411),
        ("acdc", "1", [2, 138, 20], 13_863_959_946_921_415_953),
        ("acdc", "7", [14, 126, 20], 13_077_365_973_610_822_869),
        ("acdc", "2.5%", [4, 136, 20], 16_311_842_194_615_418_415),
        ("hippocampus", "8", [8, 152, 40], 3_877_875_657_832_032_436),
        (
            "hippocampus",
            "10%",
            [16, 144, 40],
            12_970_134_992_820_831_820,
        ),
    ] {
        let folder = root().join(name);
        if !folder.is_dir() {
            let line = format!("skipped: selections ({} is absent)\n", folder.display());
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            continue;
        }
        let nothing = HoldOut::default();
        let test = match name {
            "hippocampus" => &hippocampus,
            _ => &nothing,
        };
        let found = selected(&folder, test, budget);
        assert_eq!(found, (counts, sum), "{name}, {budget} labeled");
    }
}
