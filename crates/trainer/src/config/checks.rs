//! Checks of a run's settings.

use semivox_data::LabelBudget;
use semivox_data::augment::{LabelSwap, StrongView};
use semivox_inference::device;
use semivox_methods::host::host;

use super::RunConfig;
use crate::error::TrainError;

/// Hint of the errors about settings.
const CHANGE: &str = "change it in config.toml or with --set";

impl RunConfig {
    /// Checks all settings, before anything is read or written.
    ///
    /// # Errors
    /// [`TrainError::Setting`] with the key, what was expected and what was found.
    pub fn check(&self) -> Result<(), TrainError> {
        let refuse = |key: &str, expected: &str, found: f64| {
            Err(TrainError::setting(key, expected, found, CHANGE))
        };
        self.check_sides("patch", self.patch)?;
        self.check_sides("inference.window", self.inference.window)?;
        if self.network.filters == 0 {
            return refuse("network.filters", "at least 1", 0.0);
        }
        if !(0.0..1.0).contains(&self.network.dropout) {
            return refuse("network.dropout", "0 to below 1", self.network.dropout);
        }
        if self.data.validation == Some(LabelBudget::Count(0)) {
            return refuse("data.validation", "at least 1, or none", 0.0);
        }
        if self.checkpoint_every == 0 {
            return refuse("checkpoint_every", "at least 1", 0.0);
        }
        self.inference.check()?;
        self.check_views()?;
        self.check_label_swap()?;
        Ok(self.method.check(self.patch)?)
    }

    /// Checks the settings of the method that depend on the network, the axes of mirroring or the number of classes.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_method(&self, classes: usize) -> Result<(), TrainError> {
        if self.own_method.is_none() {
            // A build may lack the CPU.
            let device = host().map_or_else(|| device::by_name(&self.device), Ok)?;
            let device = device.autodiff();
            let settings = self.method.settings();
            settings.method(self.context(classes, &device))?;
        }
        Ok(())
    }

    /// Checks that probabilities and strengths of augmentation are in range.
    fn check_views(&self) -> Result<(), TrainError> {
        let weak = &self.weak_view;
        let mut checked = vec![
            ("weak_view.probability", weak.probability, 1.0),
            ("weak_view.flip_probability", weak.flip_probability, 1.0),
        ];
        if let Some(rotation) = &weak.rotation {
            let degrees = f64::from(rotation.degrees);
            checked.push(("weak_view.rotation.probability", rotation.probability, 1.0));
            checked.push(("weak_view.rotation.degrees", degrees, 180.0));
        }
        checked.extend(ranges_of_strong(&self.strong_view));
        let gamma = self.strong_view.gamma.as_ref();
        if gamma.is_some_and(|drawn| drawn.gamma[0] == 0.0) {
            let key = "strong_view.gamma.gamma";
            return Err(TrainError::setting(key, "exponents above 0", 0, CHANGE));
        }
        for (key, value, most) in checked {
            if !(0.0..=most).contains(&value) {
                let expected = format!("0 to {most}");
                return Err(TrainError::setting(key, expected, value, CHANGE));
            }
        }
        let rotated = weak.rotation.is_some_and(|drawn| drawn.probability > 0.0);
        if rotated && weak.probability == 1.0 {
            let expected = "below 1 with weak_view.rotation, which takes the other patches";
            let key = "weak_view.probability";
            return Err(TrainError::setting(key, expected, 1, CHANGE));
        }
        Ok(())
    }

    /// Checks the pairs of labels that mirroring exchanges: the axis can be mirrored, patches are not rotated (which
    /// exchanges sides too), and every label is a class and in one pair only.
    fn check_label_swap(&self) -> Result<(), TrainError> {
        let LabelSwap { axis, pairs } = &self.label_swap;
        if pairs.is_empty() {
            return Ok(());
        }
        let refuse = |key, expected: &str, found: String| {
            Err(TrainError::setting(key, expected, found, CHANGE))
        };
        match self.patch.get(usize::from(*axis)) {
            None => return refuse("label_swap.axis", "0, 1 or 2", axis.to_string()),
            Some(1) => {
                let found = format!("{axis}, along which a patch has one voxel");
                return refuse("label_swap.axis", "an axis of the patch", found);
            }
            Some(_) => {}
        }
        if self.weak_view.rotate {
            let expected = "false together with label_swap, as rotations exchange sides too";
            return refuse("weak_view.rotate", expected, "true".into());
        }
        if let Some(drawn) = self.weak_view.rotation.filter(|drawn| drawn.degrees > 45.0) {
            let expected =
                "at most 45 together with label_swap, as larger rotations exchange sides";
            let found = drawn.degrees.to_string();
            return refuse("weak_view.rotation.degrees", expected, found);
        }
        let classes = match self.data.classes.len() {
            0 => usize::from(u8::MAX), // not known before the data set is opened
            classes => classes,
        };
        let mut labels: Vec<u8> = pairs.as_flattened().to_vec();
        labels.sort_unstable();
        let once = labels.windows(2).all(|two| two[0] != two[1]);
        let known = labels.iter().all(|&l| l > 0 && usize::from(l) < classes);
        if once && known {
            return Ok(());
        }
        let expected = format!("labels from 1 to {}, each once", classes - 1);
        refuse("label_swap.pairs", &expected, format!("{pairs:?}"))
    }

    /// Checks that the network can halve the sides of a patch four times; a U-Net takes one slice.
    fn check_sides(&self, key: &str, sides: [usize; 3]) -> Result<(), TrainError> {
        let architecture = self.network.architecture;
        let multiples = architecture.required_multiples();
        let fits = |axis: usize| sides[axis] > 0 && sides[axis].is_multiple_of(multiples[axis]);
        let one_slice = !architecture.is_2d() || sides[2] == 1;
        if one_slice && (0..3).all(fits) {
            return Ok(());
        }
        let wanted = match architecture.is_2d() {
            true => "[16·a, 16·b, 1] (a U-Net halves a slice four times)",
            false => "multiples of 16 (a V-Net halves each axis four times)",
        };
        let found = format!("{sides:?}");
        Err(TrainError::setting(key, wanted, found, CHANGE))
    }
}

