//! Methods of one stage with more than a consistency term.

use super::*;

/// Tolerance of terms whose pseudo-labels come from the student itself, which change along the slope. Unit tests of the
/// methods compare their values with labels computed apart, and their steps with the gradients of the weighted terms.
const RELABELED: f64 = f64::INFINITY;

/// `L = Σ_m L_sup(F_m) + λ(t)·(L_ce(F_1, y_2) + L_ce(F_2, y_1))`: pseudo-labels carry no gradient.
pub(super) fn cps() -> Method {
    let pseudo = |name, moves| {
        let term = Term::weighted(name, ("pseudo_weight", 0.1), moves);
        term.ramped().reads(IMAGES)
    };
    let terms = vec![
        supervised().alone_in("student/"),
        Term::fixed("supervised_second", &["second/"])
            .alone_in("second/")
            .reads(TOGETHER),
        pseudo("pseudo", STUDENT).alone_in("student/"),
        pseudo("pseudo_second", &["second/"]).alone_in("second/"),
    ];
    one_stage("cps", terms, vec![])
}

/// `L = L_seg(x) + λ·L_seg(Mix(u_s))`, pseudo-labels of the weak view in evaluation mode.
pub(super) fn fixmatch() -> Method {
    let pseudo = Term::weighted("pseudo", ("pseudo_weight", 1.0), STUDENT).within(RELABELED);
    let terms = vec![
        supervised().reads(&[Input::Weak, Input::Labels, Input::OtherStrong]),
        pseudo.reads(&[Input::Weak, Input::OtherWeak, Input::OtherStrong]),
        Term::logged("pseudo_active"),
        Term::logged("foreground_confidence").reads(&[Input::OtherWeak]),
    ];
    Method {
        frame: vec![
            ("method.threshold", "0.2"),
            ("method.pseudo_guard", "false"),
        ],
        ..one_stage("fixmatch", terms, vec![])
    }
}

/// `L = L_seg(x) + ¼·L_dice(Mix(u_s1)) + ¼·L_dice(Mix(u_s2)) + ½·L_dice(h(drop(g(u_w))))`.
pub(super) fn unimatch() -> Method {
    let strong = |name, key| {
        let term = Term::weighted(name, (key, 0.25), STUDENT).within(RELABELED);
        term.reads(&[
            Input::Weak,
            Input::OtherWeak,
            Input::OtherStrong,
            Input::OtherSecond,
        ])
    };
    let feature = Term::weighted("feature", ("feature_weight", 0.5), STUDENT).within(RELABELED);
    let terms = vec![
        supervised(),
        strong("strong", "strong_weights.0"),
        strong("strong_second", "strong_weights.1"),
        feature.reads(IMAGES),
        Term::logged("pseudo_active"),
        Term::logged("foreground_confidence").reads(IMAGES),
    ];
    Method {
        frame: vec![
            ("method.threshold", "0.2"),
            ("method.pseudo_guard", "false"),
        ],
        ..one_stage("unimatch", terms, vec![])
    }
}

/// `L = L_seg + β·MSE(z, T(y)) + λ(t)·L_dtc`, with a gentle `T⁻¹`, as a steep one has no slope to measure.
pub(super) fn dtc() -> Method {
    let distance = Term::weighted("signed_distance", ("distance_weight", 0.3), STUDENT);
    let consistency = Term::weighted("consistency", ("consistency_weight", 1.0), STUDENT);
    let terms = vec![
        supervised(),
        distance.reads(TOGETHER),
        consistency.ramped().reads(IMAGES),
    ];
    Method {
        frame: vec![("method.steepness", "2.0")],
        ..one_stage("dtc", terms, vec![])
    }
}

/// `L = (1/S) Σ_s L_sup(p_s) + λ(t)·L_con`; the finest scale is logged too.
pub(super) fn urpc() -> Method {
    let consistency = Term::weighted("consistency", ("consistency_weight", 0.1), HEADED);
    let terms = vec![
        Term::fixed("supervised", HEADED).reads(TOGETHER),
        Term::logged("finest").reads(TOGETHER),
        consistency.ramped().reads(IMAGES),
    ];
    Method {
        plain: vec![("method.dropout", "[0.0, 0.0, 0.0, 0.0]")],
        ..one_stage("urpc", terms, vec![])
    }
}

/// `L = w·Σ_m L_dice(p_m) + λ(t)·Σ_m Σ_{n≠m} MSE(p_m, s(p_n))` of three decoders on one encoder, on all patches.
pub(super) fn mc_net_plus() -> Method {
    const DECODERS: &[&str] = &["student/", "second/0.", "second/1."];
    let weighted = |name, key, value| Term::weighted(name, (key, value), DECODERS);
    let terms = vec![
        weighted("supervised", "supervised_weight", 0.5).reads(TOGETHER),
        weighted("consistency", "consistency_weight", 1.0)
            .ramped_over(0.4)
            .reads(IMAGES),
    ];
    Method {
        frame: vec![("method.ramp_share", "0.4")],
        ..one_stage("mc_net_plus", terms, vec![])
    }
}

