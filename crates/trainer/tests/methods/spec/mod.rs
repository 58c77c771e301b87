//! Specification of each method, written from its paper: terms with their weights, inputs and parameters, and averages.

mod one_stage;
mod staged;

/// Specification of a method.
pub struct Method {
    /// Name, as in [`MethodConfig::NAMES`](semivox_methods::method_config::MethodConfig::NAMES).
    pub name: &'static str,
    /// Stages, in order.
    pub stages: Vec<Stage>,
    /// Settings that make the method small or smooth enough for an experiment.
    pub frame: Vec<(&'static str, &'static str)>,
    /// Settings without noise on images and without dropout in heads.
    pub plain: Vec<(&'static str, &'static str)>,
    /// Ablations: the rows of the paper's ablation tables, or those that the text of a reconstruction names.
    pub ablations: &'static [&'static str],
}

/// Specification of a stage.
#[derive(Default)]
pub struct Stage {
    /// Terms of the loss, in the order in which they are logged.
    pub terms: Vec<Term>,
    /// Exponential moving averages.
    pub averages: Vec<Average>,
}

/// A term of a stage's loss.
#[derive(Clone)]
pub struct Term {
    /// Name in the log.
    pub name: &'static str,
    /// Weight in the loss.
    pub weight: Weight,
    /// Factor of the weight if it is a setting.
    pub times: f64,
    /// Share `s` of the stage over which the weight is ramped up by `exp(−5 (1 − t/(s·T))²)`; 0 if it is constant.
    pub ramp: f64,
    /// The parameters that its gradient changes, by the beginning of their names.
    pub moves: &'static [&'static str],
    /// Those among `moves` that no other term of fixed weight changes; empty for all.
    pub alone_in: &'static str,
    /// The inputs that its value depends on. Patches that pass a network together share batch statistics.
    pub reads: &'static [Input],
    /// Value if both networks and both views are the same.
    pub same: Same,
    /// Settings of its experiment.
    pub frame: Vec<(String, &'static str)>,
    /// Tolerance of the slope of the logged value against the gradient's norm.
    pub tolerance: f64,
}

/// Weight of a term.
#[derive(Clone, PartialEq)]
pub enum Weight {
    /// The same in every run.
    Fixed(f64),
    /// A setting, by its key, and the paper's value.
    Setting(String, f64),
    /// The term is only logged.
    None,
}

/// Value of a term if both networks and both views that it compares are the same.
#[derive(Clone, Copy, PartialEq)]
pub enum Same {
    /// Not defined, as the term compares something else.
    Other,
    /// Exactly 0, up to rounding.
    Zero,
    /// Small, if the temperature, whose setting this is, is low.
    Found(&'static str),
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
    /// Their second strong view.
    OtherSecond,
}

/// A module that is the exponential moving average of another.
#[derive(Clone)]
pub struct Average {
    /// Name of its file in a checkpoint.
    pub file: &'static str,
    /// The beginning of the names of the parameters that it averages.
    pub follows: &'static str,
    /// The setting of its momentum, and the paper's value.
    pub momentum: (String, f64),
    /// Whether the momentum is at most `1 − 1/(t + 1)`.
    pub warmed_up: bool,
    /// Whether it averages the parameters after the optimizer's step or, as in ACTION's first stages, those before it.
    pub follows_moved: bool,
}

impl Term {
    pub(super) fn new(name: &'static str, weight: Weight, moves: &'static [&'static str]) -> Self {
        Self {
            name,
            weight,
            times: 1.0,
            ramp: 0.0,
            moves,
            alone_in: "",
            reads: &[],
            same: Same::Other,
            frame: Vec::new(),
            tolerance: 0.1,
        }
    }

    pub(super) fn fixed(name: &'static str, moves: &'static [&'static str]) -> Self {
        Self::new(name, Weight::Fixed(1.0), moves)
    }

    pub(super) fn logged(name: &'static str) -> Self {
        Self::new(name, Weight::None, &[])
    }

    pub(super) fn weighted(
        name: &'static str,
        (key, value): (&str, f64),
        moves: &'static [&'static str],
    ) -> Self {
        Self::new(name, Weight::Setting(format!("method.{key}"), value), moves)
    }

    pub(super) fn times(mut self, factor: f64) -> Self {
        self.times = factor;
        self
    }

    pub(super) fn ramped(self) -> Self {
        self.ramped_over(1.0)
    }

    pub(super) fn ramped_over(mut self, share: f64) -> Self {
        self.ramp = share;
        self
    }

    pub(super) fn alone_in(mut self, prefix: &'static str) -> Self {
        self.alone_in = prefix;
        self
    }

    pub(super) fn reads(mut self, inputs: &'static [Input]) -> Self {
        self.reads = inputs;
        self
    }

    pub(super) fn same(mut self, same: Same) -> Self {
        self.same = same;
        self
    }

    pub(super) fn framed(mut self, key: &str, value: &'static str) -> Self {
        self.frame.push((format!("method.{key}"), value));
        self
    }

    pub(super) fn within(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }
}

const STUDENT: &[&str] = &["student/"];
const HEADED: &[&str] = &["student/", "heads/"];
/// Inputs of a supervised term if labeled and unlabeled patches pass the network together.
const TOGETHER: &[Input] = &[Input::Weak, Input::Labels, Input::OtherWeak];
/// Inputs of a term without labels in the same case.
const IMAGES: &[Input] = &[Input::Weak, Input::OtherWeak];

/// Returns the exponential moving average of a student or of its heads, as in mean-teacher methods.
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
        plain: Vec::new(),
        ablations: &[],
    }
}

