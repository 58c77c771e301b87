//! Unit tests of `sampler`.
#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn classes_are_chosen_by_their_chances() {
    let device = Device::flex();
    let chances = Tensor::<2>::from_floats(
        [
            [0.0, 0.25, 0.0, 0.75],
            [0.5, 0.0, 0.5, 0.0],
            [0.0; 4],
            [0.2, 0.3, 0.5, 0.0],
        ],
        &device,
    );
    let fractions = RandomNumbers::new(7, 0, &device).fractions([4, 8000]);
    let picked = choose(chances.clone(), fractions)
        .into_data()
        .convert::<i32>();
    let picked = picked.try_to_vec::<i32>().unwrap();
    let chances = chances.into_data().try_to_vec::<f32>().unwrap();
    for row in [0, 1, 3] {
        for class in 0..4 {
            let draws = &picked[row * 8000..(row + 1) * 8000];
            let count = draws.iter().filter(|&&c| c == class as i32).count();
            let share = count as f32 / 8000.0;
            let chance = chances[row * 4 + class];
            assert!(
                (share - chance).abs() < 0.025,
                "{row} {class}: {share} {chance}"
            );
            assert!(chance > 0.0 || count == 0);
        }
    }
}

#[test]
fn chances_are_a_softmax_of_cosines_over_the_allowed_classes() {
    let device = Device::flex();
    let means = Tensor::<2>::from_floats([[2.0, 0.0], [3.0, 3.0], [0.0, 0.0], [0.0, 1.0]], &device);
    let allowed = [
        [false, true, false, true],
        [true, false, false, true],
        [true, true, false, true],
        [false, false, false, false],
    ];
    let found = class_chances(&means, Tensor::from_data(allowed, &device), 0.5);
    let found = found.into_data().try_to_vec::<f32>().unwrap();
    let first = (2.0f32 * std::f32::consts::FRAC_1_SQRT_2).exp();
    let third = 1.0 / 3.0;
    let expected = [
        [0.0, first / (first + 1.0), 0.0, 1.0 / (first + 1.0)],
        [0.5, 0.0, 0.0, 0.5],
        [third, third, 0.0, third],
        [0.0; 4],
    ];
    for (found, expected) in found.iter().zip(expected.as_flattened()) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}
