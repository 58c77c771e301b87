//! Methods of several stages.

use super::Input::{Labels, OtherStrong, OtherWeak, Strong, Weak};
use super::*;

/// Stage i trains the encoder, stage ii the decoder below its last blocks, stage iii the whole network.
pub(super) fn global_local() -> Method {
    const VIEWS: &[Input] = &[Weak, Strong, OtherWeak, OtherStrong];
    let found = Same::Found("temperature");
    let stage = |term: Term| Stage {
        terms: vec![term],
        averages: vec![],
    };
    Method {
        name: "global_local",
        stages: vec![
            stage(
                Term::fixed("global_contrast", HEADED)
                    .reads(VIEWS)
                    .same(found),
            ),
            stage(
                Term::fixed("local_contrast", &["student/decoder", "heads/"])
                    .reads(VIEWS)
                    .same(found),
            ),
            stage(supervised().reads(&[Weak, Labels])),
        ],
        frame: vec![("method.hidden", "16")],
        plain: vec![("method.global_geometry", "'aligned'")],
        ablations: &["global_only", "local_only", "from_scratch"],
    }
}

/// Stage i: `L_dense`. Stage ii: `Σ_m L_sup(p_m) + w(t) (L_ce(p_1, y_2) + L_ce(p_2, y_1))`, the second stream on the
/// strong view.
pub(super) fn ideal() -> Method {
    let keys = |file, follows| Average {
        momentum: ("method.key_momentum".into(), 0.99),
        warmed_up: false,
        ..teacher(file, follows, 0.99)
    };
    const SECOND: &[&str] = &["student/", "second/"];
    const VIEWS: &[Input] = &[Weak, Strong, OtherWeak, OtherStrong];
    let of_second = Term::fixed("supervised_second", SECOND).alone_in("second/");
    // Pseudo-labels change with the network that predicts them, which affects the slope but not the gradient; the unit
    // test of the stage compares its step with the gradients of its terms.
    let cross = Term::weighted("cross_pseudo", ("cross_weight", 0.1), SECOND).within(f64::INFINITY);
    Method {
        name: "ideal",
        stages: vec![
            Stage {
                terms: vec![
                    Term::fixed("dense_contrast", HEADED)
                        .reads(VIEWS)
                        .same(Same::Found("temperature")),
                ],
                averages: vec![keys("teacher", "student"), keys("teacher_heads", "heads")],
            },
            Stage {
                terms: vec![
                    supervised().alone_in("student/decoder"),
                    of_second.reads(&[Strong, Labels, OtherStrong]),
                    cross.ramped().reads(VIEWS),
                ],
                averages: vec![],
            },
        ],
        frame: vec![("method.queue", "64"), ("method.embedding", "16")],
        plain: vec![],
        ablations: &[
            "without_pretraining",
            "without_cross",
            "batch_negatives",
            "mirrored_keys",
            "two_networks",
            "dropout_only",
        ],
    }
}

/// Stage i: `L_seg` of mixed labeled patches. Stage ii: `L_seg` where mixed patches have true labels, and α times that
/// where they have pseudo-labels.
pub(super) fn bcp() -> Method {
    let labeled = Term::new("supervised", Weight::Fixed(2.0), STUDENT).reads(TOGETHER);
    let pseudo = Term::weighted("pseudo", ("pseudo_weight", 0.5), STUDENT).reads(IMAGES);
    let pseudo = pseudo.times(2.0);
    Method {
        name: "bcp",
        stages: vec![
            Stage {
                terms: vec![supervised().reads(&[Weak, Labels])],
                averages: vec![],
            },
            Stage {
                terms: vec![labeled, pseudo, Term::logged("pseudo_active")],
                averages: vec![Average {
                    warmed_up: false,
                    ..teacher("teacher", "student", 0.99)
                }],
            },
        ],
        frame: vec![("method.pseudo_guard", "false")],
        plain: vec![],
        ablations: &["without_pretraining", "all_components"],
    }
}

