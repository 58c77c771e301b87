//! Disguises of scans, and of how many of them a fingerprint sees through each.

use std::path::Path;

use ndarray::{Array3, s};
use semivox_data::io::read_image;
use semivox_data::preprocess::resample;
use semivox_data::rng::{keyed, normal};
use semivox_data::{Fingerprint, Geometry, Match, Orientation, Source, Volume};

use crate::{Disguise, Outcome, copies};

/// Scans of each data set that are disguised.
const SCANS: usize = 20;

/// A line of the table: how many scans were found exactly, as alike and not, and the largest distance.
#[derive(Default)]
struct Row {
    name: &'static str,
    found: [usize; 3],
    farthest: u32,
}

impl Row {
    fn add(&mut self, scan: &Fingerprint, disguised: &Fingerprint) {
        let column = match scan.compare(disguised) {
            Some(Match::Exact) => 0,
            Some(Match::Alike) => 1,
            None => 2,
        };
        self.found[column] += 1;
        let distance = scan.distance(disguised).unwrap_or(u32::MAX);
        self.farthest = self.farthest.max(distance);
    }
}

/// Prints the table of disguises.
pub(crate) fn print(cases: &[(String, Source)]) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let mut rows: Vec<Row> = Vec::new();
    let every = (cases.len() / SCANS).max(1);
    for (_, source) in cases.iter().step_by(every).take(SCANS) {
        let scan = read_image(source)?.into_channels().swap_remove(0);
        let whole = Volume::new(levels(&scan.data, 32767.0), scan.geometry);
        let prints = [&scan, &whole].map(Fingerprint::of);
        let disguises = all(&scan, &whole, folder.path())?;
        rows.resize_with(disguises.len(), Row::default);
        for (row, (name, volume, in_integers)) in rows.iter_mut().zip(disguises) {
            row.name = name;
            row.add(&prints[usize::from(in_integers)], &Fingerprint::of(&volume));
        }
    }
    println!("| disguise | exact | alike | not found | largest distance |\n|---|---|---|---|---|");
    for Row {
        name,
        found: [exact, alike, not],
        farthest,
    } in rows
    {
        println!("| {name} | {exact} | {alike} | {not} | {farthest} |");
    }
    Ok(())
}

/// Intensities mapped to whole numbers from 0 to `top`.
fn levels(data: &Array3<f32>, top: f32) -> Array3<f32> {
    let [low, high] = range(data);
    data.mapv(|x| ((x - low) / (high - low) * top).round())
}

fn range(data: &Array3<f32>) -> [f32; 2] {
    let widen = |[low, high]: [f32; 2], &x: &f32| [low.min(x), high.max(x)];
    data.iter().fold([f32::INFINITY, f32::NEG_INFINITY], widen)
}

/// All disguises of a scan.
fn all(scan: &Volume, whole: &Volume, folder: &Path) -> Outcome<Vec<Disguise>> {
    let mut found = copies::of(scan, whole, folder)?;
    let rest = changed(scan)?.into_iter().chain(more(scan)?);
    found.extend(rest.map(|(name, volume)| (name, volume, false)));
    Ok(found)
}

/// The disguises that are to be seen through.
fn changed(scan: &Volume) -> Outcome<Vec<(&'static str, Volume)>> {
    let with = |data| Volume::new(data, scan.geometry);
    let unplaced = |scan: Volume| Volume::new(scan.data, Geometry::default());
    Ok(vec![
        ("LPS", turned(scan, "LPS")?),
        ("PIR, other order of axes", turned(scan, "PIR")?),
        (
            "0.5 times the intensities plus 100",
            with(scan.data.mapv(|x| 0.5 * x + 100.0)),
        ),
        ("16 bits of its range", with(levels(&scan.data, 32767.0))),
        ("8 bits of its range", with(levels(&scan.data, 255.0))),
        (
            "cropped by 3 on each side, axes of 20 and more",
            crop(scan, 3, 3, 20),
        ),
        ("resampled by 0.90", resampled(scan, 0.9)?),
        ("resampled by 0.95", resampled(scan, 0.95)?),
        ("resampled by 1.05", resampled(scan, 1.05)?),
        ("resampled by 1.10", resampled(scan, 1.1)?),
        (
            "resampled by 0.90, spacing 1",
            unplaced(resampled(scan, 0.9)?),
        ),
        (
            "resampled by 1.10, spacing 1",
            unplaced(resampled(scan, 1.1)?),
        ),
        ("noise of 1 %", noisy(scan, 0.01)),
    ])
}

/// Disguises beyond those, to tell where it ends.
fn more(scan: &Volume) -> Outcome<Vec<(&'static str, Volume)>> {
    let [low, _] = range(&scan.data);
    let mirrored = Volume::new(turned(scan, "LPS")?.data, scan.geometry);
    let root = Volume::new(scan.data.mapv(|x| (x - low).sqrt()), scan.geometry);
    Ok(vec![
        ("beyond: LPS, orientation lost", mirrored),
        ("beyond: noise of 3 %", noisy(scan, 0.03)),
        ("beyond: square root of intensities", root),
        (
            "beyond: resampled by 0.90, cropped by 3",
            crop(&resampled(scan, 0.9)?, 3, 3, 20),
        ),
        ("beyond: cropped by 1 on each side", crop(scan, 1, 1, 20)),
        ("beyond: cropped by 2 on each side", crop(scan, 2, 2, 20)),
        ("beyond: cropped by 4 on each side", crop(scan, 4, 4, 20)),
        ("beyond: cropped by 5 on each side", crop(scan, 5, 5, 20)),
        ("beyond: cropped by 3 on one side", crop(scan, 3, 0, 20)),
        (
            "beyond: cropped by 1 on one side of every axis",
            crop(scan, 1, 0, 0),
        ),
        (
            "beyond: cropped by 2 on each side of every axis",
            crop(scan, 2, 2, 5),
        ),
    ])
}

fn turned(scan: &Volume, letters: &str) -> Outcome<Volume> {
    let present = Orientation::of(&scan.geometry);
    Ok(present.reorientation_to(letters.parse()?).volume(scan))
}

fn resampled(scan: &Volume, factor: f64) -> Outcome<Volume> {
    Ok(resample(scan, scan.spacing().map(|side| side / factor))?)
}

/// A scan with normal noise, of this share of its range.
fn noisy(scan: &Volume, share: f32) -> Volume {
    let [low, high] = range(&scan.data);
    let mut rng = keyed(scan.data.len() as u64, 0, "noise");
    let add = |x| x + share * (high - low) * normal(&mut rng);
    Volume::new(scan.data.mapv(add), scan.geometry)
}

/// A scan without some voxels at the start and the end of each axis with at least so many.
fn crop(scan: &Volume, start: usize, end: usize, least: usize) -> Volume {
    let [x, y, z] = scan
        .shape()
        .map(|n| if n < least { 0..n } else { start..n - end });
    Volume::new(scan.data.slice(s![x, y, z]).to_owned(), scan.geometry)
}
