//! Measures which disguises of a scan its fingerprint sees through, and how far scans of different patients are apart.
//!
//! ```sh
//! cargo run --release -p semivox-data --example fingerprints -- DATA la acdc hippocampus
//! ```
//!
//! The arguments are a folder and data sets in it. For 20 scans of each, spread over the data set, a line of the
//! table says of how many the disguise was found exactly, as alike, or not, with the largest distance. Then all pairs of
//! scans of different patients are compared, and the time for a fingerprint is set beside the time to read and to
//! inspect a scan, for which RAYON_NUM_THREADS=1 is to be set.

use std::collections::HashSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use hdf5_pure::FileBuilder;
use ndarray::{Array3, s};
use semivox_data::inspect::Inspection;
use semivox_data::io::{read_image, write_volume};
use semivox_data::layout::{self, HoldOut};
use semivox_data::preprocess::resample;
use semivox_data::rng::{keyed, normal};
use semivox_data::{
    AxisOrder, Fingerprint, Geometry, Image, Match, Orientation, Patients, Source, Volume,
};

/// Scans of each data set that are disguised.
const SCANS: usize = 20;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .ok_or("expected a folder and data sets in it, such as: data la acdc")?,
    );
    for name in arguments {
        println!("## {name}\n");
        let dataset = layout::open_held_out(folder.join(&name), &HoldOut::default())?;
        let labeled = dataset.labeled.iter().chain(&dataset.test);
        let cases: Vec<(String, Source)> = labeled
            .map(|case| (case.id.clone(), case.image.clone()))
            .collect();
        disguises(&cases)?;
        pairs(&cases)?;
        inspect(&folder.join(&name))?;
    }
    Ok(())
}

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
fn disguises(cases: &[(String, Source)]) -> Outcome<()> {
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

/// A disguise with its name, and whether it is one of the scan in whole numbers.
type Disguise = (&'static str, Volume, bool);

/// All disguises of a scan.
fn all(scan: &Volume, whole: &Volume, folder: &Path) -> Outcome<Vec<Disguise>> {
    let mut found = files(scan, whole, folder)?;
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

/// Copies of a scan in other files.
fn files(scan: &Volume, whole: &Volume, folder: &Path) -> Outcome<Vec<Disguise>> {
    let at = |name: &str| folder.join(name);
    let read = |source: Source| -> Outcome<Volume> {
        Ok(read_image(&source)?.into_channels().swap_remove(0))
    };
    let placed = |file: &str| read(Source::File(at(file)));
    write_volume(at("other.nii.gz"), scan)?;
    write_volume(at("plain.nii"), scan)?;
    nrrd(&at("float.nrrd"), "float", scan, |x| {
        x.to_le_bytes().to_vec()
    })?;
    nrrd(&at("short.nrrd"), "short", whole, |x| {
        (x as i16).to_le_bytes().to_vec()
    })?;
    Ok(vec![
        (
            "copy under another name, .nii.gz",
            placed("other.nii.gz")?,
            false,
        ),
        ("plain .nii", placed("plain.nii")?, false),
        ("NRRD", placed("float.nrrd")?, false),
        ("HDF5", read(hdf5(&at("scan.h5"), scan)?)?, false),
        (
            "16-bit integers for equal floats",
            placed("short.nrrd")?,
            true,
        ),
    ])
}

/// Writes a scan as HDF5.
fn hdf5(path: &Path, scan: &Volume) -> Outcome<Source> {
    let mut builder = FileBuilder::new();
    let values: Vec<f32> = scan.data.iter().copied().collect();
    let shape = scan.shape().map(|n| n as u64);
    builder
        .create_dataset("image")
        .with_f32_data(&values)
        .with_shape(&shape);
    fs::write(path, builder.finish()?)?;
    Ok(Source::Hdf5 {
        path: path.into(),
        dataset: "image".into(),
        axes: AxisOrder::SlicesLast,
        spacing_mm: scan.spacing(),
    })
}

/// Writes a scan in RAS as NRRD.
fn nrrd(path: &Path, kind: &str, scan: &Volume, bytes: fn(f32) -> Vec<u8>) -> Outcome<()> {
    let ([x, y, z], affine) = (scan.shape(), scan.geometry.affine);
    let column = |axis: usize| {
        format!(
            "({},{},{})",
            affine[0][axis], affine[1][axis], affine[2][axis]
        )
    };
    let [a, b, c, origin] = [0, 1, 2, 3].map(column);
    let header = format!(
        "NRRD0004\ntype: {kind}\ndimension: 3\nspace: right-anterior-superior\nsizes: {x} {y} {z}\nspace directions: {a} {b} {c}\nspace origin: {origin}\nendian: little\nencoding: raw\n\n"
    );
    // The first axis is the fastest in the file.
    let voxels = scan.data.t().iter().flat_map(|&x| bytes(x)).collect();
    Ok(fs::write(path, [header.into_bytes(), voxels].concat())?)
}

/// A scan without some voxels at the start and the end of each axis with at least so many.
fn crop(scan: &Volume, start: usize, end: usize, least: usize) -> Volume {
    let [x, y, z] = scan
        .shape()
        .map(|n| if n < least { 0..n } else { start..n - end });
    Volume::new(scan.data.slice(s![x, y, z]).to_owned(), scan.geometry)
}

/// Compares all scans of different patients and prints the time that the fingerprints take.
fn pairs(cases: &[(String, Source)]) -> Outcome<()> {
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

/// Prints the time to inspect a data set, for each of its scans.
fn inspect(root: &Path) -> Outcome<()> {
    let start = Instant::now();
    let found = Inspection::read(root, &HoldOut::default(), &|_, _| ())?;
    let time = start.elapsed().as_secs_f64() * 1e3 / found.cases.len() as f64;
    println!(
        "Inspecting takes {time:.2} ms for each scan on {} threads.\n",
        rayon::current_num_threads()
    );
    Ok(())
}
