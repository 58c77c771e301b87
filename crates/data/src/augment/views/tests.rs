//! Unit tests: weak and strong augmentation of training patches.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::augment::{
    CropParams, FlipParams, GammaConfig, JitterConfig, Rot90Params, RotationConfig, RotationParams,
};
use crate::preprocess::Region;
use crate::rng::keyed;
use ndarray::Array3;

const SHAPE: [usize; 3] = [20, 18, 7];

/// A volume whose voxels hold their own index, to check geometry.
fn numbered() -> Array3<f32> {
    Array3::from_shape_fn(SHAPE, |(x, y, z)| ((x * 18 + y) * 7 + z + 1) as f32)
}

#[test]
fn image_and_labels_share_their_geometry() {
    let image = numbered();
    let labels = image.mapv(|x| (x as u32 % 251) as u8);
    for step in 0..40 {
        let weak = WeakView::new([12, 12, 8]).draw(&mut keyed(1, step, "weak"), SHAPE);
        let (patch, target) = (weak.image(image.view(), 0.0), weak.labels(labels.view(), 0));
        assert_eq!(patch.mapv(|x| (x as u32 % 251) as u8), target);
        assert!(patch.is_standard_layout());
    }
}

#[test]
fn the_strong_view_moves_no_voxel() {
    let image = numbered();
    let weak = WeakView::new([12, 12, 6]).draw(&mut keyed(1, 0, "weak"), SHAPE);
    let teacher = weak.image(image.view(), 0.0);
    let jitter = JitterConfig {
        probability: 1.0,
        ..Default::default()
    };
    let gamma = GammaConfig {
        probability: 1.0,
        ..Default::default()
    };
    let view = StrongView {
        jitter: Some(jitter),
        gamma: Some(gamma),
        ..StrongView::none()
    };
    let mut student = teacher.clone();
    view.draw(&mut keyed(1, 0, "strong"), [12, 12, 6])
        .apply(&mut student);
    assert_ne!(student, teacher);
    // Both transforms are monotonic in each slice and keep the order of voxels.
    for (s, t) in student
        .axis_iter(ndarray::Axis(2))
        .zip(teacher.axis_iter(ndarray::Axis(2)))
    {
        let rank = |v: ndarray::ArrayView2<'_, f32>| {
            let mut order: Vec<usize> = (0..v.len()).collect();
            let values: Vec<f32> = v.iter().copied().collect();
            order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
            order
        };
        assert_eq!(rank(s), rank(t));
    }
}

#[test]
fn draws_depend_on_the_key_alone_and_survive_storage() {
    let draw = |step| {
        let mut rng = keyed(9, step, "views");
        let weak = WeakView::new([16, 16, 8]).draw(&mut rng, SHAPE);
        (weak, StrongView::all().draw(&mut rng, [16, 16, 8]))
    };
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3), draw(4));
    for step in 0..10 {
        let (weak, strong) = draw(step);
        let text = serde_json::to_string(&(weak, &strong)).unwrap();
        let read: (WeakParams, StrongParams) = serde_json::from_str(&text).unwrap();
        assert_eq!(read, (weak, strong.clone()));
        let mut a = weak.image(numbered().view(), 0.0);
        let mut b = a.clone();
        strong.apply(&mut a);
        read.1.apply(&mut b);
        assert_eq!(a, b);
    }
}

#[test]
fn settings_have_defaults() {
    let weak: WeakView = serde_json::from_str(r#"{"patch": [4, 4, 4]}"#).unwrap();
    assert_eq!(weak, WeakView::new([4; 3]));
    let strong: StrongView = serde_json::from_str(r#"{"noise": {"max_std": 0.2}}"#).unwrap();
    assert!(strong.jitter.is_none() && strong.noise.unwrap().probability == 0.5);
}

#[test]
fn no_turns_when_switched_off() {
    let view = WeakView {
        symmetries: Symmetries {
            rotate: false,
            flip_probability: 0.0,
            ..Symmetries::default()
        },
        ..WeakView::new([8; 3])
    };
    for step in 0..20 {
        let weak = view.draw(&mut keyed(0, step, "weak"), [8; 3]);
        let image = Array3::from_shape_fn((8, 8, 8), |(x, y, z)| (x * y + z) as f32);
        assert_eq!(weak.image(image.view(), 0.0), image);
    }
}

/// Half of the patches are mirrored, of the others half are rotated, and the rest keeps its orientation.
#[test]
fn a_patch_is_turned_or_rotated_or_neither() {
    let view = WeakView {
        symmetries: Symmetries {
            probability: 0.5,
            rotation: Some(RotationConfig {
                probability: 0.5,
                degrees: 20.0,
            }),
            ..Symmetries::default()
        },
        ..WeakView::new([12, 12, 6])
    };
    let (mut turned, mut rotated) = (0, 0);
    for step in 0..2_000 {
        let weak = view.draw(&mut keyed(4, step, "weak"), SHAPE);
        turned += u32::from(weak.flip.axis.is_some());
        rotated += u32::from(weak.rotation.is_some());
        assert!(weak.rotation.is_none() || weak.flip.axis.is_none());
        assert!(weak.flip.axis.is_some() || weak.rot90.quarter_turns == 0);
    }
    assert!((920..1_080).contains(&turned), "{turned}");
    assert!((430..570).contains(&rotated), "{rotated}");
}

/// A rotated label map stays where its structure is in the rotated image.
#[test]
fn rotated_labels_stay_on_their_image() {
    let weak = WeakParams {
        crop: CropParams {
            region: Region {
                start: [4, 3, 0],
                size: [32, 32, 2],
            },
        },
        rotation: Some(RotationParams { degrees: 20.0 }),
        rot90: Rot90Params { quarter_turns: 1 },
        flip: FlipParams { axis: Some(0) },
    };
    let labels = Array3::from_shape_fn((40, 44, 2), |(x, y, _)| {
        u8::from((12..30).contains(&x) && (8..20).contains(&y))
    });
    let image = weak.image(labels.mapv(f32::from).view(), 0.0);
    let labels = weak.labels(labels.view(), 0);
    let (mut inside, mut edge) = (0, 0);
    for (&value, &label) in image.iter().zip(&labels) {
        edge += usize::from(value > 0.01 && value < 0.99);
        inside += usize::from(label == 1);
        // At a straight edge a value is at most a half from its label, at a corner three quarters.
        assert!((value - f32::from(label)).abs() < 0.76, "{value} {label}");
    }
    assert!(inside > 300 && edge > 60, "{inside} {edge}");
}
