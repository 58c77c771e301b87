//! The command `semivox device`.

use std::process::ExitCode;

use burn::prelude::Device;
use clap::Args;
use clap::builder::PossibleValuesParser;
use semivox_inference::device;
use semivox_methods::method_config::MethodConfig;
use semivox_trainer::TrainError;
use semivox_trainer::agreement::{self, Agreement};
use serde_json::json;

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Device to test: cpu, or cuda[:N], wgpu[:N], vulkan[:N], metal, ndarray where compiled in [default:
    /// none, which lists the devices of this build].
    name: Option<String>,
    /// Also compare three training steps of this method; may be given several times.
    #[arg(long, value_name = "METHOD", requires = "name", value_parser = PossibleValuesParser::new(MethodConfig::NAMES))]
    method: Vec<String>,
    /// Also compare three training steps of every method.
    #[arg(long, requires = "name", conflicts_with = "method")]
    all_methods: bool,
    /// Print each result as one line of JSON.
    #[arg(long)]
    json: bool,
}

const AFTER: &str = "\
Weights and patches are the same on both devices. Logits are compared by their largest difference, loss
terms by their relative difference; after the first step the weights differ by the rounding errors of
the gradients, so later steps have larger tolerances. Dropout and noise, which a device draws itself,
are off. The tolerances allow for GPUs that round factors to TF32. The first pass on a GPU compiles its
kernels; CUBECL_AUTOTUNE_LEVEL=minimal shortens that.

Exit code 1: the device is not available, or a difference exceeds its tolerance.";

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, TrainError> {
    let as_json = arguments.json;
    let Some(name) = &arguments.name else {
        list(as_json);
        return Ok(ExitCode::SUCCESS);
    };
    describe(name, &device::by_name(name)?, as_json)?;
    let mut agrees = tell(agreement::logits(name), "logits", as_json);
    agrees &= tell(agreement::gradients(name), "gradients", as_json);
    let methods = match arguments.all_methods {
        true => agreement::methods(),
        false => arguments.method.clone(),
    };
    for method in methods {
        // A method that cannot be compared is reported, and the others are still compared.
        agrees &= tell(agreement::steps(name, &method), &method, as_json);
    }
    Ok(match agrees {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn list(as_json: bool) {
    let names = device::compiled_in();
    match as_json {
        true => super::print_json(&json!({ "devices": names })),
        false => println!(
            "Devices of this build: {}\nTest one with semivox device NAME; others need a build with their feature.",
            names.join(", ")
        ),
    }
}

/// Prints the device's name, the time of a forward pass and the memory held after it.
fn describe(name: &str, device: &Device, as_json: bool) -> Result<(), TrainError> {
    let own_name = device::own_name(device);
    let [first, second] = device::pass_seconds(name)?;
    let held = device.memory_pool_usage().map(|pool| pool.bytes_reserved);
    if as_json {
        super::print_json(&json!({
            "device": name, "name": own_name, "first_pass_seconds": first, "pass_seconds": second,
            "bytes_reserved": held,
        }));
        return Ok(());
    }
    println!("{name}: {}", own_name.as_deref().unwrap_or("has no name"));
    println!(
        "forward pass of a V-Net with 16 filters, 64×64×32 voxels: the first {first:.3} s, the second {second:.3} s"
    );
    if let Some(held) = held {
        println!(
            "memory held on the device after it: {:.2} GB",
            held as f64 / 1e9
        );
    }
    Ok(())
}

/// Prints the comparisons, or the error that prevented them, and returns whether all of them agree.
fn tell(found: Result<Vec<Agreement>, TrainError>, what: &str, as_json: bool) -> bool {
    let rows = match found {
        Ok(rows) => rows,
        Err(error) => {
            let message = error.to_string();
            match as_json {
                true => {
                    super::print_json(&json!({ "what": what, "agrees": false, "error": message }))
                }
                false => println!("{what}: not compared: {message}"),
            }
            return false;
        }
    };
    for row in &rows {
        match as_json {
            true => super::print_json(&json!({
                "what": row.what, "difference": row.difference, "tolerance": row.tolerance,
                "agrees": row.holds(),
            })),
            false => println!("{row}"),
        }
    }
    rows.iter().all(Agreement::holds)
}
