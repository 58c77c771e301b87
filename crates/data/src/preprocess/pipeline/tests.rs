//! Unit tests of the preprocessing pipeline.
#![allow(clippy::unwrap_used)]

use super::*;
use ndarray::Array3;

fn scan() -> (Volume, LabelMap) {
    let geometry = Geometry::from_spacing([0.6, 0.6, 1.5]).translated([-20.0, 3.0, 8.0]);
    let inside = |x: usize, y: usize, z: usize| {
        (x as f64 - 14.0).powi(2) + (y as f64 - 12.0).powi(2) + 6.0 * (z as f64 - 5.0).powi(2)
            < 60.0
    };
    let image = Array3::from_shape_fn((28, 30, 12), |(x, y, z)| {
        if inside(x, y, z) {
            900.0
        } else {
            ((x * y + z) % 13) as f32
        }
    });
    let labels = Array3::from_shape_fn((28, 30, 12), |(x, y, z)| u8::from(inside(x, y, z)));
    (
        Volume::new(image, geometry),
        LabelMap::new(labels, geometry),
    )
}

fn dice(a: &LabelMap, b: &LabelMap) -> f64 {
    let both = a
        .data
        .iter()
        .zip(&b.data)
        .filter(|&(&a, &b)| a == 1 && b == 1)
        .count();
    let sum = a.data.iter().chain(&b.data).filter(|&&l| l == 1).count();
    2.0 * both as f64 / sum as f64
}

#[test]
fn all_steps_go_back_to_the_file() {
    let (image, labels) = scan();
    let crop = ForegroundCrop {
        threshold: Threshold::Fraction(0.3),
        margin_voxels: 2,
    };
    let steps = Preprocess {
        spacing_mm: Some([1.0, 0.6, 1.0]),
        foreground: Some(crop),
        min_size: Some([16, 16, 24]),
        ..Default::default()
    };
    let (out, target) = steps.apply_labeled(&image, &labels).unwrap();
    assert_eq!(Grid::from(out.image.first()), Grid::from(&target));
    assert_eq!(out.image.shape()[2], 24);
    assert!(out.image.shape()[1] < 30);
    let back = out.restore_labels(&target).unwrap();
    assert_eq!(Grid::from(&back), Grid::from(&labels));
    assert!(dice(&back, &labels) > 0.93, "{}", dice(&back, &labels));

    let one_hot = ndarray::Array4::from_shape_fn((2, 0, 0, 0), |_| 0.0_f32);
    assert!(out.restore_probabilities(one_hot.view()).is_err());
    let shape = target.shape();
    let one_hot =
        ndarray::Array4::from_shape_fn((2, shape[0], shape[1], shape[2]), |(c, x, y, z)| {
            f32::from(u8::from(usize::from(target.data[[x, y, z]]) == c))
        });
    let back = out.restore_probabilities(one_hot.view()).unwrap();
    assert!(dice(&back, &labels) > 0.95, "{}", dice(&back, &labels));
}

