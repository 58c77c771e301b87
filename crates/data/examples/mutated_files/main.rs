//! Reads damaged files of every format and counts panics, hangs and exhausted memory, of which there must be none.
//!
//! ```sh
//! cargo run --release -p semivox-data --example mutated_files -- 5000 0
//! ```
//!
//! The arguments are the number of trials and the seed. A trial changes one of the files of the tests and of two small
//! data sets, and reads it. The trials run in a child process, on Unix with a limited address space; a trial that
//! ends the child is counted, and the next child goes on after it. Ends with 1 if there was one.

mod data_sets;
mod mutation;
mod trials;

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

/// Address space of the child in KiB.
const MEMORY_KIB: u64 = 1 << 20;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<ExitCode> {
    let arguments: Result<Vec<u64>, _> = env::args().skip(1).map(|text| text.parse()).collect();
    match arguments.as_deref() {
        Ok(&[count, seed]) => all(count, seed),
        Ok(&[count, seed, first]) => trials::run(count, seed, first),
        _ => Err("expected the number of trials and the seed, such as: 5000 0".into()),
    }
}

/// Runs all trials in children.
fn all(count: u64, seed: u64) -> Outcome<ExitCode> {
    let (mut first, mut read, mut refused, mut bad) = (0, 0, 0, 0);
    while first < count {
        let own = env::current_exe()?;
        let line = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" {count} {seed} {first}");
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .arg(own)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut present = String::new();
        for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines() {
            let line = line?;
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "trial" => {
                    present = rest.into();
                    first = rest.split(' ').next().unwrap_or("").parse::<u64>()? + 1;
                }
                "read" => read += 1,
                "refused" => refused += 1,
                "files" => println!("{rest} files of all formats are changed"),
                "panic" => {
                    bad += 1;
                    println!("panic in trial {present}: {rest}");
                }
                _ => {}
            }
        }
        let status = child.wait()?;
        if !status.success() {
            if present.is_empty() {
                return Err(
                    "the trials do not begin within the limit of memory; raise MEMORY_KIB".into(),
                );
            }
            bad += 1;
            println!("trial {present} ended the program: {status}");
        }
    }
    println!(
        "{count} mutated files: {read} read, {refused} refused, {bad} panics, hangs or exhausted memory"
    );
    Ok(ExitCode::from(u8::from(bad > 0)))
}
