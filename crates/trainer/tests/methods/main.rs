//! Every method, on volumes and on slices.

#![allow(clippy::unwrap_used)]

#[path = "../common/alone.rs"]
mod alone;
mod averages;
mod batches;
mod descent;
mod ignored;
mod inputs;
mod lab;
mod pairs;
mod sessions;
mod spec;
mod state;
mod vectors;

use semivox_methods::method_config::MethodConfig;
use semivox_models::Architecture;

/// Defines the tests of each method on each network, called `METHOD::NETWORK::CHECK`.
macro_rules! methods {
    ($($method:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($method)),*];
        $(mod $method {
            network!(vnet);
            network!(unet);
        })*
    };
}

/// Defines the tests of a method on a network.
macro_rules! network {
    ($network:ident) => {
        checks! {
            $network:
            descends_on_every_term => descent,
            averages_follow => averages,
            terms_see_their_inputs => inputs,
            ignored_voxels_take_no_part => ignored,
            compares_what_belongs_together => pairs,
            takes_every_batch_and_resumes => batches,
            trains_stops_and_resumes => sessions,
        }
    };
}

/// Defines a test for each module with a function `check`.
macro_rules! checks {
    ($network:ident: $($test:ident => $module:ident,)*) => {
        mod $network {
            $(#[test]
            fn $test() {
                crate::run(module_path!(), stringify!($test), crate::$module::check);
            })*
        }
    };
}

methods! {
    supervised entropy_minimization mean_teacher ua_mt ict cps dtc urpc mc_net_plus ss_net bcp fixmatch unimatch global_local simcvd cvrl ideal action action_pp
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