/// One such voxel would make the mean NaN, every voxel with it, and the segmentation all background.
#[test]
fn a_scan_with_a_voxel_that_is_not_finite_is_refused() {
    let (image, _) = scan();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut second = image.clone();
        second.data[[3, 4, 5]] = value;
        second.data[[27, 29, 11]] = value;
        let both = [image.clone(), second];
        let message = Preprocess::default().apply(both).unwrap_err().to_string();
        for part in ["channel 2", "found 2 NaN", "[3, 4, 5]"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

/// The memory of such a size would end the process before any message.
#[test]
fn a_minimum_size_of_too_many_voxels_is_refused() {
    let (image, _) = scan();
    for min_size in [[4000; 3], [1, 1, usize::MAX]] {
        let steps = Preprocess {
            min_size: Some(min_size),
            ..Default::default()
        };
        let orientation = Orientation::of(&image.geometry);
        let planned = steps.planned_shape(image.shape(), image.spacing(), orientation);
        for error in [steps.apply(&image).unwrap_err(), planned.unwrap_err()] {
            let message = error.to_string();
            assert!(
                message.contains("min_size") && message.contains("[28, 30, 12]"),
                "{message}"
            );
        }
    }
}

/// The map of a class is that of the probabilities behind the label map, outside the crop too.
#[test]
fn the_map_of_a_class_is_as_if_all_were_mapped() {
    let (image, _) = scan();
    let crop = ForegroundCrop {
        threshold: Threshold::Above(500.0),
        margin_voxels: 0,
    };
    let steps = Preprocess {
        spacing_mm: Some([0.9, 0.5, 1.5]),
        foreground: Some(crop),
        ..Default::default()
    };
    let out = steps.apply(&image).unwrap();
    let [x, y, z] = out.image.shape();
    let p = ndarray::Array4::from_shape_fn((3, x, y, z), |(c, x, y, z)| {
        ((5 * c + 2 * x + 3 * y * z) % 7) as f32 / 7.0
    });
    let grid = Grid::from(out.image.first());
    let all = super::super::resample_probabilities_to(p.view(), &grid, &out.source).unwrap();
    for (class, expected) in all.outer_iter().enumerate() {
        let map = out.restore_probability(p.view(), class).unwrap();
        assert_eq!(map.data, expected, "{class}");
        let beyond = if class == 0 { 1.0 } else { 0.0 };
        assert_eq!(map.data[[0, 0, 0]], beyond, "{class}");
        assert_eq!(map.data[[27, 29, 11]], beyond, "{class}");
    }
}

#[test]
fn slices_become_planes_of_one_size_and_go_back() {
    let (image, labels) = scan();
    let steps = Preprocess {
        slice_size: Some([48, 32]),
        ..Default::default()
    };
    let (out, target) = steps.apply_labeled(&image, &labels).unwrap();
    assert_eq!(
        (out.image.shape(), target.shape()),
        ([48, 32, 12], [48, 32, 12])
    );
    let back = out.restore_labels(&target).unwrap();
    assert_eq!(Grid::from(&back), Grid::from(&labels));
    assert!(dice(&back, &labels) > 0.97, "{}", dice(&back, &labels));

    for (slice_size, spacing_mm) in [([0, 32], None), ([48, 32], Some([1.0; 3]))] {
        let steps = Preprocess {
            slice_size: Some(slice_size),
            spacing_mm,
            ..Default::default()
        };
        let message = steps.apply(&image).unwrap_err().to_string();
        assert!(message.contains("slice_size"), "{message}");
    }
}

#[test]
fn without_resampling_the_way_back_is_exact() {
    let (image, labels) = scan();
    let crop = ForegroundCrop {
        threshold: Threshold::Above(500.0),
        margin_voxels: 1,
    };
    let steps = Preprocess {
        foreground: Some(crop),
        min_size: Some([40; 3]),
        ..Default::default()
    };
    let (out, target) = steps.apply_labeled(&image, &labels).unwrap();
    assert_eq!(out.restore_labels(&target).unwrap().data, labels.data);
}

/// Scans stored in any orientation give the same network input, and predictions match their file.
#[test]
fn scans_are_turned_to_one_orientation_and_back() {
    let (image, labels) = scan();
    let steps = Preprocess {
        orientation: Some("ASL".parse().unwrap()),
        spacing_mm: Some([1.0; 3]),
        min_size: Some([24; 3]),
        ..Default::default()
    };
    let (expected, expected_labels) = steps.apply_labeled(&image, &labels).unwrap();
    assert_eq!(
        Orientation::of(expected.image.geometry()).to_string(),
        "ASL"
    );
    for stored in ["ASL", "LPS", "SAR", "IRP"] {
        let reorientation =
            Orientation::of(&image.geometry).reorientation_to(stored.parse().unwrap());
        let (image, labels) = (reorientation.volume(&image), reorientation.labels(&labels));
        let (out, target) = steps.apply_labeled(&image, &labels).unwrap();
        assert_eq!(
            out.image.first().data,
            expected.image.first().data,
            "{stored}"
        );
        assert_eq!(target.data, expected_labels.data, "{stored}");
        let nearest = out.restore_labels(&target).unwrap();
        assert_eq!(Grid::from(&nearest), Grid::from(&labels));
        assert!(dice(&nearest, &labels) > 0.93, "{stored}");
        let shape = target.shape();
        let one_hot =
            |c: usize, index: [usize; 3]| f32::from(u8::from(usize::from(target.data[index]) == c));
        let p =
            ndarray::Array4::from_shape_fn((2, shape[0], shape[1], shape[2]), |(c, x, y, z)| {
                one_hot(c, [x, y, z])
            });
        let back = out.restore_probabilities(p.view()).unwrap();
        assert_eq!(Grid::from(&back), Grid::from(&image));
        assert!(dice(&back, &labels) > 0.95, "{stored}");
        let map = out.restore_probability(p.view(), 1).unwrap();
        assert_eq!(Grid::from(&map), Grid::from(&image));
        let clear = map
            .data
            .iter()
            .zip(&back.data)
            .all(|(&p, &l)| (p > 0.5) == (l == 1) || p == 0.5);
        assert!(clear, "{stored}");
    }
}

#[test]
fn image_and_label_map_must_lie_on_one_grid() {
    let (image, mut labels) = scan();
    labels.geometry = Geometry::default();
    let error = Preprocess::default()
        .apply_labeled(&image, &labels)
        .unwrap_err();
    assert!(matches!(error, DataError::GeometryMismatch { .. }));
    labels.data = Array3::zeros((2, 2, 2));
    let error = Preprocess::default()
        .apply_labeled(&image, &labels)
        .unwrap_err();
    assert!(matches!(error, DataError::ShapeMismatch { .. }));
}

#[test]
fn the_settings_are_plain_data() {
    let steps: Preprocess = serde_json::from_str(
        r#"{"spacing_mm": [1, 1, 1], "intensity": {"window": {"low": -200, "high": 250}},
            "foreground": {"threshold": {"above": -500}}}"#,
    )
    .unwrap();
    assert_eq!(
        steps.intensity,
        Intensity::Window {
            low: -200.0,
            high: 250.0
        }
    );
    assert!(serde_json::from_str::<Preprocess>(r#"{"spacing": 1}"#).is_err());
}

/// The second channel of a scan without that sequence is empty, and says nothing about where the body is.
#[test]
fn an_empty_channel_leaves_the_crop_to_the_others() {
    let (image, _) = scan();
    let empty = Volume::new(Array3::zeros(image.data.dim()), image.geometry);
    let crop = ForegroundCrop {
        threshold: Threshold::Fraction(0.3),
        margin_voxels: 2,
    };
    let steps = Preprocess {
        foreground: Some(crop),
        ..Default::default()
    };
    let alone = steps.apply(&image).unwrap();
    assert!(alone.image.shape()[0] < 28);
    for channels in [[image.clone(), empty.clone()], [empty, image]] {
        let both = steps.apply(channels).unwrap();
        assert_eq!(both.image.shape(), alone.image.shape());
    }
}

/// Channels share a grid but for a fraction of a voxel, after resampling too; those that do not are refused.
#[test]
fn channels_take_the_grid_of_the_first() {
    let (image, _) = scan();
    let shifted = |voxels: f64| {
        let mut other = image.clone();
        other.geometry = other.geometry.translated([0.0, 0.0, voxels]);
        other
    };
    let steps = Preprocess {
        spacing_mm: Some([0.6, 0.6, 0.3]),
        ..Default::default()
    };
    let found = steps.apply([image.clone(), shifted(0.2)]).unwrap();
    let [first, second] = found.image.channels() else {
        panic!("two channels");
    };
    assert_eq!(first.geometry, second.geometry);
    let message = steps.apply([image.clone(), shifted(1.0)]).unwrap_err();
    assert!(
        message.to_string().contains("1.00 voxels apart"),
        "{message}"
    );
}