/// Stage i: `L_global`, of weight 1. Stage ii: `L_sup + k₁·L_global + k₂·L_local`. Stage iii: `L_sup + λ₂·L_unsup + λ₁·L_anco`.
/// `at` is where ACTION's settings are.
pub(super) fn action_stages(at: &str) -> Vec<Stage> {
    const VIEWS: &[Input] = &[Weak, Strong, OtherWeak, OtherStrong];
    let key = |name: &str| format!("{at}{name}");
    let average = |file, follows, follows_moved| Average {
        momentum: (format!("method.{at}teacher_momentum"), 0.99),
        warmed_up: false,
        follows_moved,
        ..teacher(file, follows, 0.99)
    };
    let distilled = || {
        vec![
            average("teacher", "student", false),
            average("keys", "heads/projectors", false),
        ]
    };
    let global = || {
        let weight = key("distillation_weights.0");
        Term::weighted("global", (&weight, 1.0), HEADED).reads(VIEWS)
    };
    let local = Term::weighted("local", (&key("distillation_weights.1"), 1.0), HEADED);
    let unsupervised = Term::weighted("unsupervised", (&key("unsupervised_weight"), 1.0), STUDENT);
    // Class means and negatives are constants for the gradient but change along the slope, more than the queries.
    let contrast = Term::weighted(
        "contrast",
        (&key("contrast_weight"), 0.01),
        &["student/", "representation/"],
    );
    let sure = key("strong_threshold");
    vec![
        Stage {
            terms: vec![Term::fixed("global", HEADED).reads(VIEWS)],
            averages: distilled(),
        },
        Stage {
            terms: vec![
                global(),
                supervised().reads(&[Strong, Labels, OtherStrong]),
                local.reads(VIEWS),
            ],
            averages: distilled(),
        },
        Stage {
            terms: vec![
                supervised().reads(&[Strong, Labels]),
                // Every pseudo-label counts.
                unsupervised
                    .framed(&sure, "0.2")
                    .reads(&[OtherWeak, OtherStrong]),
                // Every voxel is a query.
                contrast.framed(&sure, "1.0").within(f64::INFINITY).reads(&[
                    Strong,
                    Labels,
                    OtherWeak,
                    OtherStrong,
                ]),
                Term::logged("pseudo_active"),
                Term::logged("foreground_confidence").reads(&[OtherWeak]),
            ],
            averages: vec![average("teacher", "student", true)],
        },
    ]
}

pub(super) fn action() -> Method {
    Method {
        name: "action",
        stages: action_stages(""),
        frame: vec![
            ("method.local_patch", "16"),
            ("method.local_step", "8"),
            ("method.local_pooled", "4"),
            ("method.global_width", "16"),
            // Every pseudo-labeled voxel takes part in the contrast.
            ("method.weak_threshold", "0.2"),
        ],
        plain: vec![],
        ablations: &[
            "without_stage_ii",
            "without_stage_iii",
            "without_anco",
            "without_unsup",
        ],
    }
}

/// ACTION, and `w·L_aaco` on labeled patches in stage iii.
pub(super) fn action_pp() -> Method {
    let mut stages = action_stages("action.");
    let adaptive = Term::weighted(
        "adaptive",
        ("adaptive_weight", 0.01),
        &["student/", "representation/"],
    );
    stages[2]
        .terms
        .push(adaptive.reads(&[Weak, Strong, Labels]));
    let teacher = stages[2].averages[0].clone();
    stages[2].averages.push(Average {
        file: "key_representation",
        follows: "representation",
        ..teacher
    });
    Method {
        name: "action_pp",
        stages,
        frame: vec![
            ("method.action.local_patch", "16"),
            ("method.action.local_step", "8"),
            ("method.action.local_pooled", "4"),
            ("method.action.global_width", "16"),
            // Every pseudo-labeled voxel takes part in the contrast.
            ("method.action.weak_threshold", "0.2"),
            // A constant schedule, so that terms do not depend on the step.
            ("method.schedule", "{ low = 0.5, high = 0.5, period = 1.0 }"),
        ],
        plain: vec![],
        ablations: &["without_saacl", "without_ats", "random_assignment"],
    }
}
