use super::*;
use crate::dense_correspondence;
use crate::testing::*;

const SHAPE: [usize; 4] = [2, 3, 2, 2];

fn init() -> DenseContrastiveLoss {
    DenseContrastiveLossConfig::new().init()
}

/// Position `i` of image `b` of a flat `[b, c, n]` map.
fn vector(map: &[f64], [_, c, n]: [usize; 3], b: usize, i: usize) -> Vec<f64> {
    (0..c)
        .map(|channel| map[(b * c + channel) * n + i])
        .collect()
}

/// The formula in plain loops; without a queue the negatives are the keys of all other positions.
fn oracle(
    q: &[f64],
    k: &[f64],
    matched: &[i64],
    queue: Option<&[Vec<f64>]>,
    shape: [usize; 3],
) -> f64 {
    let [batch, _, n] = shape;
    let mut total = 0.0;
    for b in 0..batch {
        for i in 0..n {
            let query = vector(q, shape, b, i);
            let s = |key: &[f64]| (cosine(&query, key) / 0.2).exp();
            let target = (b, matched[b * n + i] as usize);
            let positive = s(&vector(k, shape, target.0, target.1));
            let negatives: f64 = match queue {
                Some(queue) => queue.iter().map(|key| s(key)).sum(),
                None => (0..batch * n)
                    .map(|row| (row / n, row % n))
                    .filter(|&row| row != target)
                    .map(|(image, j)| s(&vector(k, shape, image, j)))
                    .sum(),
            };
            total -= (positive / (positive + negatives)).ln();
        }
    }
    total / (batch * n) as f64
}

#[test]
fn equals_plain_loops_with_and_without_a_queue() {
    let (q, k, rows) = (floats(24, 1), floats(24, 2), floats(15, 3));
    let (matched, shape) = (labels([8], 0, 4, 4), [2, 3, 4]);
    let run = |queue: Option<Tensor<2>>| {
        let (q, k) = (tensor(SHAPE, &q), tensor(SHAPE, &k));
        scalar(init().forward(q, k, ints([2, 4], &matched), queue))
    };
    let queue: Vec<Vec<f64>> = rows.chunks(3).map(<[f64]>::to_vec).collect();
    let found = run(Some(tensor([5, 3], &rows)));
    assert_near(found, oracle(&q, &k, &matched, Some(&queue), shape), 1e-12);
    assert_near(run(None), oracle(&q, &k, &matched, None, shape), 1e-12);
}

#[test]
fn equal_cosines_give_the_logarithm_of_all_candidates() {
    let same = tensor([2, 3, 2, 2], &[0.7; 24]);
    let matched = || ints([2, 4], &[0; 8]);
    let queue = tensor([16, 3], &[0.2; 48]);
    let found = init().forward(same.clone(), same.clone(), matched(), Some(queue));
    assert_near(scalar(found), 17f64.ln(), 1e-12);
    let found = init().forward(same.clone(), same, matched(), None);
    assert_near(scalar(found), 8f64.ln(), 1e-12);
}

#[test]
fn gradient_reaches_the_queries_alone() {
    let (q, k, rows) = (random(SHAPE, 5), random(SHAPE, 6), random([5, 3], 7));
    let matched = || ints([2, 4], &labels([8], 0, 4, 8));
    for queue in [Some(rows.clone()), None] {
        let run = |q, k| init().forward(q, k, matched(), queue.clone());
        assert_gradient(q.clone(), |q| run(q, k.clone()));
        assert_stopped(k.clone(), |k| run(q.clone(), k));
    }
    assert_stopped(rows, |rows| {
        init().forward(q.clone(), k.clone(), matched(), Some(rows))
    });
}

#[test]
fn order_of_the_keys_and_of_the_queue_is_immaterial() {
    let (q, k, rows) = (random(SHAPE, 9), random(SHAPE, 10), random([5, 3], 11));
    let run = |k: Tensor<4>, queue| {
        let matched = dense_correspondence(q.clone(), k.clone());
        scalar(init().forward(q.clone(), k, matched, queue))
    };
    let moved = k.clone().flip([2, 3]);
    let expected = run(k.clone(), Some(rows.clone()));
    assert_near(run(moved.clone(), Some(rows.flip([0]))), expected, 1e-12);
    assert_near(run(moved, None), run(k, None), 1e-12);
}

#[test]
fn length_is_immaterial() {
    let (q, k, rows) = (random(SHAPE, 12), random(SHAPE, 13), random([5, 3], 14));
    let matched = || ints([2, 4], &labels([8], 0, 4, 15));
    let expected = init().forward(q.clone(), k.clone(), matched(), Some(rows.clone()));
    let found = init().forward(q * 3.0, k * 0.1, matched(), Some(rows * 9.0));
    assert_near(scalar(found), scalar(expected), 1e-12);
}

#[test]
fn an_empty_queue_and_a_single_position_cost_nothing() {
    let one = random([1, 3, 1, 1], 16);
    let other = random([1, 3, 1, 1], 17);
    let matched = || ints([1, 1], &[0]);
    let alone = init().forward(one.clone(), other.clone(), matched(), None);
    assert_near(scalar(alone), 0.0, 1e-12);
    let empty = random([1, 3], 18).slice([0..0, 0..3]);
    let found = init().forward(one, other, matched(), Some(empty));
    assert_near(scalar(found), 0.0, 1e-12);
}

#[test]
#[should_panic(expected = "expected one correspondence per query")]
fn shapes_must_agree() {
    let map = random(SHAPE, 1);
    init().forward(map.clone(), map, ints([2, 3], &[0; 6]), None);
}
