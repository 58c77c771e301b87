//! Unit tests of BCP's stages, against the paper's formula voxel by voxel.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::mixing::{Mixing, PseudoLabeled};
use crate::plan::StrongViews;
use crate::recipes::supervised::{Augmentation, Supervised, SupervisedConfig};
use crate::testing::{
    assert_guard, batch, begun, context, first_step, off_average, run_steps, segmentation_losses,
};
use semivox_data::augment::paste_box;
use semivox_data::rng::keyed;
use semivox_losses::IGNORED_LABEL;
use semivox_models::NetworkConfig;

const PATCH: [usize; 3] = [16, 16, 32];
const CLASSES: usize = 3;

fn small() -> MethodContext {
    let network = NetworkConfig::new(1, CLASSES).with_filters(2);
    context(network.with_dropout(0.0), PATCH)
}

/// Patches on the host, one after another.
#[derive(Clone)]
struct Patches<T>(Vec<T>);

impl<T: Copy> Patches<T> {
    fn voxels() -> usize {
        PATCH.iter().product()
    }

    fn patch(&self, index: usize) -> &[T] {
        let voxels = Self::voxels();
        let count = self.0.len() / voxels;
        &self.0[index % count * voxels..][..voxels]
    }
}

/// Whether each voxel is in the box of the first step.
fn in_box(share: f64, seed: u64) -> Vec<bool> {
    let region = paste_box(&mut keyed(seed, 0, "copy-paste"), share, PATCH).region;
    let mut inside = Vec::new();
    for x in 0..PATCH[0] as i32 {
        for y in 0..PATCH[1] as i32 {
            for z in 0..PATCH[2] as i32 {
                let at = [x, y, z].into_iter().enumerate();
                inside.push(at.fold(true, |inside, (axis, at)| {
                    let start = region.start[axis];
                    inside && at >= start && at < start + region.size[axis] as i32
                }));
            }
        }
    }
    inside
}

/// `M·around + (1 − M)·inside`.
fn mixed<T: Copy>(around: &[T], inside: &[T], inside_box: &[bool]) -> Vec<T> {
    let voxels = inside_box.iter().enumerate();
    voxels
        .map(|(v, &is_inside)| if is_inside { inside[v] } else { around[v] })
        .collect()
}

/// `½ (L_ce + L_dice)`.
fn segmentation_loss(logits: &[f32], labels: &[i64]) -> f64 {
    let patches = labels.len() / Patches::<i64>::voxels();
    let [entropy, dice] = segmentation_losses(logits, labels, [patches, CLASSES]);
    0.5 * (entropy + dice)
}

fn host(images: &Tensor<5>) -> Patches<f32> {
    Patches(images.clone().into_data().iter().collect())
}

fn host_of(labels: &Tensor<5, Int>) -> Patches<i64> {
    Patches(labels.clone().into_data().iter().collect())
}

/// Returns the student's logits of patches that are concatenated on the host.
fn predicted(network: &Network, images: Vec<f32>, context: &MethodContext) -> Vec<f32> {
    let count = images.len() / Patches::<f32>::voxels();
    let [d, h, w] = PATCH;
    let images = Tensor::from_data(
        TensorData::new(images, [count, 1, d, h, w]),
        &context.device,
    );
    let logits = network.forward(images).logits;
    logits.into_data().iter().collect()
}

/// Labels where `counted`, and the ignored label elsewhere.
fn only(labels: &[i64], counted: impl Fn(usize) -> bool) -> Vec<i64> {
    let all = labels.iter().enumerate();
    all.map(|(v, &label)| if counted(v) { label } else { IGNORED_LABEL })
        .collect()
}

/// Both terms of stage ii, with one, equal and unequal numbers of patches.
#[test]
fn both_mixtures_cost_what_the_paper_says() {
    let context = small();
    for counts in [[1, 1], [2, 2], [2, 3]] {
        let config = BcpConfig {
            batch: counts,
            largest_component: false,
            ..BcpConfig::new(10)
        };
        let stage = BidirectionalCopyPaste::new(config.clone());
        let mut networks = stage
            .begin(Handover::new(context.student()), &context)
            .unwrap();
        let batch = batch(counts, &context, 0);
        let unlabeled = batch.unlabeled.clone().unwrap().weak;
        let pseudo = networks.teacher.forward(unlabeled.clone()).logits.argmax(1);
        let (x, y) = (host(&batch.labeled.weak), host_of(&batch.labeled.labels));
        let (u, pseudo) = (host(&unlabeled), host_of(&pseudo));
        let inside = in_box(config.box_share, context.seed);

        let pairs = counts[0].max(counts[1]);
        let (mut images, mut true_labels, mut pseudo_labels) = (vec![], vec![], vec![]);
        for k in 0..pairs {
            images.extend(mixed(x.patch(k), u.patch(k), &inside));
            true_labels.extend(only(y.patch(k), |v| !inside[v]));
            pseudo_labels.extend(only(pseudo.patch(k), |v| inside[v]));
        }
        for k in 0..pairs {
            // The labeled patch of the next pair; after the last pair that of the first.
            let j = (k + 1) % pairs;
            images.extend(mixed(u.patch(k), x.patch(j), &inside));
            true_labels.extend(only(y.patch(j), |v| inside[v]));
            pseudo_labels.extend(only(pseudo.patch(k), |v| !inside[v]));
        }
        let logits = predicted(&networks.student, images, &context);
        let (inward, outward) = logits.split_at(logits.len() / 2);
        let expected = |labels: &[i64]| {
            let (first, second) = labels.split_at(labels.len() / 2);
            (segmentation_loss(inward, first) + segmentation_loss(outward, second)) / 2.0
        };

        let terms = stage
            .terms(&mut networks, batch, &first_step(&context))
            .unwrap();
        for (name, labels) in [("supervised", &true_labels), ("pseudo", &pseudo_labels)] {
            let found = f64::from(terms.term(name).into_scalar::<f32>());
            let expected = expected(labels);
            assert!(
                (found - expected).abs() < 1e-5,
                "{counts:?} {name}: {found} {expected}"
            );
        }
    }
}

