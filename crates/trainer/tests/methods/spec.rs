//! What each method computes, written down from its paper: terms and their weights, who learns from what, averages.

/// A method.
pub struct Method {
    /// As [`MethodConfig::NAMES`](semivox_trainer::method::MethodConfig::NAMES) has it.
    pub name: &'static str,
    /// Its stages.
    pub stages: Vec<Stage>,
    /// Settings that make it small or smooth enough for an experiment.
    pub frame: Vec<(&'static str, &'static str)>,
    /// The rows of its paper's ablation tables, and what a reconstruction's text claims.
    pub ablations: &'static [&'static str],
}

/// A stage.
#[derive(Default)]
pub struct Stage {
    /// Its terms in the order in which they are logged.
    pub terms: Vec<Term>,
    /// Its averages.
    pub averages: Vec<Average>,
}

/// A term of a stage's loss.
#[derive(Clone)]
pub struct Term {
    /// Its name in the log.
    pub name: &'static str,
    /// What it is multiplied by.
    pub weight: Weight,
    /// Whether the weight is ramped up by `exp(−5 (1 − t/T)²)`.
    pub ramped: bool,
    /// The parameters that it moves, by the beginning of their names.
    pub moves: &'static [&'static str],
    /// Among those the ones that no other term of fixed weight moves; empty if all.
    pub alone_in: &'static str,
    /// The inputs that its value depends on. Patches that pass a network together share batch statistics.
    pub reads: &'static [Input],
    /// Settings that its experiment takes.
    pub frame: Vec<(String, &'static str)>,
    /// How far the slope of the logged value may be off the gradient's norm.
    pub tolerance: f64,
}

/// What a term is multiplied by.
#[derive(Clone, PartialEq)]
pub enum Weight {
    /// The same in every run.
    Fixed(f64),
    /// A setting, by its key, and the paper's value.
    Setting(String, f64),
    /// The term is only logged.
    None,
}

/// A part of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// The weak view of labeled patches.
    Weak,
    /// Their strong view.
    Strong,
    /// Their labels.
    Labels,
    /// The weak view of unlabeled patches.
    OtherWeak,
    /// Their strong view.
    OtherStrong,
}

use Input::{Labels, OtherStrong, OtherWeak, Strong, Weak};

/// A module that is the moving average of another.
#[derive(Clone)]
pub struct Average {
    /// Its file in a checkpoint.
    pub file: &'static str,
    /// The beginning of the names that it follows.
    pub follows: &'static str,
    /// The setting with its momentum, and the paper's value.
    pub momentum: (String, f64),
    /// Whether the momentum is at most `1 − 1/(t + 1)`.
    pub warmed_up: bool,
    /// Whether it follows what the optimizer made of a parameter or, as the averages of ACTION's first stages, what
    /// was there before.
    pub follows_moved: bool,
}

