use super::*;
use crate::testing::*;

fn init() -> AnatomicalContrastiveLoss {
    AnatomicalContrastiveLossConfig::new().init()
}

/// Three classes, two queries, four negatives, width three.
fn inputs(valid: [f64; 3], queried: [f64; 3]) -> AnatomicalContrastiveInput {
    AnatomicalContrastiveInput {
        queries: random([3, 2, 3], 1),
        positive_keys: random([3, 3], 2),
        negatives: random([3, 2, 4, 3], 3),
        valid: tensor([3], &valid),
        queried: tensor([3], &queried),
    }
}

fn oracle(input: &AnatomicalContrastiveInput) -> f64 {
    let (q, k) = (
        values(input.queries.clone()),
        values(input.positive_keys.clone()),
    );
    let (n, valid) = (values(input.negatives.clone()), values(input.valid.clone()));
    let queried = values(input.queried.clone());
    let mut total = 0.0;
    for c in (0..3).filter(|&c| queried[c] == 1.0) {
        for i in (0..2).map(|i| c * 2 + i) {
            let query = &q[i * 3..i * 3 + 3];
            let mut logits = vec![cosine(query, &k[c * 3..c * 3 + 3]) / 0.5];
            let keys = n[i * 12..(i + 1) * 12].chunks(3);
            logits.extend(keys.map(|key| cosine(query, key) / 0.5));
            total -= softmax(&logits)[0].ln() / 2.0;
        }
    }
    total / valid.iter().sum::<f64>()
}

/// Two classes with one query and 512 negatives each, all on one line.
fn on_a_line(negative: f64) -> AnatomicalContrastiveInput {
    AnatomicalContrastiveInput {
        queries: tensor([2, 1, 1], &[1.0; 2]),
        positive_keys: tensor([2, 1], &[2.0; 2]),
        negatives: tensor([2, 1, 512, 1], &[negative; 1024]),
        valid: tensor([2], &[1.0; 2]),
        queried: tensor([2], &[1.0; 2]),
    }
}

#[test]
fn equals_plain_loops() {
    for masks in [
        ([1.0; 3], [1.0; 3]),
        ([1.0; 3], [0.0, 1.0, 1.0]),
        ([1.0, 0.0, 1.0], [1.0, 0.0, 0.0]),
    ] {
        let input = inputs(masks.0, masks.1);
        let expected = oracle(&input);
        assert_near(scalar(init().forward(input)), expected, 1e-12);
    }
}

#[test]
fn shared_negatives_are_those_of_every_query() {
    let given = inputs([1.0; 3], [1.0, 0.0, 1.0]);
    let shared = given.negatives.clone().narrow(1, 1, 1);
    let with = |negatives| AnatomicalContrastiveInput {
        negatives,
        ..given.clone()
    };
    let expected = oracle(&with(shared.clone().repeat_dim(1, 2)));
    assert_near(
        scalar(init().forward(with(shared.clone()))),
        expected,
        1e-12,
    );
    assert_gradient(given.queries.clone(), |queries| {
        init().forward(AnatomicalContrastiveInput {
            queries,
            ..with(shared.clone())
        })
    });
}

#[test]
fn equal_cosines_and_perfect_separation_have_closed_forms() {
    let equal = scalar(init().forward(on_a_line(3.0)));
    assert_near(equal, 513f64.ln(), 1e-12);
    assert_near(equal, 6.240, 5e-4);
    let perfect = scalar(init().forward(on_a_line(-3.0)));
    assert_near(perfect, (512.0 * (-4f64).exp()).ln_1p(), 1e-12);
    assert_near(perfect, 2.340, 5e-4);
}

#[test]
fn gradient_reaches_the_queries_alone() {
    let given = inputs([1.0; 3], [1.0, 1.0, 0.0]);
    assert_gradient(given.queries.clone(), |queries| {
        init().forward(AnatomicalContrastiveInput {
            queries,
            ..given.clone()
        })
    });
    assert_stopped(given.positive_keys.clone(), |positive_keys| {
        init().forward(AnatomicalContrastiveInput {
            positive_keys,
            ..given.clone()
        })
    });
    assert_stopped(given.negatives.clone(), |negatives| {
        init().forward(AnatomicalContrastiveInput {
            negatives,
            ..given.clone()
        })
    });
}

#[test]
fn order_and_length_are_immaterial() {
    let given = inputs([1.0; 3], [1.0, 0.0, 1.0]);
    let expected = scalar(init().forward(given.clone()));
    let moved = AnatomicalContrastiveInput {
        queries: given.queries.flip([0, 1]).mul_scalar(5.0),
        positive_keys: given.positive_keys.flip([0]).mul_scalar(0.1),
        negatives: given.negatives.flip([0, 1, 2]).mul_scalar(3.0),
        valid: given.valid.flip([0]),
        queried: given.queried.flip([0]),
    };
    assert_near(scalar(init().forward(moved)), expected, 1e-12);
}

#[test]
fn one_class_or_none_gives_zero_without_gradient() {
    for masks in [([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]), ([0.0; 3], [0.0; 3])] {
        let given = inputs(masks.0, masks.1);
        let run = |queries| {
            init().forward(AnatomicalContrastiveInput {
                queries,
                ..given.clone()
            })
        };
        assert_near(scalar(run(given.queries.clone())), 0.0, 0.0);
        assert_stopped(given.queries.clone(), run);
    }
}

#[test]
fn missing_class_filled_with_zeros_stays_finite() {
    let mut given = inputs([1.0, 1.0, 0.0], [1.0, 1.0, 0.0]);
    let present = tensor([3, 1], &[1.0, 1.0, 0.0]);
    given.positive_keys = given.positive_keys * present.clone();
    given.negatives = given.negatives * present.clone().reshape([3, 1, 1, 1]);
    let queries = given.queries.clone() * present.reshape([3, 1, 1]);
    let run = |queries| {
        init().forward(AnatomicalContrastiveInput {
            queries,
            ..given.clone()
        })
    };
    assert!(scalar(run(queries.clone())) > 0.0);
    let found = gradient(queries, run).expect("a gradient");
    assert!(found.iter().all(|g| g.is_finite()));
    assert_eq!(found[12..], [0.0; 6]);
}

#[test]
#[should_panic(expected = "shapes do not fit queries")]
fn shapes_must_agree() {
    let mut input = inputs([1.0; 3], [1.0; 3]);
    input.positive_keys = random([2, 3], 1);
    init().forward(input);
}
