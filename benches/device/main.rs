//! Benchmark of networks and single operators on a device, as `benches/peers/network.py` and
//! `benches/peers/operators.py` do for PyTorch.
//!
//! ```sh
//! cargo bench --bench device -- network train 1 112 112 80 16 5
//! cargo bench --bench device -- operator conv 1 112 112 80 16 5 cpu
//! cargo bench --bench device -- cli device cpu
//! ```
//!
//! | mode | arguments | prints |
//! |---|---|---|
//! | `network` | `train`, `infer` or `window`, batch, depth, height, width, filters, timed steps, device | seconds of every timed step, memory |
//! | `operator` | `conv`, `down`, `up`, `norm` or `all`, the rest as above | the same for every level of a V-Net, one line each |
//! | `cli` | those of the `semivox` command | the output of that command |
//!
//! The default device is `cpu`. Results are lines of JSON. `peak_bytes` is the peak resident memory of the process
//! on the CPU, elsewhere the most memory that Burn's allocator held on the device after a step.

mod clock;
mod network;
mod operator;

use std::fmt::Display;
use std::process::ExitCode;
use std::str::FromStr;

use burn::prelude::Device;
use semivox::inference::device;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let Some((mode, rest)) = arguments.split_first() else {
        // `cargo bench` without a name runs every benchmark without arguments; this one then runs with defaults.
        return outcome(network::run(&[]));
    };
    match mode.as_str() {
        "network" => outcome(network::run(rest)),
        "operator" => outcome(operator::run(rest)),
        "cli" => semivox::cli::main_of(rest),
        other => outcome(Err(format!(
            "unknown mode '{other}': expected network, operator or cli"
        ))),
    }
}

fn outcome(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Parameters of a measurement: sizes, number of steps and device.
struct Work {
    /// `[batch, 1, depth, height, width]`.
    shape: [usize; 5],
    filters: usize,
    steps: usize,
    device: Device,
}

impl Work {
    /// Reads batch, depth, height, width, filters, steps and device; missing ones have small defaults.
    fn read(arguments: &[String]) -> Result<Self, String> {
        let sizes = |index, fallback| read(arguments, index, fallback);
        let name = read(arguments, 6, String::from("cpu"))?;
        Ok(Self {
            shape: [sizes(0, 1)?, 1, sizes(1, 64)?, sizes(2, 64)?, sizes(3, 32)?],
            filters: sizes(4, 8)?,
            steps: sizes(5, 5)?,
            device: device::by_name(&name).map_err(|error| error.to_string())?,
        })
    }
}

fn read<T: FromStr<Err: Display>>(
    arguments: &[String],
    index: usize,
    fallback: T,
) -> Result<T, String> {
    match arguments.get(index) {
        None => Ok(fallback),
        Some(text) => text
            .parse()
            .map_err(|error| format!("expected a number or name, found '{text}': {error}")),
    }
}