impl Term {
    fn new(name: &'static str, weight: Weight, moves: &'static [&'static str]) -> Self {
        Self {
            name,
            weight,
            ramped: false,
            moves,
            alone_in: "",
            reads: &[],
            frame: Vec::new(),
            tolerance: 0.1,
        }
    }

    fn fixed(name: &'static str, moves: &'static [&'static str]) -> Self {
        Self::new(name, Weight::Fixed(1.0), moves)
    }

    fn logged(name: &'static str) -> Self {
        Self::new(name, Weight::None, &[])
    }

    fn weighted(
        name: &'static str,
        (key, value): (&str, f64),
        moves: &'static [&'static str],
    ) -> Self {
        Self::new(name, Weight::Setting(format!("method.{key}"), value), moves)
    }

    fn ramped(mut self) -> Self {
        self.ramped = true;
        self
    }

    fn alone_in(mut self, prefix: &'static str) -> Self {
        self.alone_in = prefix;
        self
    }

    fn reads(mut self, inputs: &'static [Input]) -> Self {
        self.reads = inputs;
        self
    }

    fn framed(mut self, key: &str, value: &'static str) -> Self {
        self.frame.push((format!("method.{key}"), value));
        self
    }

    fn within(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }
}

const STUDENT: &[&str] = &["student/"];
const HEADED: &[&str] = &["student/", "heads/"];
/// What a network sees at once when labeled and unlabeled patches pass it together.
const TOGETHER: &[Input] = &[Weak, Labels, OtherWeak];
/// The same for a term that no label enters.
const IMAGES: &[Input] = &[Weak, OtherWeak];

/// The moving average of a student as of its heads, as the mean-teacher family has it.
fn teacher(file: &'static str, follows: &'static str, momentum: f64) -> Average {
    Average {
        file,
        follows,
        momentum: ("method.teacher_momentum".into(), momentum),
        warmed_up: true,
        follows_moved: true,
    }
}

fn one_stage(name: &'static str, terms: Vec<Term>, averages: Vec<Average>) -> Method {
    Method {
        name,
        stages: vec![Stage { terms, averages }],
        frame: Vec::new(),
        ablations: &[],
    }
}

/// The loss of a labeled patch: `½ (L_ce + L_dice)`.
fn supervised() -> Term {
    Term::fixed("supervised", STUDENT).reads(TOGETHER)
}

/// A method of the mean-teacher family: `L = L_sup + λ(t)·L_con`, λ 0.1.
fn with_teacher(name: &'static str) -> Method {
    let consistency = Term::weighted("consistency", ("consistency_weight", 0.1), STUDENT);
    let terms = vec![supervised(), consistency.ramped().reads(IMAGES)];
    one_stage(name, terms, vec![teacher("teacher", "student", 0.99)])
}

/// The method called `name`.
pub fn spec(name: &str) -> Method {
    match name {
        "supervised" => one_stage(
            "supervised",
            vec![supervised().reads(&[Weak, Labels])],
            vec![],
        ),
        "entropy_minimization" => {
            let entropy = Term::weighted("entropy", ("entropy_weight", 0.1), STUDENT);
            let terms = vec![supervised(), entropy.ramped().reads(IMAGES)];
            one_stage("entropy_minimization", terms, vec![])
        }
        "mean_teacher" => with_teacher("mean_teacher"),
        // Whatever the teacher is unsure of counts, so that the mask does not depend on the step.
        "ua_mt" => Method {
            frame: vec![("method.threshold", "1.0")],
            ..with_teacher("ua_mt")
        },
        "ict" => with_teacher("ict"),
        "cps" => cps(),
        "dtc" => dtc(),
        "urpc" => urpc(),
        "global_local" => global_local(),
        "simcvd" => simcvd(),
        "cvrl" => cvrl(),
        "ideal" => ideal(),
        "action" => action(),
        "action_pp" => action_pp(),
        _ => panic!("write down what {name} computes"),
    }
}

/// `L = Σ_m L_sup(F_m) + λ(t)·(L_ce(F_1, y_2) + L_ce(F_2, y_1))`: who learns does not label.
fn cps() -> Method {
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

/// `L = L_seg + β·MSE(z, T(y)) + λ(t)·L_dtc`, with a gentle `T⁻¹`, as a steep one has no slope to measure.
fn dtc() -> Method {
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
fn urpc() -> Method {
    let consistency = Term::weighted("consistency", ("consistency_weight", 0.1), HEADED);
    let terms = vec![
        Term::fixed("supervised", HEADED).reads(TOGETHER),
        Term::logged("finest").reads(TOGETHER),
        consistency.ramped().reads(IMAGES),
    ];
    one_stage("urpc", terms, vec![])
}

/// Stage i teaches the encoder, stage ii the decoder below its last blocks, stage iii all.
fn global_local() -> Method {
    const VIEWS: &[Input] = &[Weak, Strong, OtherWeak, OtherStrong];
    let stage = |term: Term| Stage {
        terms: vec![term],
        averages: vec![],
    };
    Method {
        name: "global_local",
        stages: vec![
            stage(Term::fixed("global_contrast", &["student/", "head/"]).reads(VIEWS)),
            stage(Term::fixed("local_contrast", &["student/decoder", "head/"]).reads(VIEWS)),
            stage(supervised().reads(&[Weak, Labels])),
        ],
        frame: vec![("method.hidden", "16")],
        ablations: &["global_only", "local_only", "from_scratch"],
    }
}

/// `L = ½ (L_ce + L_dice) + α·MSE(S_s, S) + λ·L_contrast + β·L_pd + γ·Ψ(t)·L_con`.
fn simcvd() -> Method {
    let weighted =
        |name, key, value, moves| Term::weighted(name, (key, value), moves).reads(IMAGES);
    let terms = vec![
        supervised(),
        weighted("signed_distance", "distance_weight", 0.1, STUDENT).reads(TOGETHER),
        weighted("contrast", "contrast_weight", 0.5, HEADED),
        weighted("pairwise", "pairwise_weight", 0.1, STUDENT),
        weighted("consistency", "consistency_weight", 0.1, STUDENT).ramped(),
    ];
    let averages = vec![
        teacher("teacher", "student", 0.999),
        teacher("teacher_heads", "heads", 0.999),
    ];
    Method {
        frame: vec![("method.pooled", "16")],
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
fn cvrl() -> Method {
    let contrast = |name, key, level, moves| {
        let term = Term::weighted(name, (key, 0.1), moves);
        term.framed("levels", level).reads(IMAGES)
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
        consistency.ramped().reads(IMAGES),
    ];
    let averages = vec![
        teacher("teacher", "student", 0.999),
        teacher("teacher_heads", "heads", 0.999),
    ];
    Method {
        frame: vec![("method.voxels", "64")],
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

/// Stage i: `L_dense`. Stage ii: `Σ_m L_sup(p_m) + w(t) (L_ce(p_1, y_2) + L_ce(p_2, y_1))`, the second stream on the
/// strong view.
fn ideal() -> Method {
    let keys = |file, follows| Average {
        momentum: ("method.key_momentum".into(), 0.99),
        warmed_up: false,
        ..teacher(file, follows, 0.99)
    };
    const SECOND: &[&str] = &["student/", "second/"];
    const VIEWS: &[Input] = &[Weak, Strong, OtherWeak, OtherStrong];
    let of_second = Term::fixed("supervised_second", SECOND).alone_in("second/");
    // Labels change with the network that gives them, which the slope sees and the gradient does not.
    let cross = Term::weighted("cross_pseudo", ("cross_weight", 0.1), SECOND).within(0.75);
    Method {
        name: "ideal",
        stages: vec![
            Stage {
                terms: vec![Term::fixed("dense_contrast", HEADED).reads(VIEWS)],
                averages: vec![keys("keys", "student"), keys("teacher_heads", "heads")],
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

/// Stage i: `L_global`. Stage ii: `L_sup + k₁·L_global + k₂·L_local`. Stage iii: `L_sup + λ₂·L_unsup + λ₁·L_anco`.
/// `at` is where ACTION's settings are.
fn action_stages(at: &str) -> Vec<Stage> {
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
    // Its means and negatives are constants to the gradient and move with the slope, more than its queries.
    let contrast = Term::weighted(
        "contrast",
        (&key("contrast_weight"), 0.01),
        &["student/", "representation/"],
    );
    let sure = key("strong_threshold");
    vec![
        Stage {
            terms: vec![global()],
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
            ],
            averages: vec![average("teacher", "student", true)],
        },
    ]
}

fn action() -> Method {
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
        ablations: &[
            "without_stage_ii",
            "without_stage_iii",
            "without_anco",
            "without_unsup",
        ],
    }
}

/// ACTION, and `w·L_aaco` on labeled patches in stage iii.
fn action_pp() -> Method {
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
            // A schedule that stands still, so that terms do not depend on the step.
            ("method.schedule", "{ low = 0.5, high = 0.5, period = 1.0 }"),
        ],
        ablations: &["without_saacl", "without_ats", "random_assignment"],
    }
}