#[test]
fn labels_weigh_two_as_published_and_one_with_half_of_the_loss() {
    let context = small();
    for (loss_weight, labels) in [(1.0, 2.0), (0.5, 1.0)] {
        let config = BcpConfig {
            loss_weight,
            pseudo_guard: false,
            ..BcpConfig::new(10)
        };
        assert_eq!(config.label_weight(), labels);
        let stage = BidirectionalCopyPaste::new(config);
        let mut networks = stage
            .begin(Handover::new(context.student()), &context)
            .unwrap();
        let batch = batch([2, 2], &context, 0);
        let at = first_step(&context);
        let terms = stage.terms(&mut networks, batch, &at).unwrap();
        let of = |name| f64::from(terms.term(name).into_scalar::<f32>());
        let expected = labels * (of("supervised") + 0.5 * of("pseudo"));
        let total = f64::from(terms.total().into_scalar::<f32>());
        assert!((total - expected).abs() < 1e-5, "{total} {expected}");
    }
}

/// Stage i: patch and labels get the box of the next patch.
#[test]
fn labeled_patches_exchange_boxes() {
    let context = small();
    let mut config = SupervisedConfig::new(10);
    config.augmentation = Augmentation::CopyPaste;
    let stage = Supervised::new("i", config);
    let mut network = context.student();
    let batch = batch([2, 0], &context, 0);
    let (x, y) = (host(&batch.labeled.weak), host_of(&batch.labeled.labels));
    let inside = in_box(2.0 / 3.0, context.seed);
    let (mut images, mut labels) = (vec![], vec![]);
    for k in 0..2 {
        images.extend(mixed(x.patch(k), x.patch(k + 1), &inside));
        labels.extend(mixed(y.patch(k), y.patch(k + 1), &inside));
    }
    let expected = segmentation_loss(&predicted(&network, images, &context), &labels);
    let terms = stage
        .terms(&mut network, batch, &first_step(&context))
        .unwrap();
    let found = f64::from(terms.term("supervised").into_scalar::<f32>());
    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
}

/// The teacher is averaged with the student from the first step on, without a warm-up.
#[test]
fn the_teacher_follows_the_student() {
    let context = small();
    let config = BcpConfig {
        teacher_momentum: 0.75,
        ..BcpConfig::new(10)
    };
    let mut running = begun(BidirectionalCopyPaste::new(config), &context);
    let before = running.state().clone();
    run_steps(&mut running, 0..1, &context);
    let after = running.state();
    let off = off_average(&after.teacher, [&before.teacher, &after.student], 0.75);
    assert!(off < 1e-6, "{off}");
    assert!(off_average(&after.teacher, [&before.teacher, &before.student], 0.75) > 1e-5);
}

#[test]
fn the_guard_follows_the_labeled_foreground() {
    let stage = BidirectionalCopyPaste::new(BcpConfig {
        pseudo_guard: true,
        ..BcpConfig::new(10)
    });
    assert_guard(&stage, &small(), &[("pseudo", 1.0)]);
}

/// Of two separate parts of a class only the larger is a pseudo-label.
#[test]
fn small_components_are_background() {
    let context = small();
    let images = batch([1, 2], &context, 0).unlabeled.unwrap().weak;
    let labels = |largest_component| {
        let config = BcpConfig {
            largest_component,
            ..BcpConfig::new(10)
        };
        let stage = BidirectionalCopyPaste::new(config);
        host_of(&stage.pseudo_labels(&context.student(), images.clone()))
    };
    let (all, kept) = (labels(false), labels(true));
    for index in 0..2 {
        let mut expected: Vec<u8> = all.patch(index).iter().map(|&label| label as u8).collect();
        let mut patch = ndarray::Array3::from_shape_vec(PATCH, expected.clone()).unwrap();
        keep_largest_components(&mut patch);
        expected = patch.into_iter().collect();
        let found: Vec<u8> = kept.patch(index).iter().map(|&label| label as u8).collect();
        assert_eq!(found, expected);
    }
    assert_ne!(
        all.0, kept.0,
        "an untrained network predicts scattered voxels"
    );
}

/// The controls of FixMatch and UniMatch see the strong view, in which boxes are exchanged as in theirs.
#[test]
fn strong_views_exchange_boxes() {
    for (augmentation, mixing) in [
        (Augmentation::StrongCutmix, Mixing::Cutmix),
        (Augmentation::StrongCopyPaste, Mixing::CopyPaste),
    ] {
        let context = small();
        let mut config = SupervisedConfig::new(10);
        config.augmentation = augmentation;
        let stage = Supervised::new("supervised", config);
        assert_eq!(stage.plan().batch.strong, StrongViews::Labeled);
        let mut network = context.student();
        let batch = batch([2, 0], &context, 0);
        let at = first_step(&context);
        let labeled = PseudoLabeled {
            images: batch.labeled.strong.clone(),
            labels: batch.labeled.labels.clone(),
            confidence: batch.labeled.strong.ones_like(),
        };
        let mixed = mixing.apply(labeled, &at);
        assert_ne!(host(&mixed.images).0, host(&batch.labeled.strong).0);
        let logits = predicted(&network, host(&mixed.images).0, &context);
        let expected = segmentation_loss(&logits, &host_of(&mixed.labels).0);
        let terms = stage.terms(&mut network, batch, &at).unwrap();
        let found = f64::from(terms.term("supervised").into_scalar::<f32>());
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}
