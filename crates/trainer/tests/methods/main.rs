//! Every method, on volumes and on slices.

#![allow(clippy::unwrap_used)]

mod alone;
mod averages;
mod batches;
mod descent;
mod inputs;
mod lab;
mod sessions;
mod spec;
mod state;

use semivox_models::Architecture;
use semivox_trainer::method::MethodConfig;

/// Tests of each method on each network, called `METHOD::NETWORK::CHECK`.
macro_rules! methods {
    ($($method:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($method)),*];
        $(mod $method {
            tests!(vnet);
            tests!(unet);
        })*
    };
}

/// The tests of a method on a network.
macro_rules! tests {
    ($network:ident) => {
        mod $network {
            #[test]
            fn descends_on_every_term() {
                crate::run(
                    module_path!(),
                    "descends_on_every_term",
                    crate::descent::check,
                );
            }

            #[test]
            fn averages_follow() {
                crate::run(module_path!(), "averages_follow", crate::averages::check);
            }

            #[test]
            fn terms_see_their_inputs() {
                crate::run(
                    module_path!(),
                    "terms_see_their_inputs",
                    crate::inputs::check,
                );
            }

            #[test]
            fn takes_every_batch_and_resumes() {
                crate::run(
                    module_path!(),
                    "takes_every_batch_and_resumes",
                    crate::batches::check,
                );
            }

            #[test]
            fn trains_stops_and_resumes() {
                crate::run(
                    module_path!(),
                    "trains_stops_and_resumes",
                    crate::sessions::check,
                );
            }
        }
    };
}

methods! {
    supervised entropy_minimization mean_teacher ua_mt ict cps dtc urpc global_local simcvd cvrl ideal action action_pp
}

/// Runs a check of the method and the network that the test's module is named after.
fn run(module: &str, test: &str, check: fn(&spec::Method, Architecture)) {
    let parts: Vec<&str> = module.split("::").collect();
    let [_, method, network] = parts[..] else {
        panic!("{module} is not METHOD::NETWORK")
    };
    let architecture = match network {
        "vnet" => Architecture::VNet,
        _ => Architecture::UNet,
    };
    let path = format!("{method}::{network}::{test}");
    alone::alone(&path, || check(&spec::spec(method), architecture));
}

#[test]
fn every_method_is_tested() {
    assert_eq!(TESTED, MethodConfig::NAMES);
}
