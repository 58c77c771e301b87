//! Stages of a method and the batches they ask for.

/// One stage of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Name shown to people.
    pub name: &'static str,
    /// How many steps it lasts.
    pub steps: u64,
    /// What each of its batches holds.
    pub plan: BatchPlan,
}

impl Stage {
    /// The only stage of a method that sees weak views, in shuffled epochs.
    pub fn only(name: &'static str, steps: u64, [labeled, unlabeled]: [usize; 2]) -> Self {
        let plan = BatchPlan {
            labeled,
            unlabeled,
            replacement: false,
            strong: StrongViews::None,
        };
        Self { name, steps, plan }
    }
}

/// The composition of a stage's batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    /// Labeled patches.
    pub labeled: usize,
    /// Unlabeled patches.
    pub unlabeled: usize,
    /// Draw cases uniformly with replacement instead of in shuffled epochs.
    pub replacement: bool,
    /// Which groups also get a strong view.
    pub strong: StrongViews,
}

/// Which patches of a batch come with a strongly augmented copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrongViews {
    /// None.
    None,
    /// The unlabeled ones.
    Unlabeled,
    /// All.
    All,
}
