//! Logits and gradients of networks with equal weights on two devices.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use semivox_losses::DiceCrossEntropyLossConfig;
use semivox_models::{Architecture, Network, NetworkConfig};

use semivox_inference::device::computing;

use super::Agreement;
use crate::error::TrainError;
use semivox_inference::device;

/// Tolerance of logits, which are of the order of 1; operators sum up to 27·16·8 products in another order.
const LOGITS: f64 = 1e-3;

/// Tolerances of gradients, by the beginning of the device's name. Where rounding changes the sign of an activation,
/// ReLU passes or stops a whole gradient, so gradients differ by more than rounding: by a hundredth in single
/// precision. TF32 rounds to ten bits.
const GRADIENTS: [(&str, f64); 2] = [("cuda", 0.5), ("", 0.05)];

/// Logits whose magnitudes are all below this are not compared: zeros would agree with zeros.
const SILENT: f32 = 0.05;

const NETWORKS: [(&str, Architecture, [usize; 3]); 2] = [
    ("V-Net", Architecture::VNet, [32, 16, 16]),
    ("U-Net", Architecture::UNet, [32, 48, 1]),
];

/// Computes the largest difference of the logits of a V-Net and of a U-Net with equal weights, in evaluation mode.
///
/// # Errors
/// [`TrainError::Inference`] if one of the devices is unavailable or does not compute.
///
/// # Examples
/// ```
/// let found = semivox_trainer::agreement::logits("cpu")?;
/// assert!(found.iter().all(|row| row.holds() && row.difference == 0.0));
/// # Ok::<(), semivox_trainer::TrainError>(())
/// ```
pub fn logits(device: &str) -> Result<Vec<Agreement>, TrainError> {
    compared(device, "logits", LOGITS, |network, shape, device| {
        let network = network.clone().valid().to_device(device);
        let logits = network.forward(input(shape, device)).logits;
        logits.into_data().iter().collect()
    })
}

/// Computes the relative difference of the gradients of Dice and cross-entropy with respect to all parameters of a
/// V-Net and of a U-Net with equal weights: the norm of the difference over the norm of the CPU's gradient.
///
/// # Errors
/// [`TrainError::Inference`] if one of the devices is unavailable or does not compute.
pub fn gradients(device: &str) -> Result<Vec<Agreement>, TrainError> {
    let named = GRADIENTS.iter().find(|(name, _)| device.starts_with(name));
    let tolerance = named.map_or(f64::NAN, |&(_, tolerance)| tolerance);
    compared(device, "gradients", tolerance, |network, shape, device| {
        let device = device.clone().autodiff();
        let network = network.clone().fork(&device);
        let input = input(shape, &device);
        // Labels that follow from the intensities, so that there is something to learn.
        let [low, high] = [-0.4, 0.4].map(|limit| input.clone().inner().greater_elem(limit).int());
        let loss = DiceCrossEntropyLossConfig::new().init();
        let loss = loss.forward(network.forward(input).logits, low + high);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        let mut collect = Collect(&gradients, Vec::new());
        network.visit(&mut collect);
        collect.1
    })
}

/// Compares the values that `run` returns on the CPU and on the device, for both networks.
fn compared(
    name: &str,
    what: &str,
    tolerance: f64,
    run: impl Fn(&Network, [usize; 3], &Device) -> Vec<f32>,
) -> Result<Vec<Agreement>, TrainError> {
    let (cpu, other) = (device::by_name("cpu")?, device::by_name(name)?);
    let compare = |(network_name, architecture, shape)| {
        cpu.seed(3);
        let config = NetworkConfig::new(1, 3).with_filters(2).with_dropout(0.0);
        let network = config.with_architecture(architecture);
        let network = network.init(&cpu.clone().autodiff());
        let expected = computing("cpu", || run(&network, shape, &cpu))?;
        let found = computing(name, || run(&network, shape, &other))?;
        let difference = match what {
            "logits" => most_apart(&expected, &found),
            _ => relative(&expected, &found),
        };
        Ok(Agreement {
            what: format!("{what} of a {network_name}"),
            difference,
            tolerance,
        })
    };
    NETWORKS.into_iter().map(compare).collect()
}

/// Gradients of all parameters, one after the other.
struct Collect<'a>(&'a GradientsParams, Vec<f32>);

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.0.get::<D>(param.id) {
            self.1.extend(gradient.into_data().iter::<f32>());
        }
    }
}

fn input([x, y, z]: [usize; 3], device: &Device) -> Tensor<5> {
    let values: Vec<f32> = (0..2 * x * y * z)
        .map(|i| ((i * 7919) % 201) as f32 / 100.0 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [2, 1, x, y, z]), device)
}

/// Returns the largest absolute difference; NaN where there is nothing to compare. It does not use `f64::max`, which
/// would hide a NaN.
fn most_apart(expected: &[f32], found: &[f32]) -> f64 {
    if expected.len() != found.len() || expected.iter().all(|x| x.abs() < SILENT) {
        return f64::NAN;
    }
    let pairs = expected.iter().zip(found);
    let apart = pairs.map(|(a, b)| f64::from((a - b).abs()));
    let most = apart.reduce(|a, b| if b > a || b.is_nan() { b } else { a });
    most.unwrap_or(f64::NAN)
}

/// Returns the norm of the difference over the norm of the expected values; NaN for zeros.
fn relative(expected: &[f32], found: &[f32]) -> f64 {
    if expected.len() != found.len() {
        return f64::NAN;
    }
    let length = |values: &mut dyn Iterator<Item = f32>| {
        let squares = values.map(|x| f64::from(x).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let mut pairs = expected.iter().zip(found).map(|(a, b)| a - b);
    length(&mut pairs) / length(&mut expected.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_agrees_with_nothing() {
        assert!(most_apart(&[0.0, 0.01], &[0.0, 0.01]).is_nan());
        assert!(most_apart(&[1.0], &[1.0, 2.0]).is_nan());
        assert!(most_apart(&[1.0, 2.0], &[f32::NAN, 2.0]).is_nan());
        assert!((most_apart(&[1.0, 2.0], &[1.0, 2.5]) - 0.5).abs() < 1e-12);
        assert!(relative(&[0.0], &[0.0]).is_nan());
        assert!((relative(&[3.0, 4.0], &[3.0, 3.0]) - 0.2).abs() < 1e-12);
    }
}
