//! NT-Xent, the contrastive loss of two views.

use burn::prelude::*;
use burn::tensor::activation::log_softmax;

use crate::Reduction;
use crate::format::Format;
use crate::similarity::{check_temperature, exclude, matched, unit};

/// Configuration of [`NtXentLoss`].
#[derive(Config, Debug)]
pub struct NtXentLossConfig {
    /// Temperature of the softmax over the candidates.
    #[config(default = 0.1)]
    pub temperature: f64,
    /// Mean or sum over the items.
    #[config(default = "Reduction::Mean")]
    pub reduction: Reduction,
}

impl NtXentLossConfig {
    /// Makes the loss.
    ///
    /// # Panics
    ///
    /// Panics if the temperature is not positive and finite.
    pub fn init(&self) -> NtXentLoss {
        check_temperature("temperature", self.temperature);
        NtXentLoss {
            temperature: self.temperature,
            reduction: self.reduction,
        }
    }
}

/// NT-Xent (normalized temperature-scaled cross-entropy, the loss of SimCLR): each item's view is recognized as the
/// partner of its other view among all views of the group.
///
/// With the `2 n` rows `z = (u_1 … u_n, v_1 … v_n)` of a group, the partner of `u_i` being `v_i`:
///
/// ```text
/// S_rc = cos(z_r, z_c) / tau
/// l_r  = log Σ_{c≠r} exp S_rc − S_{r,partner(r)}
/// L    = mean over groups and i of ½ ( l_{u_i} + l_{v_i} )
/// ```
///
/// | symbol | meaning | default |
/// |---|---|---|
/// | u, v | the embedding of an item in the first and in the second view | |
/// | tau | `temperature` | 0.1 |
///
/// One group whose items are the images of a batch is the global contrast; one group an image, whose items are its
/// regions, is the local contrast.
///
/// # Shapes
///
/// - first, second: `[groups, items, width]`
/// - result of `forward`: `[1]`; of `forward_no_reduction`: `[groups, items, 1]`
///
/// # Notes
///
/// Gradient flows to both views; [`InfoNceLoss`](crate::InfoNceLoss) has one that is constant, and negatives of that
/// view alone. A single item has no negatives: the loss is 0.
///
/// # References
///
/// - T. Chen, S. Kornblith, M. Norouzi, G. Hinton. A Simple Framework for Contrastive Learning of Visual
///   Representations. ICML 2020. arXiv 2002.05709. Equation 1.
/// - K. Chaitanya, E. Erdil, N. Karani, E. Konukoglu. Contrastive learning of global and local features for medical
///   image segmentation with limited annotations. NeurIPS 2020. arXiv 2006.10511. `L_g` for random pairs (`G^R`) and
///   `L_l` for random pairs (`L^R`), where its code takes 5 of the other regions.
///
/// # Examples
///
/// ```
/// use burn::prelude::*;
/// use semivox_losses::NtXentLossConfig;
///
/// let device = Device::flex();
/// let same = Tensor::<3>::ones([1, 6, 4], &device); // no image can be told from the 10 others: ln 11
/// let loss = NtXentLossConfig::new().init().forward(same.clone(), same);
/// assert!((loss.into_scalar::<f32>() - 11f32.ln()).abs() < 1e-5);
/// ```
#[derive(Module, Debug)]
pub struct NtXentLoss {
    /// Temperature of the softmax over the candidates.
    pub temperature: f64,
    /// Mean or sum over the items.
    #[module(skip)]
    pub reduction: Reduction,
}

