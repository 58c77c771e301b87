//! Import of networks that were trained elsewhere.

use std::path::Path;

use burn::prelude::Device;
use semivox_inference::{Model, TrainingData};
use semivox_models::weights;

use crate::config::RunConfig;
use crate::error::TrainError;

/// Tensors of the file that [`import`] did not use, and parameters of the network that the file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftovers {
    /// Tensors of the file that the network does not have, by their names in the file.
    pub unused: Vec<String>,
    /// Parameters of the network that the file lacks, by their path in the module; they keep their initial values.
    pub kept: Vec<String>,
}

/// Makes a model from a file of weights (safetensors or `.pth`, see [`weights`]) on `device`.
///
/// Preprocessing follows from `config`, the network and the number of classes from the file. The names in
/// `config.data.classes` are used if there are any, else `class 1`, `class 2`, …. Fingerprints of training scans in the
/// file's metadata are kept.
///
/// # Errors
/// If the file holds no known network or damaged fingerprints, the number of class names is not the network's number of
/// classes, or the settings do not match the network.
pub fn import(
    file: &Path,
    mut config: RunConfig,
    device: &Device,
) -> Result<(Model, Leftovers), TrainError> {
    let found = weights::inspect(file)?.config;
    if found.architecture.is_2d() != config.network.architecture.is_2d() {
        return Err(TrainError::unexpected(
            file.display(),
            format!(
                "a network for task {}, a {}",
                config.task, config.network.architecture
            ),
            format!("a {}", found.architecture),
            "choose another task",
        ));
    }
    config.data.classes = names(config.data.classes, found.classes)?;
    if config.data.channel_count() != found.in_channels {
        let channels = 0..found.in_channels;
        config.data.channels = channels.map(|n| format!("channel {n}")).collect();
    }
    config.check()?;
    let imported = weights::import(&found.init(device), file)?;
    let mut description = config.description();
    // The file does not say which method trained its network.
    description.notes = [("task".to_string(), config.task.name().to_string())].into();
    let leftovers = Leftovers {
        unused: imported.unused,
        kept: imported.kept,
    };
    let model = Model::new(imported.network, description, device)?;
    let data = TrainingData::read(file)?;
    Ok((model.with_training_data(data), leftovers))
}

fn names(given: Vec<String>, classes: usize) -> Result<Vec<String>, TrainError> {
    if given.is_empty() {
        let others = (1..classes).map(|class| format!("class {class}"));
        return Ok(std::iter::once("background".into()).chain(others).collect());
    }
    match given.len() == classes {
        true => Ok(given),
        false => Err(TrainError::unexpected(
            "--classes",
            format!("{classes} class names with the background, as many as the file has classes"),
            format!("{}: {}", given.len(), given.join(", ")),
            "name each once, the background first",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use burn::prelude::*;
    use ndarray::Array3;
    use semivox_data::{Fingerprint, Geometry, Volume};
    use semivox_models::{Architecture, Network, NetworkConfig, Upsampling};

    use crate::presets::Task;

    /// A U-Net of three classes, and settings for it.
    fn unet(device: &Device) -> (Network, RunConfig) {
        device.seed(1);
        let network = NetworkConfig::new(1, 3)
            .with_architecture(Architecture::UNet)
            .with_upsampling(Upsampling::Linear)
            .with_filters(2)
            .init(device);
        let config = Task::Acdc.preset("quick", "supervised").unwrap();
        let values = [
            ("data.preprocess.slice_size", "[32, 32]"),
            ("patch", "[32, 32, 1]"),
        ];
        let config = config.with_values(values).unwrap();
        let window = [
            ("inference.window", "[32, 32, 1]"),
            ("inference.stride", "[32, 32, 1]"),
        ];
        (network, config.with_values(window).unwrap())
    }

    #[test]
    fn fingerprints_of_training_scans_come_with_the_weights() {
        let folder = tempfile::tempdir().unwrap();
        let device = Device::flex();
        let (network, config) = unet(&device);
        let file = folder.path().join("alone.safetensors");
        weights::export(&network, &[], &file).unwrap();
        let (model, _) = import(&file, config.clone(), &device).unwrap();
        assert_eq!(model.training_data(), None);

        let image = Array3::from_shape_fn((32, 32, 9), |(x, y, z)| (x * y % (z + 3)) as f32);
        let print = Fingerprint::of(&Volume::new(image, Geometry::default()));
        let data = TrainingData::new([], [print]);
        let file = folder.path().join("exported.safetensors");
        model.with_training_data(data.clone()).save(&file).unwrap();
        let (again, _) = import(&file, config.clone(), &device).unwrap();
        assert_eq!(again.training_data(), Some(&data));

        let mut bytes = std::fs::read(&file).unwrap();
        let key = b"unlabeled";
        let at = bytes.windows(key.len()).position(|part| part == key);
        bytes[at.unwrap()] = b'n';
        std::fs::write(&file, bytes).unwrap();
        let message = import(&file, config, &device).unwrap_err().to_string();
        assert!(
            message.contains("expected undamaged fingerprints of the training scans"),
            "{message}"
        );
    }

    #[test]
    fn an_exported_network_predicts_the_same_after_import() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("unet.safetensors");
        let device = Device::flex();
        let (network, config) = unet(&device);
        weights::export(&network, &[], &file).unwrap();
        let mut wrong = config.clone();
        wrong.data.classes = vec!["background".into(), "heart".into()];
        let message = import(&file, wrong, &device).unwrap_err().to_string();
        assert!(message.contains("expected 3 class names"), "{message}");

        let out = folder.path().join("imported");
        let (model, leftovers) = import(&file, config, &device).unwrap();
        model.save(&out).unwrap();
        assert_eq!((leftovers.unused.len(), leftovers.kept.len()), (0, 0));
        let model = Model::open(&out).unwrap();
        assert_eq!(model.classes(), ["background", "class 1", "class 2"]);
        let image = Array3::from_shape_fn((32, 32, 1), |(x, y, _)| (x * y % 7) as f32);
        let image = Volume::new(image, Geometry::default());
        let scan = model.prepare(&image).unwrap();
        let found = model.probabilities(&scan).unwrap();
        let values: Vec<f32> = scan.image.first().data.iter().copied().collect();
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
