use super::*;
use crate::testing::*;
use PositiveNormalization::{Code, Paper};

fn loss(normalization: PositiveNormalization) -> AdaptiveContrastiveLoss {
    AdaptiveContrastiveLossConfig::new()
        .with_temperature(0.3)
        .with_normalization(normalization)
        .init()
}

/// Four voxels, six entries of the queue, three classes, width three.
fn input(labels: [i64; 4], queue_labels: [i64; 6]) -> AdaptiveContrastiveInput {
    AdaptiveContrastiveInput {
        features: random([4, 3], 1),
        teacher: random([4, 3], 2),
        labels: ints([4], &labels),
        queue: random([6, 3], 3),
        queue_labels: ints([6], &queue_labels),
        centers: random([3, 3], 4),
    }
}

/// Voxel by voxel and key by key.
fn oracle(
    input: &AdaptiveContrastiveInput,
    labels: [i64; 4],
    queue_labels: [i64; 6],
    normalization: PositiveNormalization,
) -> f64 {
    let rows = |x: &Tensor<2>| -> Vec<Vec<f64>> {
        values(x.clone()).chunks(3).map(<[f64]>::to_vec).collect()
    };
    let (features, teacher) = (rows(&input.features), rows(&input.teacher));
    let (queue, centers) = (rows(&input.queue), rows(&input.centers));
    let mut total = 0.0;
    for i in 0..4 {
        let keys = [&teacher[i]].into_iter().chain(&queue).chain(&centers);
        let logits: Vec<f64> = keys.map(|key| cosine(&features[i], key) / 0.3).collect();
        let log: Vec<f64> = softmax(&logits).into_iter().map(f64::ln).collect();
        let mut class = log[0];
        let mut positives = 1.0;
        for j in 0..6 {
            if queue_labels[j] == labels[i] {
                class += log[1 + j];
                positives += 1.0;
            }
        }
        let center = 0.2 * log[7 + labels[i] as usize];
        total -= match normalization {
            Code => (class + center) / (positives + 1.0),
            Paper => class / positives + center,
        };
    }
    total / 4.0
}

#[test]
fn equals_plain_loops() {
    for normalization in [Code, Paper] {
        for (labels, queue_labels) in [
            ([0, 1, 2, 1], [2, -1, 1, 1, 0, 2]),
            ([0, 1, 1, 0], [-1; 6]),      // nothing was enqueued yet
            ([2; 4], [0, 0, 1, 1, 0, 1]), // one class, which the queue does not hold
            ([2; 4], [2; 6]),
        ] {
            let input = input(labels, queue_labels);
            let expected = oracle(&input, labels, queue_labels, normalization);
            assert_near(scalar(loss(normalization).forward(input)), expected, 1e-10);
        }
    }
}

#[test]
fn equal_cosines_and_perfect_agreement_have_known_values() {
    let line = |features: f64, negative: f64| AdaptiveContrastiveInput {
        features: tensor([2, 1], &[features; 2]),
        teacher: tensor([2, 1], &[1.0; 2]),
        labels: ints([2], &[0, 0]),
        queue: tensor([3, 1], &[1.0, negative, negative]),
        queue_labels: ints([3], &[0, 1, -1]),
        centers: tensor([2, 1], &[1.0, negative]),
    };
    // Six keys, two of them positives beside the center.
    let equal = |n| scalar(loss(n).forward(line(0.5, 1.0)));
    assert_near(equal(Code), 2.2 / 3.0 * 6f64.ln(), 1e-12);
    assert_near(equal(Paper), 1.2 * 6f64.ln(), 1e-12);
    // The three positives at cosine 1, the three others at −1.
    let least = (3.0 + 3.0 * (-2.0f64 / 0.3).exp()).ln();
    let apart = |n| scalar(loss(n).forward(line(0.5, -1.0)));
    assert_near(apart(Code), 2.2 / 3.0 * least, 1e-12);
    assert_near(apart(Paper), 1.2 * least, 1e-12);
}

#[test]
fn gradient_reaches_the_features_and_nothing_else() {
    let given = input([0, 1, 2, 1], [2, -1, 1, 1, 0, 2]);
    for normalization in [Code, Paper] {
        let run = |change: &dyn Fn(&mut AdaptiveContrastiveInput)| {
            let mut input = given.clone();
            change(&mut input);
            loss(normalization).forward(input)
        };
        assert_gradient(given.features.clone(), |x| {
            run(&|input| input.features = x.clone())
        });
        assert_stopped(given.teacher.clone(), |x| {
            run(&|input| input.teacher = x.clone())
        });
        assert_stopped(given.queue.clone(), |x| {
            run(&|input| input.queue = x.clone())
        });
        assert_stopped(given.centers.clone(), |x| {
            run(&|input| input.centers = x.clone())
        });
    }
}

#[test]
fn order_and_length_do_not_matter() {
    let given = input([0, 1, 2, 1], [2, -1, 1, 1, 0, 2]);
    let flipped = AdaptiveContrastiveInput {
        features: given.features.clone().flip([0]) * 3.0,
        teacher: given.teacher.clone().flip([0]) * 0.5,
        labels: given.labels.clone().flip([0]),
        queue: given.queue.clone().flip([0]) * 2.0,
        queue_labels: given.queue_labels.clone().flip([0]),
        centers: given.centers.clone() * 4.0,
    };
    for normalization in [Code, Paper] {
        let [a, b] = [&given, &flipped].map(|x| scalar(loss(normalization).forward(x.clone())));
        assert_near(a, b, 1e-12);
    }
}

#[test]
fn a_feature_without_direction_is_finite() {
    let mut given = input([0, 1, 2, 1], [-1; 6]);
    given.features = tensor([4, 3], &[0.0; 12]);
    let run = |features: Tensor<2>| {
        loss(Code).forward(AdaptiveContrastiveInput {
            features,
            ..given.clone()
        })
    };
    // Ten keys, one positive beside the center.
    assert_near(scalar(run(given.features.clone())), 0.6 * 10f64.ln(), 1e-12);
    assert_stopped(given.features.clone(), run);
}

#[test]
#[should_panic(expected = "shapes do not fit features")]
fn shapes_must_agree() {
    let mut given = input([0; 4], [0; 6]);
    given.centers = random([3, 2], 1);
    loss(Code).forward(given);
}