/// Returns the keys of a strong view with their values and the largest allowed ones; the least is 0.
fn ranges_of_strong(view: &StrongView) -> Vec<(&'static str, f64, f64)> {
    let mut checked = Vec::new();
    if let Some(jitter) = &view.jitter {
        checked.push(("strong_view.jitter.probability", jitter.probability, 1.0));
        checked.push(("strong_view.jitter.amount", f64::from(jitter.amount), 1.0));
        checked.push(("strong_view.jitter.shift", f64::from(jitter.shift), 1e3));
    }
    if let Some(blur) = &view.blur {
        let [least, most] = blur.sigma.map(f64::from);
        checked.push(("strong_view.blur.probability", blur.probability, 1.0));
        checked.push(("strong_view.blur.sigma", most, 1e3));
        checked.push(("strong_view.blur.sigma", least, most));
    }
    if let Some(gamma) = &view.gamma {
        let [least, most] = gamma.gamma.map(f64::from);
        checked.push(("strong_view.gamma.probability", gamma.probability, 1.0));
        checked.push(("strong_view.gamma.gamma", most, 1e2));
        checked.push(("strong_view.gamma.gamma", least, most));
    }
    if let Some(noise) = &view.noise {
        checked.push(("strong_view.noise.probability", noise.probability, 1.0));
        checked.push(("strong_view.noise.max_std", f64::from(noise.max_std), 1e3));
    }
    if let Some(cutout) = &view.cutout {
        checked.push(("strong_view.cutout.probability", cutout.probability, 1.0));
        checked.push(("strong_view.cutout.size.area", cutout.size.area, 1.0));
    }
    checked
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::presets::Task;
    use semivox_data::augment::{CutBoxConfig, CutoutConfig, GammaConfig, NoiseConfig};

    /// Every share, angle and exponent of the views is checked, and named if it is out of range or without effect.
    #[test]
    fn settings_of_the_views_are_refused_by_name() {
        type Change = fn(&mut RunConfig);
        let cases: [(&str, Change); 7] = [
            ("weak_view.probability", |c| c.weak_view.probability = 1.5),
            // No patch would be left to rotate.
            ("weak_view.probability", |c| c.weak_view.probability = 1.0),
            ("weak_view.rotation.degrees", |c| {
                c.label_swap.pairs = vec![[1, 2]];
                c.weak_view.rotate = false;
                c.weak_view.rotation.as_mut().unwrap().degrees = 90.0;
            }),
            ("weak_view.flip_probability", |c| {
                c.weak_view.flip_probability = -0.1;
            }),
            ("weak_view.rotation.probability", |c| {
                c.weak_view.rotation.as_mut().unwrap().probability = f64::NAN;
            }),
            ("weak_view.rotation.degrees", |c| {
                c.weak_view.rotation.as_mut().unwrap().degrees = 200.0;
            }),
            ("weak_view.rotation.degrees", |c| {
                c.weak_view.rotation.as_mut().unwrap().degrees = -20.0;
            }),
        ];
        let strong: [(&str, Change); 7] = [
            ("strong_view.jitter.shift", |c| {
                c.strong_view.jitter.as_mut().unwrap().shift = -0.5;
            }),
            ("strong_view.gamma.gamma", |c| {
                c.strong_view.gamma = Some(GammaConfig {
                    gamma: [-1.0, 1.0],
                    ..Default::default()
                });
            }),
            ("strong_view.gamma.gamma", |c| {
                c.strong_view.gamma = Some(GammaConfig {
                    gamma: [0.0, 1.0],
                    ..Default::default()
                });
            }),
            ("strong_view.gamma.probability", |c| {
                c.strong_view.gamma = Some(GammaConfig {
                    probability: 50.0,
                    ..Default::default()
                });
            }),
            ("strong_view.noise.probability", |c| {
                c.strong_view.noise = Some(NoiseConfig {
                    probability: -1.0,
                    ..Default::default()
                });
            }),
            ("strong_view.cutout.probability", |c| {
                c.strong_view.cutout = Some(CutoutConfig {
                    probability: 2.0,
                    ..Default::default()
                });
            }),
            ("strong_view.cutout.size.area", |c| {
                let size = CutBoxConfig {
                    area: 5.0,
                    ..CutoutConfig::default().size
                };
                c.strong_view.cutout = Some(CutoutConfig {
                    size,
                    ..Default::default()
                });
            }),
        ];
        for (key, change) in cases.into_iter().chain(strong) {
            let mut config = Task::Acdc.preset("quick", "supervised").unwrap();
            config.check().unwrap();
            change(&mut config);
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(key), "{key}: {message}");
        }
    }
}