/// `L = L_sup + λ(t)·L_s + μ(t)·(L_c(labeled) + L_c(unlabeled))`, with prototypes of the background too, so that a network
/// that predicts a single class has some. Clean predictions, perturbations and prototypes are constants for the gradient
/// but change along the slope.
pub(super) fn ss_net() -> Method {
    const SEPARATED: &[&str] = &[
        "student/",
        "heads/projection",
        "heads/prediction",
        "heads/selectors",
        "heads/memory_selectors",
    ];
    let smoothness = Term::weighted("smoothness", ("smoothness_weight", 1.0), STUDENT)
        .reads(IMAGES)
        .same(Same::Zero);
    let separation = |name, key| Term::weighted(name, (key, 0.1), SEPARATED).reads(TOGETHER);
    let unsupervised = [
        smoothness,
        separation("separation_labeled", "separation_weights.0"),
        separation("separation_unlabeled", "separation_weights.1"),
    ];
    let unsupervised = unsupervised.map(|term| term.ramped_over(0.4).within(f64::INFINITY));
    let terms = [vec![supervised()], unsupervised.to_vec()].concat();
    Method {
        frame: vec![("method.background", "true"), ("method.ramp_share", "0.4")],
        plain: vec![
            ("method.magnitude", "0.0"),
            ("method.distance", "'per_class'"),
        ],
        ablations: &["without_smoothness", "without_separation"],
        ..one_stage("ss_net", terms, vec![])
    }
}

/// `L = ½ (L_ce + L_dice) + α·MSE(S_s, S) + λ·L_contrast + β·L_pd + γ·Ψ(t)·L_con`.
pub(super) fn simcvd() -> Method {
    let weighted =
        |name, key, value, moves| Term::weighted(name, (key, value), moves).reads(IMAGES);
    let terms = vec![
        supervised(),
        weighted("signed_distance", "distance_weight", 0.1, STUDENT).reads(TOGETHER),
        weighted("contrast", "contrast_weight", 0.5, HEADED).same(Same::Found("temperature")),
        weighted("pairwise", "pairwise_weight", 0.1, STUDENT),
        weighted("consistency", "consistency_weight", 0.1, STUDENT)
            .ramped()
            .same(Same::Zero),
    ];
    let averages = vec![
        teacher("teacher", "student", 0.999),
        teacher("teacher_heads", "heads", 0.999),
    ];
    Method {
        frame: vec![("method.pooled", "16")],
        plain: vec![("method.noise", "0.0"), ("method.head_dropout", "0.0")],
        ablations: &[
            "without_sdm",
            "without_sdm_loss",
            "without_contrast",
            "without_pairwise",
            "without_contrast_and_pairwise",
            "max_pooling",
            "dropout_0.2",
            "pooled_16",
        ],
        ..one_stage("simcvd", terms, averages)
    }
}

/// `L = L_sup + w_b (L_batch^high + L_batch^low) + w_f (L_feat^high + L_feat^low) + w_c·Ψ(t)·L_con`.
pub(super) fn cvrl() -> Method {
    let contrast = |name, key, level, moves| {
        let term = Term::weighted(name, (key, 0.1), moves);
        let temperature = match key {
            "batch_weight" => "batch_temperature",
            _ => "feature_temperature",
        };
        term.framed("levels", level)
            .reads(IMAGES)
            .same(Same::Found(temperature))
    };
    let consistency = Term::weighted("consistency", ("consistency_weight", 0.1), STUDENT);
    let diverse = |name| Term::logged(name).reads(IMAGES);
    const HIGH: &[&str] = &["student/", "heads/high"];
    const LOW: &[&str] = &["student/", "heads/low"];
    let terms = vec![
        supervised(),
        diverse("high_rank"),
        diverse("high_correlation"),
        contrast("high_batch", "batch_weight", "'high'", HIGH),
        contrast("high_feature", "feature_weight", "'high'", HIGH),
        diverse("low_rank"),
        diverse("low_correlation"),
        contrast("low_batch", "batch_weight", "'low'", LOW),
        contrast("low_feature", "feature_weight", "'low'", LOW),
        consistency.ramped().reads(IMAGES).same(Same::Zero),
    ];
    let averages = vec![
        teacher("teacher", "student", 0.999),
        teacher("teacher_heads", "heads", 0.999),
    ];
    Method {
        frame: vec![("method.voxels", "64")],
        plain: vec![("method.noise", "0.0")],
        ablations: &[
            "batch_only",
            "feature_only",
            "high_only",
            "low_only",
            "student_keys",
        ],
        ..one_stage("cvrl", terms, averages)
    }
}
