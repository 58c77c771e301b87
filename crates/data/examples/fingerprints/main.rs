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

mod copies;
mod disguises;
mod pairs;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use semivox_data::inspect::Inspection;
use semivox_data::layout::{self, HoldOut};
use semivox_data::{Source, Volume};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A disguise with its name, and whether it is one of the scan in whole numbers.
type Disguise = (&'static str, Volume, bool);

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
        disguises::print(&cases)?;
        pairs::print(&cases)?;
        inspect(&folder.join(&name))?;
    }
    Ok(())
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
