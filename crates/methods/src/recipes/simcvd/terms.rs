//! The terms of Eq. 6, each from the outputs of student and teacher.

use burn::prelude::*;
use burn::tensor::activation::softmax;
use semivox_data::rng::keyed;
use semivox_losses::{
    ConsistencyLoss, ConsistencyLossConfig, DiceCrossEntropyLoss, InfoNceLoss, InfoNceLossConfig,
    Reduction, SignedDistanceLoss, SignedDistanceLossConfig, Similarity,
};
use semivox_models::NetworkOutput;

use super::{Boundary, Consistent, DistanceHead, Networks, SimCvd, SimCvdConfig};
use crate::recipes::supervised::supervised_loss;
use crate::step_context::StepContext;

/// The losses of Eq. 6.
pub(super) struct Losses {
    pub(super) supervised: DiceCrossEntropyLoss,
    pub(super) distance: SignedDistanceLoss,
    slices: InfoNceLoss,
    positions: InfoNceLoss,
    consistency: ConsistencyLoss,
}

impl Losses {
    pub(super) fn new(config: &SimCvdConfig) -> Self {
        let similarity = match config.normalized {
            true => Similarity::Cosine,
            false => Similarity::DotProduct,
        };
        let slices = InfoNceLossConfig::new()
            .with_temperature(config.temperature)
            .with_similarity(similarity)
            .with_symmetric(true);
        Self {
            supervised: supervised_loss(),
            distance: SignedDistanceLossConfig::new().init(),
            slices: slices.init(),
            positions: InfoNceLossConfig::new().with_temperature(1.0).init(),
            consistency: ConsistencyLossConfig::new().init(),
        }
    }
}

impl SimCvd {
    /// Computes the signed distance `S`: one map per foreground class, `[batch, classes − 1, …]`.
    pub(super) fn distance(&self, output: &NetworkOutput) -> Tensor<5> {
        match (&output.signed_distance, self.config.distance_head) {
            (Some(map), DistanceHead::Own) => map.clone(),
            _ => {
                let background = output.logits.clone().narrow(1, 0, 1);
                let classes = output.logits.clone().narrow(1, 1, self.classes - 1);
                (background - classes).tanh()
            }
        }
    }

    /// Computes `X + S`, the image plus the predicted signed distance, which highlights the predicted boundaries.
    fn boundary_aware(&self, images: Tensor<5>, output: &NetworkOutput) -> Tensor<5> {
        let map = match self.config.boundary {
            Boundary::SignedDistance => self.distance(output).mean_dim(1),
            Boundary::Probability => {
                let probabilities = softmax(output.logits.clone(), 1);
                probabilities.narrow(1, 1, self.classes - 1).sum_dim(1)
            }
        };
        images + map
    }

    /// Computes `L_contrast`, Eqs. 2 and 3.
    pub(super) fn contrast(
        &self,
        networks: &Networks,
        images: Tensor<5>,
        outputs: [&NetworkOutput; 2],
        at: &StepContext,
    ) -> Tensor<1> {
        let [student, teacher] = outputs.map(|output| self.boundary_aware(images.clone(), output));
        let key_head = match self.config.shared_head {
            true => &networks.student.heads,
            false => &networks.teacher.heads,
        };
        let student = networks.student.heads.forward(student);
        let teacher = key_head.forward(teacher);
        let [student, teacher] = self.drawn_slices([student, teacher], at);
        // The loss is the mean of both directions; the paper adds them.
        self.losses.slices.forward(student, teacher, None) * 2.0
    }

    /// Draws the slices that are contrasted: all, or as many as configured, the same ones of both networks.
    fn drawn_slices(&self, embeddings: [Tensor<2>; 2], at: &StepContext) -> [Tensor<2>; 2] {
        let all = embeddings[0].dims()[0];
        let Some(count) = self.config.slices.filter(|&count| count < all) else {
            return embeddings;
        };
        let mut rng = keyed(at.seed, at.step, "contrasted slices");
        let drawn = rand::seq::index::sample(&mut rng, all, count);
        let drawn: Vec<i32> = drawn.iter().map(|slice| slice as i32).collect();
        let index = TensorData::new(drawn, [count]);
        embeddings.map(|e| {
            let index = Tensor::<1, Int>::from_data(index.clone(), &e.device());
            e.select(0, index)
        })
    }

    /// Computes `L_pd`, Eq. 4, on the last feature maps of the encoders.
    pub(super) fn pairwise(&self, [student, teacher]: [&NetworkOutput; 2]) -> Tensor<1> {
        let positions = |output: &NetworkOutput| {
            let map: Tensor<3> = output.bottleneck.clone().flatten(2, 4);
            map.swap_dims(1, 2) // [batch, position, channel]
        };
        let student = positions(student);
        let count = student.dims()[1] as f64;
        let mean = self
            .losses
            .positions
            .forward(student, positions(teacher), None);
        match self.config.position_reduction {
            Reduction::Mean => mean,
            Reduction::Sum => mean * count, // over the positions, still a mean over the volumes
        }
    }

    /// Computes `L_con`, Eq. 5.
    pub(super) fn consistency(&self, [student, teacher]: [&NetworkOutput; 2]) -> Tensor<1> {
        let losses = &self.losses;
        let [of_student, of_teacher] = [student, teacher].map(|output| output.logits.clone());
        let of_classes = losses.consistency.forward(of_student, of_teacher);
        match self.config.consistent {
            Consistent::Probabilities => of_classes,
            Consistent::Both => {
                let [student, teacher] = [student, teacher].map(|output| self.distance(output));
                of_classes + losses.distance.forward(student, teacher)
            }
        }
    }
}
