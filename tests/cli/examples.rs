//! Checks the settings of the examples of the papers.

use semivox::trainer::TrainError;
use semivox::trainer::presets::Task;

use super::RunConfig;

#[allow(dead_code)]
#[path = "../../examples/action_la.rs"]
mod action_la;
#[allow(dead_code)]
#[path = "../../examples/action_pp_la.rs"]
mod action_pp_la;
#[allow(dead_code)]
#[path = "../../examples/cvrl_la.rs"]
mod cvrl_la;
#[allow(dead_code)]
#[path = "../../examples/ideal_acdc.rs"]
mod ideal_acdc;
#[allow(dead_code)]
#[path = "../../examples/simcvd_la.rs"]
mod simcvd_la;

type Configuration = fn(&str) -> Result<RunConfig, TrainError>;

/// Examples have the settings of the presets, so that published results of the presets hold for them.
#[test]
fn examples_set_what_the_presets_set() {
    let examples: [(Task, &str, Configuration); 5] = [
        (Task::LeftAtrium, "action", action_la::configuration),
        (Task::LeftAtrium, "action_pp", action_pp_la::configuration),
        (Task::LeftAtrium, "simcvd", simcvd_la::configuration),
        (Task::LeftAtrium, "cvrl", cvrl_la::configuration),
        (Task::Acdc, "ideal", ideal_acdc::configuration),
    ];
    for (task, method, configuration) in examples {
        for size in ["smoke", "quick", "standard", "paper"] {
            let preset = task.preset(size, method).expect("a preset");
            let found = configuration(size).expect("the settings of the example");
            assert_eq!(found, preset, "{method} {size}");
        }
    }
}