impl NtXentLoss {
    /// The loss, reduced over all items of all groups.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward(&self, first: Tensor<3>, second: Tensor<3>) -> Tensor<1> {
        let format = Format::of(&first);
        format.narrow(self.reduction.apply(self.losses(first, second)))
    }

    /// The loss of each item, the mean of its two views.
    ///
    /// # Panics
    ///
    /// Panics if the shapes differ.
    pub fn forward_no_reduction(&self, first: Tensor<3>, second: Tensor<3>) -> Tensor<3> {
        let format = Format::of(&first);
        format.narrow(self.losses(first, second))
    }

    fn losses(&self, first: Tensor<3>, second: Tensor<3>) -> Tensor<3> {
        let (found, wanted) = (second.dims(), first.dims());
        assert_eq!(found, wanted, "the two views differ in shape");
        let items = wanted[1];
        let format = Format::of(&first);
        let views = [first, second].map(|view| format.widen(view));
        let all = unit(Tensor::cat(views.to_vec(), 1)); // [groups, 2 items, width]
        let logits = all.clone().matmul(all.swap_dims(1, 2)) / self.temperature;
        let own = Tensor::<2>::eye(2 * items, &logits.device());
        let own = own.greater_elem(0.5).unsqueeze::<3>();
        let log_probability = log_softmax(exclude(logits, own), 2);
        let partners = |row: usize, column: usize| {
            let block = log_probability.clone().narrow(1, row * items, items);
            matched(block.narrow(2, column * items, items)) // [groups, items, 1]
        };
        (partners(0, 1) + partners(1, 0)) / -2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    const SHAPE: [usize; 3] = [2, 3, 4];

    fn init() -> NtXentLoss {
        NtXentLossConfig::new().init()
    }

    fn oracle(u: &[f64], v: &[f64], [groups, items, width]: [usize; 3]) -> f64 {
        let mut total = 0.0;
        for g in 0..groups {
            let rows = |x: &[f64]| -> Vec<Vec<f64>> {
                let group = &x[g * items * width..][..items * width];
                group.chunks(width).map(<[f64]>::to_vec).collect()
            };
            let z = [rows(u), rows(v)].concat();
            for r in 0..2 * items {
                let s = |c: usize| cosine(&z[r], &z[c]) / 0.1;
                let others = (0..2 * items).filter(|&c| c != r);
                let all: f64 = others.map(|c| s(c).exp()).sum();
                total += all.ln() - s((r + items) % (2 * items));
            }
        }
        total / (2 * groups * items) as f64
    }

    #[test]
    fn equals_plain_loops() {
        let (u, v) = (floats(24, 1), floats(24, 2));
        let found = init().forward(tensor(SHAPE, &u), tensor(SHAPE, &v));
        assert_near(scalar(found), oracle(&u, &v, SHAPE), 1e-10);
    }

    /// Orthonormal items that agree: ln(e^(1/τ) + 2n − 2) − 1/τ, and ln(2n − 1) where all are equal.
    #[test]
    fn perfect_and_blind_embeddings_have_the_values_of_the_formula() {
        let eye: Vec<f64> = (0..16).map(|i| f64::from(i % 5 == 0)).collect();
        let eye = tensor([1, 4, 4], &eye);
        let expected = (10f64.exp() + 6.0).ln() - 10.0;
        assert_near(scalar(init().forward(eye.clone(), eye)), expected, 1e-12);
        let same = tensor([3, 13, 2], &[0.6; 78]);
        let blind = scalar(init().forward(same.clone(), same));
        assert_near(blind, 25f64.ln(), 1e-12);
    }

    #[test]
    fn gradient_reaches_both_views() {
        let (u, v) = (random(SHAPE, 3), random(SHAPE, 4));
        assert_gradient(u.clone(), |u| init().forward(u, v.clone()));
        assert_gradient(v, |v| init().forward(u.clone(), v));
    }

    #[test]
    fn order_views_and_length_are_immaterial() {
        let (u, v) = (random(SHAPE, 5), random(SHAPE, 6));
        let expected = scalar(init().forward(u.clone(), v.clone()));
        let swapped = init().forward(v.clone(), u.clone());
        assert_near(scalar(swapped), expected, 1e-12);
        let moved = init().forward(u.flip([0, 1]) * 3.0, v.flip([0, 1]) * 0.2);
        assert_near(scalar(moved), expected, 1e-10);
    }

    #[test]
    fn one_item_costs_nothing_and_zeros_are_finite() {
        let one = init().forward(random([2, 1, 3], 1), random([2, 1, 3], 2));
        assert_near(scalar(one), 0.0, 1e-12);
        let zeros = tensor([1, 2, 2], &[0.0; 4]);
        let found = scalar(init().forward(zeros.clone(), zeros));
        assert_near(found, 3f64.ln(), 1e-12);
    }

    #[test]
    #[should_panic(expected = "the two views differ in shape")]
    fn shapes_must_agree() {
        init().forward(random([1, 2, 3], 1), random([1, 3, 3], 2));
    }
}
