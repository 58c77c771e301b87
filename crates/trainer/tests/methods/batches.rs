//! Steps on batches of one patch of each kind, of unequal numbers, and without one of the classes, for every ablation.
//! All terms are finite, and a checkpoint of any stage contains everything that the next step needs.

use semivox_models::Architecture;
use semivox_trainer::config::RunConfig;

use crate::descent::framed;
use crate::lab::{CLASSES, Lab};
use crate::spec::Method;
use crate::state::contents;

/// Checks a method and its ablations.
pub fn check(method: &Method, architecture: Architecture) {
    let config = framed(method, architecture);
    for batch in [[1, 1], [2, 3]] {
        run(&config, batch);
    }
    for ablation in method.ablations {
        let mut config = config.clone();
        config.method = config.method.with_ablation(ablation).unwrap();
        run(&config, [2, 2]);
    }
}

/// Takes, in each stage, a step before a checkpoint and one after it, with the same method and with one loaded from it.
fn run(config: &RunConfig, batch: [usize; 2]) {
    let mut config = config.clone();
    config.method.settings_mut().set_batch(batch);
    let device = burn::prelude::Device::flex().autodiff();
    let method = config
        .method
        .settings()
        .method(config.context(CLASSES, &device));
    for stage in 0..method.unwrap().stages().len() {
        let what = format!("{:?}, batch {batch:?}, stage {}", config.method, stage + 1);
        let mut lab = Lab::after(config.clone(), stage, 1, CLASSES - 1);
        let mut loaded = lab.loaded(&Vec::new(), &lab.base());
        let values = lab.step(&mut loaded, 1, 4);
        let resumed = contents(&lab.save(&loaded, "resumed"));
        let (straight, folder) = lab.go_on(1, 4);
        assert_eq!(straight, values, "{what}");
        let finite = values.iter().all(|(_, value)| value.is_finite());
        assert!(finite && !values.is_empty(), "{what}: {values:?}");
        let straight = contents(&folder);
        assert!(straight.keys().eq(resumed.keys()), "{what}");
        for (name, bytes) in &straight {
            assert!(
                *bytes == resumed[name],
                "{what}: {name} differs after a resume"
            );
        }
    }
}