/// Returns the term of the labeled patches: `½ (L_ce + L_dice)`.
fn supervised() -> Term {
    Term::fixed("supervised", STUDENT).reads(TOGETHER)
}

/// Returns a mean-teacher method: `L = L_sup + λ(t)·L_con`, λ 0.1.
fn with_teacher(name: &'static str, same: Same) -> Method {
    let consistency = Term::weighted("consistency", ("consistency_weight", 0.1), STUDENT);
    let consistency = consistency.ramped().reads(IMAGES).same(same);
    let averages = vec![teacher("teacher", "student", 0.99)];
    Method {
        plain: vec![("method.noise", "0.0")],
        ..one_stage(name, vec![supervised(), consistency], averages)
    }
}

/// Returns the specification of the method called `name`.
pub fn spec(name: &str) -> Method {
    match name {
        "supervised" => Method {
            ablations: &["copy_paste", "strong_cutmix", "strong_copy_paste"],
            ..one_stage(
                "supervised",
                vec![supervised().reads(&[Input::Weak, Input::Labels])],
                vec![],
            )
        },
        "entropy_minimization" => {
            let entropy = Term::weighted("entropy", ("entropy_weight", 0.1), STUDENT);
            let terms = vec![supervised(), entropy.ramped().reads(IMAGES)];
            one_stage("entropy_minimization", terms, vec![])
        }
        "mean_teacher" => with_teacher("mean_teacher", Same::Zero),
        // Uncertain voxels count too, so that the mask does not depend on the step.
        "ua_mt" => Method {
            frame: vec![("method.threshold", "1.0")],
            ..with_teacher("ua_mt", Same::Zero)
        },
        // The prediction for a mixture is not the mixture of the predictions, unless a network is trained for it.
        "ict" => Method {
            plain: vec![],
            ..with_teacher("ict", Same::Other)
        },
        "cps" => one_stage::cps(),
        "bcp" => staged::bcp(),
        "dtc" => one_stage::dtc(),
        "fixmatch" => one_stage::fixmatch(),
        "unimatch" => one_stage::unimatch(),
        "urpc" => one_stage::urpc(),
        "mc_net_plus" => one_stage::mc_net_plus(),
        "ss_net" => one_stage::ss_net(),
        "global_local" => staged::global_local(),
        "simcvd" => one_stage::simcvd(),
        "cvrl" => one_stage::cvrl(),
        "ideal" => staged::ideal(),
        "action" => staged::action(),
        "action_pp" => staged::action_pp(),
        _ => panic!("write down what {name} computes"),
    }
}
