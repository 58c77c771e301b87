use super::*;
use crate::testing::*;
use Similarity::{Correlation, Cosine, DotProduct};

type Product = fn(&[f64], &[f64]) -> f64;

fn config(temperature: f64) -> InfoNceLossConfig {
    InfoNceLossConfig::new().with_temperature(temperature)
}

/// The loss of each query of one group, in plain loops.
fn oracle(
    [queries, keys]: [&[f64]; 2],
    width: usize,
    similarity: impl Fn(&[f64], &[f64]) -> f64,
    skip: impl Fn(usize, usize) -> bool,
) -> Vec<f64> {
    let rows = |x: &[f64]| -> Vec<Vec<f64>> { x.chunks(width).map(<[f64]>::to_vec).collect() };
    let (queries, keys) = (rows(queries), rows(keys));
    let loss = |i: usize| {
        let mut sum = 0.0;
        for j in (0..keys.len()).filter(|&j| !skip(i, j)) {
            sum += similarity(&queries[i], &keys[j]).exp();
        }
        sum.ln() - similarity(&queries[i], &keys[i])
    };
    (0..queries.len()).map(loss).collect()
}

fn all(_: usize, _: usize) -> bool {
    false
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn standard(x: &[f64]) -> Vec<f64> {
    let average = mean(x);
    let variance = x.iter().map(|x| (x - average).powi(2)).sum::<f64>() / x.len() as f64;
    let scaled = |x: &f64| (x - average) / (variance + 1e-5).sqrt();
    x.iter().map(scaled).collect()
}

fn pairs(n: usize, excluded: impl Fn(usize, usize) -> bool) -> Tensor<2, Bool> {
    let mask: Vec<bool> = (0..n * n).map(|i| excluded(i / n, i % n)).collect();
    Tensor::from_data(TensorData::new(mask, [n, n]), &Device::flex().autodiff())
}

/// Positions of the batch, as in CVRL.
#[test]
fn equals_plain_loops_with_and_without_excluded_pairs() {
    let (q, k) = (floats(20, 1), floats(20, 2));
    let inputs = || (tensor([5, 4], &q), tensor([5, 4], &k));
    let above = |i: usize, j: usize| j == i + 1 || j + 3 == i;
    let product = |a: &[f64], b: &[f64]| cosine(a, b) / 0.1;
    for (mask, skip) in [(None, all as fn(_, _) -> _), (Some(pairs(5, above)), above)] {
        let there = oracle([&q, &k], 4, product, skip);
        let back = oracle([&k, &q], 4, product, |i, j| skip(j, i));
        let (queries, keys) = inputs();
        let loss = config(0.1).init();
        let each = loss.forward_no_reduction(queries, keys, mask.clone());
        assert_eq!(each.dims(), [5, 1]);
        for (found, expected) in values(each).into_iter().zip(&there) {
            assert_near(found, *expected, 1e-10);
        }
        let (queries, keys) = inputs();
        let found = scalar(loss.forward(queries, keys, mask.clone()));
        assert_near(found, mean(&there), 1e-10);
        let (queries, keys) = inputs();
        let both = config(0.1).with_symmetric(true).init();
        let found = scalar(both.forward(queries, keys, mask));
        assert_near(found, (mean(&there) + mean(&back)) / 2.0, 1e-10);
    }
}

/// Slices as in SimCVD, channels as in CVRL.
#[test]
fn equals_plain_loops_in_both_directions_for_every_similarity() {
    let (q, k) = (floats(24, 1), floats(24, 2));
    let correlation: Product = |a, b| dot(&standard(a), &standard(b)) / a.len() as f64 / 0.1;
    for (similarity, temperature, product, tolerance) in [
        (Cosine, 0.5, (|a, b| cosine(a, b) / 0.5) as Product, 1e-12),
        (DotProduct, 0.5, |a, b| dot(a, b) / 0.5, 1e-12),
        (Correlation, 0.1, correlation, 1e-10),
    ] {
        let there = mean(&oracle([&q, &k], 8, product, all));
        let back = mean(&oracle([&k, &q], 8, product, all));
        let config = config(temperature).with_similarity(similarity);
        let run = |symmetric| {
            let loss = config.clone().with_symmetric(symmetric).init();
            scalar(loss.forward(tensor([3, 8], &q), tensor([3, 8], &k), None))
        };
        assert_near(run(false), there, tolerance);
        assert_near(run(true), (there + back) / 2.0, tolerance);
    }
}

/// Positions of each volume, as in SimCVD.
#[test]
fn groups_equal_plain_loops_and_are_not_compared_with_one_another() {
    let (q, k) = (floats(30, 1), floats(30, 2));
    let of = |i: usize| oracle([&q[15 * i..][..15], &k[15 * i..][..15]], 3, cosine, all);
    let expected = [of(0), of(1)].concat();
    let run = |reduction| {
        let loss = config(1.0).with_reduction(reduction).init();
        scalar(loss.forward(tensor([2, 5, 3], &q), tensor([2, 5, 3], &k), None))
    };
    assert_near(run(Reduction::Mean), mean(&expected), 1e-12);
    assert_near(run(Reduction::Sum), expected.iter().sum(), 1e-12);
}

/// Keys that agree with their query and are orthogonal to all others: ln(e^(1/τ) + n − 1) − 1/τ.
#[test]
fn perfect_embeddings_have_the_value_of_the_formula() {
    // Rows of a Hadamard matrix, of which the first is constant.
    let sign = |i: usize| 1.0 - 2.0 * f64::from(((i / 256) & (i % 256)).count_ones() % 2);
    let rows: Vec<f64> = (256..129 * 256).map(sign).collect();
    let rows = tensor([128, 256], &rows);
    for (similarity, temperature, tolerance) in [
        (Cosine, 0.5, 1e-12),
        (Cosine, 1.0, 1e-12),
        (Correlation, 0.1, 1e-4),
    ] {
        let config = config(temperature).with_similarity(similarity);
        let loss = config.with_symmetric(true).init();
        let expected = ((1.0 / temperature).exp() + 127.0).ln() - 1.0 / temperature;
        let found = scalar(loss.forward(rows.clone(), rows.clone(), None));
        assert_near(found, expected, tolerance);
    }
}

#[test]
fn keys_that_cannot_be_told_apart_give_the_logarithm_of_their_number() {
    for (n, expected) in [(490, 6.194), (245, 5.5013), (1024, 6.931)] {
        let same = tensor([n, 2], &vec![0.4; 2 * n]);
        let found = scalar(config(0.1).init().forward(same.clone(), same, None));
        assert_near(found, (n as f64).ln(), 1e-10);
        assert_near(found, expected, 1e-3);
    }
    // Neither zeros nor constant vectors have a direction.
    for (similarity, value) in [(Cosine, 0.0), (DotProduct, 0.0), (Correlation, 2.0)] {
        let same = tensor([3, 4], &[value; 12]);
        let config = config(0.1).with_similarity(similarity);
        let found = scalar(config.init().forward(same.clone(), same, None));
        assert_near(found, 3f64.ln(), 1e-12);
    }
}

/// With p the softmax of a row: dL/dS_ii = −(1/n) Σ_{j≠i} p_ij, dL/dS_ij = p_ij / n.
#[test]
fn a_negative_is_pushed_by_its_share_of_the_softmax() {
    let logits = floats(16, 3);
    let run = |logits| classification(logits).mean();
    let found = gradient(tensor([4, 4], &logits), run).unwrap_or_default();
    for i in 0..4 {
        let p = softmax(&logits[4 * i..4 * i + 4]);
        for j in 0..4 {
            let expected = if j == i { p[j] - 1.0 } else { p[j] };
            assert_near(found[4 * i + j], expected / 4.0, 1e-12);
        }
    }
}

#[test]
fn gradient_reaches_the_queries_alone() {
    let (q, k) = (random([2, 4, 3], 3), random([2, 4, 3], 4));
    for similarity in [Cosine, DotProduct, Correlation] {
        for symmetric in [false, true] {
            let config = config(0.5).with_similarity(similarity);
            let loss = config.with_symmetric(symmetric).init();
            assert_gradient(q.clone(), |q| loss.forward(q, k.clone(), None));
            assert_stopped(k.clone(), |k| loss.forward(q.clone(), k, None));
        }
    }
}

#[test]
fn order_and_scale_are_immaterial_and_one_item_costs_nothing() {
    let (q, k) = (random([2, 5, 6], 5), random([2, 5, 6], 6));
    for (similarity, offset, tolerance) in [(Cosine, 0.0, 1e-12), (Correlation, 1.0, 1e-3)] {
        let config = config(0.1).with_similarity(similarity);
        let loss = config.with_symmetric(true).init();
        let expected = scalar(loss.forward(q.clone(), k.clone(), None));
        let moved =
            [(&q, 3.0), (&k, 0.7)].map(|(x, scale)| x.clone().flip([0, 1]) * scale + offset);
        let [queries, keys] = moved;
        assert_near(
            scalar(loss.forward(queries, keys, None)),
            expected,
            tolerance,
        );
        let [queries, keys] = [&q, &k].map(|x| x.clone().narrow(1, 2, 1));
        assert_near(scalar(loss.forward(queries, keys, None)), 0.0, 1e-12);
    }
}

#[test]
#[should_panic(expected = "keys and queries differ in shape")]
fn shapes_must_agree() {
    let loss = InfoNceLossConfig::new().init();
    loss.forward(random([2, 3], 1), random([3, 3], 2), None);
}

#[test]
#[should_panic(expected = "excluded pairs and all pairs differ in shape")]
fn excluded_pairs_must_fit() {
    let loss = InfoNceLossConfig::new().init();
    loss.forward(random([2, 3], 1), random([2, 3], 2), Some(pairs(3, all)));
}
