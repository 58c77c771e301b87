//! Exports networks for PyTorch together with their logits on fixed inputs, for `scripts/weights_check.py`.
//!
//! ```sh
//! cargo run --release --example export_weights -- FOLDER
//! python scripts/weights_check.py FOLDER
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::prelude::*;
use semivox::models::{Upsampling, weights};
use semivox::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or("runs/weights".into());
    fs::create_dir_all(&folder)?;
    let vnet = NetworkConfig::new(1, 2).with_filters(4);
    let unet = NetworkConfig::new(1, 4).with_architecture(Architecture::UNet);
    for (name, config) in [
        ("vnet", vnet.clone()),
        ("vnet_distance", vnet.with_signed_distance(Some(1))),
        ("unet", unet.clone()),
        ("unet_linear", unet.with_upsampling(Upsampling::Linear)),
    ] {
        let path = Path::new(&folder).join(name);
        let network = trained(&config);
        weights::export(
            &network,
            &[("name", name)],
            path.with_extension("safetensors"),
        )?;
        let logits = network
            .valid()
            .forward(input(&config, 0, &Device::flex()))
            .logits;
        let logits = logits.into_data().convert::<f32>();
        fs::write(path.with_extension("logits"), logits.as_bytes())?;
        println!("{}: {:?}", path.display(), logits.shape());
    }
    Ok(())
}

/// Returns a network whose batch norm layers have running statistics of some inputs.
fn trained(config: &NetworkConfig) -> Network {
    let device = Device::flex().autodiff();
    device.seed(0);
    let network = config.init(&device);
    for step in 1..30 {
        network.forward(input(config, step, &device));
    }
    network
}

/// Returns two patches from a formula that `scripts/weights_check.py` repeats.
fn input(config: &NetworkConfig, seed: usize, device: &Device) -> Tensor<5> {
    let shape = match config.architecture.is_2d() {
        false => [2, config.in_channels, 32, 32, 16],
        true => [2, config.in_channels, 64, 48, 1],
    };
    let value = |index: usize| {
        let hashed = 43_758.545_3 * (12.9898 * index as f64 + 78.233 * seed as f64).sin();
        2.0 * (hashed - hashed.floor()) - 1.0
    };
    let values: Vec<f64> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
