//! A run made of weights from elsewhere, which predicts like a trained one.

use std::path::Path;

use semivox_models::weights;

use crate::checkpoint::{self, Position};
use crate::config::RunConfig;
use crate::device;
use crate::error::TrainError;
use crate::recipe::Recipe;
use crate::recipes::{Supervised, SupervisedConfig};
use crate::run::folder::RunFolder;

/// What [`import`] left out of a file, and what it had to keep of a new network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers {
    /// Tensors of the file that segment nothing, by their names there.
    pub unused: Vec<String>,
    /// Parameters that the file has nothing for, by our paths.
    pub kept: Vec<String>,
}

/// Makes the run folder `out` from a file of weights (safetensors or `.pth`, see
/// [`weights`]).
///
/// How scans are prepared follows from `config`, network and number of classes from the file. The names in
/// `config.data.classes` are used if there are any, else `class 1`, `class 2`, ….
///
/// # Errors
/// If the file holds no network that is known, the number of class names is another, the settings do not
/// fit the network, or `out` holds a run already.
pub fn import(
    file: &Path,
    mut config: RunConfig,
    out: &Path,
) -> Result<(RunFolder, Leftovers), TrainError> {
    let found = weights::inspect(file)?.config;
    if found.architecture.is_2d() != config.network.architecture.is_2d() {
        return Err(TrainError::Input(format!(
            "{}: expected a network for task {}, a {}, found a {}; choose another task",
            file.display(),
            config.task,
            config.network.architecture,
            found.architecture
        )));
    }
    config.network.architecture = found.architecture;
    config.network.filters = found.filters;
    config.network.upsampling = found.upsampling;
    config.data.classes = names(config.data.classes, found.classes)?;
    config.check()?;
    let iterations = config.method.settings().iterations();
    let setting = config.setting(found.classes, &device::by_name(&config.device)?.autodiff());
    let mut recipe = Supervised::new(SupervisedConfig::new(iterations), &setting);
    let imported = weights::import(recipe.network(), file)?;
    recipe.networks = imported.network;
    let run = RunFolder::create(out)?;
    let position = Position::new(iterations, 0);
    checkpoint::write(&run.checkpoints(), position, |w| recipe.save(w))?;
    run.write_config(&config.to_toml()?)?;
    let leftovers = Leftovers {
        unused: imported.unused,
        kept: imported.kept,
    };
    Ok((run, leftovers))
}

fn names(given: Vec<String>, classes: usize) -> Result<Vec<String>, TrainError> {
    if given.is_empty() {
        let others = (1..classes).map(|class| format!("class {class}"));
        return Ok(std::iter::once("background".into()).chain(others).collect());
    }
    match given.len() == classes {
        true => Ok(given),
        false => Err(TrainError::Input(format!(
            "expected {classes} class names with the background, as many as the file has classes, found {}: {}",
            given.len(),
            given.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::prelude::*;
    use ndarray::Array3;
    use semivox_data::{Geometry, Volume};
    use semivox_models::{Architecture, NetworkConfig, Upsampling};

    use crate::inference::{PredictOptions, Predictor};
    use crate::presets::Task;

    #[test]
    fn an_exported_network_predicts_the_same_after_import() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("unet.safetensors");
        let device = Device::flex();
        device.seed(1);
        let network = NetworkConfig::new(1, 3)
            .with_architecture(Architecture::UNet)
            .with_upsampling(Upsampling::Linear)
            .with_filters(2)
            .init(&device);
        weights::export(&network, &[], &file).unwrap();
        let config = Task::Acdc.preset("compact", "supervised").unwrap();
        let values = [
            ("data.preprocess.slice_size", "[32, 32]"),
            ("patch", "[32, 32, 1]"),
        ];
        let config = config.with_values(values).unwrap();
        let window = [
            ("inference.window", "[32, 32, 1]"),
            ("inference.stride", "[32, 32, 1]"),
        ];
        let config = config.with_values(window).unwrap();

        let mut wrong = config.clone();
        wrong.data.classes = vec!["background".into(), "heart".into()];
        let message = import(&file, wrong, &folder.path().join("a"))
            .unwrap_err()
            .to_string();
        assert!(message.contains("expected 3 class names"), "{message}");

        let out = folder.path().join("run");
        let (_, leftovers) = import(&file, config, &out).unwrap();
        assert_eq!((leftovers.unused.len(), leftovers.kept.len()), (0, 0));
        let predictor = Predictor::open(&out, None, PredictOptions::default()).unwrap();
        assert_eq!(predictor.classes(), ["background", "class 1", "class 2"]);
        let image = Array3::from_shape_fn((32, 32, 1), |(x, y, _)| (x * y % 7) as f32);
        let image = Volume::new(image, Geometry::default());
        let (scan, found) = predictor.probabilities(image).unwrap();
        let values: Vec<f32> = scan.volume.data.iter().copied().collect();
        let input = Tensor::<5>::from_data(TensorData::new(values, [1, 1, 32, 32, 1]), &device);
        let expected = burn::tensor::activation::softmax(network.forward(input).logits, 1);
        let expected = expected.into_data().try_into_vec::<f32>().unwrap();
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-5)
        );
    }
}
