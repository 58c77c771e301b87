//! Distances between scans of different patients, and the time that fingerprints take.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use semivox_data::io::read_image;
use semivox_data::{Fingerprint, Image, Match, Patients, Source};

use crate::Outcome;

/// Compares all scans of different patients and prints the time that the fingerprints take.
pub(crate) fn print(cases: &[(String, Source)]) -> Outcome<()> {
    let (mut reading, mut taking) = (Duration::ZERO, Duration::ZERO);
    let mut prints = Vec::new();
    for (_, source) in cases {
        let start = Instant::now();
        let image: Image = read_image(source)?;
        reading += start.elapsed();
        let start = Instant::now();
        prints.push(Fingerprint::of(&image));
        taking += start.elapsed();
    }
    let start = Instant::now();
    let (alike, mut distances) = compare(cases, &prints);
    let comparing = start.elapsed();
    distances.sort_unstable();
    println!(
        "\n{} pairs of scans of different patients: {alike} alike; the least distances are {:?}, the limit is {}.",
        distances.len(),
        &distances[..distances.len().min(8)],
        Fingerprint::LIMIT
    );
    let per_scan = |time: Duration| time.as_secs_f64() * 1e3 / cases.len() as f64;
    println!(
        "Of each scan {:.2} ms for reading and {:.2} ms for the fingerprint; {:.0} ms for comparing all pairs.",
        per_scan(reading),
        per_scan(taking),
        comparing.as_secs_f64() * 1e3
    );
    Ok(())
}

/// The number of scans of different patients that are alike, and the distances of all of them.
///
/// Patients with a scan of equal voxels are one, and are named.
fn compare(cases: &[(String, Source)], prints: &[Fingerprint]) -> (usize, Vec<u32>) {
    let names: Vec<&str> = cases.iter().map(|(id, _)| id.as_str()).collect();
    let patients = Patients::guess(&names);
    let patient = |i: usize| patients.patient_of(names[i]);
    let all = (0..prints.len()).flat_map(|i| (0..i).map(move |j| (j, i)));
    let other = all.filter(|&(j, i)| patient(j) != patient(i));
    let pairs: Vec<_> = other
        .map(|(j, i)| (j, i, prints[j].compare(&prints[i])))
        .collect();
    let mut one = HashSet::new();
    println!();
    for &(j, i, _) in pairs.iter().filter(|pair| pair.2 == Some(Match::Exact)) {
        println!("{} and {} have equal voxels.", names[j], names[i]);
        one.insert((patient(j), patient(i)));
    }
    let different = pairs
        .iter()
        .filter(|&&(j, i, _)| !one.contains(&(patient(j), patient(i))));
    let alike = different.clone().filter(|pair| pair.2.is_some()).count();
    let distances = different.filter_map(|&(j, i, _)| prints[j].distance(&prints[i]));
    (alike, distances.collect())
}
