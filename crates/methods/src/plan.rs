//! The plan of a stage: its name, its length and the composition of its batches.

/// Name, number of steps and batch composition of one stage of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct StagePlan {
    /// Name, for the log and the report.
    pub name: &'static str,
    /// Number of steps.
    pub steps: u64,
    /// Composition of each batch.
    pub batch: BatchPlan,
}

impl StagePlan {
    /// Creates a stage with weak views only, whose cases are drawn in shuffled epochs.
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
    /// Number of labeled patches.
    pub labeled: usize,
    /// Number of unlabeled patches.
    pub unlabeled: usize,
    /// Whether cases are drawn uniformly with replacement instead of in shuffled epochs.
    pub replacement: bool,
    /// The patches that also have a strong view.
    pub strong: StrongViews,
}

impl BatchPlan {
    /// Creates a batch of labeled and unlabeled patches, whose cases are drawn in shuffled epochs.
    pub fn new([labeled, unlabeled]: [usize; 2], strong: StrongViews) -> Self {
        Self {
            labeled,
            unlabeled,
            replacement: false,
            strong,
        }
    }

    /// Returns the numbers of labeled and of unlabeled patches.
    pub fn counts(&self) -> [usize; 2] {
        [self.labeled, self.unlabeled]
    }
}

/// The patches of a batch that also have a strongly augmented view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrongViews {
    /// None.
    None,
    /// The unlabeled ones.
    Unlabeled,
    /// The unlabeled ones, which have two.
    UnlabeledTwice,
    /// The labeled ones.
    Labeled,
    /// All.
    All,
}

impl StrongViews {
    /// Returns the numbers of strong views of labeled and of unlabeled patches.
    pub fn counts(self) -> [usize; 2] {
        match self {
            Self::None => [0, 0],
            Self::Unlabeled => [0, 1],
            Self::UnlabeledTwice => [0, 2],
            Self::Labeled => [1, 0],
            Self::All => [1, 1],
        }
    }
}
