//! Time of the network passes that a step of a method consists of, without the method around them.

use std::time::Instant;

use burn::prelude::*;
use burn::tensor::Distribution;
use semivox::methods::method_config::MethodConfig;
use semivox::methods::optimizer::OptimizerConfig;
use semivox::methods::plan::BatchPlan;
use semivox::methods::student_teacher::StudentTeacher;
use semivox::methods::terms::LossTerms;
use semivox::models::RepresentationHeadConfig;
use semivox::trainer::TrainError;
use semivox::trainer::config::RunConfig;

/// The passes of one step: forward, backward and update of the student, forward of the teacher.
pub(super) struct Passes {
    /// Patches in each pass of the student.
    student: Vec<usize>,
    /// Patches in the pass of the teacher.
    teacher: usize,
    /// The head of the student that is run on all voxels, if there is one.
    head: Option<RepresentationHeadConfig>,
}

impl Passes {
    /// Returns the passes of a stage, or `None` if they are not known here.
    pub(super) fn of(config: &RunConfig, stage: &str, batch: BatchPlan) -> Option<Self> {
        let (labeled, unlabeled) = (batch.labeled, batch.unlabeled);
        let head = match &config.method {
            MethodConfig::MeanTeacher(_) | MethodConfig::SimCvd(_) => None,
            MethodConfig::Action(action) if stage.starts_with("iii") => Some(
                RepresentationHeadConfig::new(16 * config.network.filters)
                    .with_width(action.representation_width)
                    .with_resolution(action.representation_resolution),
            ),
            _ => return None,
        };
        let student = match head {
            Some(_) => vec![labeled, unlabeled],
            None => vec![labeled + unlabeled],
        };
        Some(Self {
            student,
            teacher: unlabeled,
            head,
        })
    }

    /// Returns the median time of these passes over `steps` steps.
    pub(super) fn seconds(
        &self,
        config: &RunConfig,
        steps: u64,
        device: &Device,
    ) -> Result<f64, TrainError> {
        let network = config.context(2, device).network.init(device);
        let StudentTeacher { student, teacher } = StudentTeacher::new(network);
        let head = self.head.as_ref().map(|head| head.init(device));
        let mut trained = (student, head);
        let mut optimizer = OptimizerConfig::default().init();
        let [w, h, d] = config.patch;
        let images = |count: usize| {
            let normal = Distribution::Normal(0.0, 1.0);
            Tensor::<5>::random([count, 1, w, h, d], normal, device)
        };
        let seen: Vec<_> = self.student.iter().map(|&count| images(count)).collect();
        let taught = images(self.teacher);
        let mut seconds = Vec::new();
        for step in 0..=steps {
            let at = super::at(step, steps, device);
            let start = Instant::now();
            let mut loss = teacher.forward(taught.clone()).logits.detach().mean() * 0.0;
            for images in &seen {
                let output = trained.0.forward(images.clone());
                loss = loss + output.logits.mean();
                if let Some(head) = &trained.1 {
                    loss = loss + head.forward(output.features).mean();
                }
            }
            let terms = LossTerms::new().with("passes", 1.0, loss);
            terms.descend(&mut trained, &mut optimizer, &at)?;
            // The first step allocates memory.
            if step > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        seconds.sort_by(f64::total_cmp);
        Ok(seconds[seconds.len() / 2])
    }
}
