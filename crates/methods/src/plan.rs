//! The plan of a stage: its name, its length and the batches that it asks for.

/// Name, length and batches of one stage of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct StagePlan {
    /// Name shown to people.
    pub name: &'static str,
    /// Number of steps.
    pub steps: u64,
    /// Composition of each batch.
    pub batch: BatchPlan,
}

impl StagePlan {
    /// A stage that sees weak views alone, in shuffled epochs.
    pub fn weak(name: &'static str, steps: u64, counts: [usize; 2]) -> Self {
        Self {
            name,
            steps,
            batch: BatchPlan::new(counts, StrongViews::None),
        }
    }
}

/// The composition of a stage's batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    /// Labeled patches.
    pub labeled: usize,
    /// Unlabeled patches.
    pub unlabeled: usize,
    /// Whether cases are drawn uniformly with replacement instead of in shuffled epochs.
    pub replacement: bool,
    /// Which patches also get a strong view.
    pub strong: StrongViews,
}

impl BatchPlan {
    /// Labeled and unlabeled patches of cases in shuffled epochs.
    pub fn new([labeled, unlabeled]: [usize; 2], strong: StrongViews) -> Self {
        Self {
            labeled,
            unlabeled,
            replacement: false,
            strong,
        }
    }

    /// The numbers of labeled and of unlabeled patches.
    pub fn counts(&self) -> [usize; 2] {
        [self.labeled, self.unlabeled]
    }
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
