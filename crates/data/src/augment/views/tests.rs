//! Unit tests: weak and strong augmentation of training patches.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::augment::{GammaConfig, JitterConfig};
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
        let (patch, target) = (weak.apply(image.view(), 0.0), weak.apply(labels.view(), 0));
        assert_eq!(patch.mapv(|x| (x as u32 % 251) as u8), target);
        assert!(patch.is_standard_layout());
    }
}

#[test]
fn the_strong_view_moves_no_voxel() {
    let image = numbered();
    let weak = WeakView::new([12, 12, 6]).draw(&mut keyed(1, 0, "weak"), SHAPE);
    let teacher = weak.apply(image.view(), 0.0);
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
        let mut a = weak.apply(numbered().view(), 0.0);
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
        assert_eq!(weak.apply(image.view(), 0.0), image);
    }
}
