//! Builds a data set in code, for scans in a layout that the library does not know, and trains on it.
//!
//! ```sh
//! cargo run --release --example own_dataset
//! ```

use std::error::Error;
use std::sync::{Arc, atomic::AtomicBool};

use semivox::data::phantom::{PhantomConfig, write_dataset};
use semivox::data::{LabeledCase, Survey, layout::Layout};
use semivox::inference::device;
use semivox::prelude::*;
use semivox::trainer::{evaluating, presets::Task, run::folder::RunFolder};
use semivox::trainer::{training::Training, training_set::TrainingSet};

fn main() -> Result<(), Box<dyn Error>> {
    // Generated scans; their paths need not follow any layout.
    let folder = tempfile::tempdir()?;
    write_dataset(folder.path(), 8, 0, &PhantomConfig::default())?;
    let file = |kind, n| folder.path().join(format!("{kind}/phantom_{n:03}.nii.gz"));
    let case = |n: usize| LabeledCase {
        id: format!("patient {n}"),
        image: file("images", n).into(),
        label: file("labels", n).into(),
    };
    let dataset = Dataset {
        name: "my archive".into(),
        layout: Layout::Folder,
        classes: vec!["background".into(), "left atrium".into()],
        channels: Vec::new(),
        labeled: (0..3).map(case).collect(),
        unlabeled: (3..6).map(|n| case(n).into_unlabeled()).collect(),
        test: (6..8).map(case).collect(),
        notes: Vec::new(),
    };

    // Voxel size, patch size, network and intensity normalization are derived from the labeled scans.
    let survey = Survey::read(&dataset.labeled, &dataset.classes)?;
    println!("{:?} voxels of {:?} mm", survey.shape, survey.spacing_mm);
    let mut config = Task::Own.fitted(&survey, "smoke", "mean_teacher")?;
    config.method = config.method.with_iterations(60);
    config.data.classes.clone_from(&dataset.classes);

    // Training runs the loop directly, since a session would look for the data set in a folder.
    let device = device::by_name(&config.device)?.autodiff();
    let context = config.context(dataset.classes.len(), &device);
    let mut method = config.method.settings().method(context)?;
    let set = TrainingSet::load(&dataset, &config.data.preprocess, &())?;
    let training = Training {
        config: &config,
        run: &RunFolder::create(folder.path().join("run"))?,
        set: Arc::new(set),
        device,
        stop: &AtomicBool::new(false),
    };
    training.run(&mut method, &mut ())?;
    let (model, stop) = (Model::open(training.run.root())?, training.stop);
    let found = evaluating::evaluate(&model, &dataset, &config, None, &mut (), stop)?;
    found.iter().for_each(|metrics| println!("{metrics}"));
    Ok(())
}
