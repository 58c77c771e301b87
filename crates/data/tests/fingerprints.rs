//! Fingerprints of real scans, outside the workspace, if available.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use ndarray::s;
use semivox_data::layout::{self, HoldOut};
use semivox_data::preprocess::resample;
use semivox_data::rng::{keyed, normal};
use semivox_data::{Fingerprint, Match, Patients, Volume};

/// The scans of the real data in the folder `name`, or `None` with the reason printed.
fn scans(name: &str) -> Option<Vec<(String, Volume)>> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let data = std::env::var_os("SEMIVOX_DATA").map_or_else(default, PathBuf::from);
    let folder = data.join(name);
    if !folder.is_dir() {
        // libtest captures `eprintln!`; `.ci/run` counts these lines.
        let line = format!(
            "skipped: fingerprints of {name} (no folder `{}`; set SEMIVOX_DATA)\n",
            folder.display()
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    }
    let dataset = layout::open_held_out(folder, &HoldOut::default()).unwrap();
    let cases = dataset.labeled.iter().chain(&dataset.test);
    let read = |case: &semivox_data::LabeledCase| {
        let image = semivox_data::io::read_image(&case.image).unwrap();
        (case.id.clone(), image.into_channels().swap_remove(0))
    };
    Some(cases.map(read).collect())
}

/// Every `step`th scan meets all of its disguises and no scan of another patient; returns patients with equal scans.
fn check(name: &str, step: usize) -> Option<BTreeSet<(String, String)>> {
    let scans = scans(name)?;
    let names: Vec<&str> = scans.iter().map(|(id, _)| id.as_str()).collect();
    let patients = Patients::guess(&names);
    let prints: Vec<Fingerprint> = scans
        .iter()
        .map(|(_, scan)| Fingerprint::of(scan))
        .collect();
    let (mut equal, mut alike): (BTreeSet<(String, String)>, BTreeSet<_>) = Default::default();
    for (j, b) in prints.iter().enumerate() {
        for (i, a) in prints[..j].iter().enumerate() {
            let pair = [i, j]
                .map(|i| patients.patient_of(names[i]).to_string())
                .into();
            match a.compare(b) {
                Some(Match::Exact) => equal.insert(pair),
                Some(Match::Alike) => alike.insert(pair),
                None => false,
            };
        }
    }
    let others = alike
        .iter()
        .filter(|pair| pair.0 != pair.1 && !equal.contains(pair));
    assert_eq!(others.count(), 0, "{name}: {alike:?}");
    for ((id, scan), print) in scans.iter().zip(&prints).step_by(step) {
        for (disguise, disguised) in disguises(scan) {
            let found = print.compare(&Fingerprint::of(&disguised));
            assert_eq!(found, Some(Match::Alike), "{id}, {disguise}");
        }
    }
    Some(equal)
}

fn disguises(scan: &Volume) -> Vec<(&'static str, Volume)> {
    let of = |data| Volume::new(data, scan.geometry);
    let values = || scan.data.iter().copied();
    let (low, high) = (
        values().fold(f32::MAX, f32::min),
        values().fold(f32::MIN, f32::max),
    );
    let mut rng = keyed(5, 0, "noise");
    let by = |factor: f64| resample(scan, scan.spacing().map(|side| side / factor)).unwrap();
    let [x, y, z] = scan.shape().map(|n| if n < 20 { 0..n } else { 3..n - 3 });
    vec![
        ("scaled", of(scan.data.mapv(|x| 0.25 * x - 7.0))),
        (
            "8 bits",
            of(scan
                .data
                .mapv(|x| ((x - low) / (high - low) * 255.0).round())),
        ),
        (
            "noise",
            of(scan
                .data
                .mapv(|x| x + 0.01 * (high - low) * normal(&mut rng))),
        ),
        ("cropped", of(scan.data.slice(s![x, y, z]).to_owned())),
        ("coarser", by(0.9)),
        ("finer", by(1.1)),
    ]
}

#[test]
fn disguised_scans_of_la_are_found_and_no_others() {
    if let Some(equal) = check("la", 9) {
        assert!(equal.is_empty(), "{equal:?}");
    }
}

/// Two patients of ACDC are one: their scans have equal voxels, and different label maps.
#[test]
fn disguised_scans_of_acdc_are_found_and_no_others() {
    if let Some(equal) = check("acdc", 8) {
        assert_eq!(
            equal,
            BTreeSet::from([("patient074".into(), "patient076".into())])
        );
    }
}

#[test]
fn disguised_scans_of_the_hippocampus_are_found_and_no_others() {
    if let Some(equal) = check("hippocampus", 10) {
        assert!(equal.is_empty(), "{equal:?}");
    }
}
