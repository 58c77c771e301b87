//! ACTION: anatomical-aware contrastive distillation.
//!
//! C. You, W. Dai, Y. Min, L. Staib, J. S. Duncan, "Bootstrapping
//! Semi-supervised Medical Image Segmentation with Anatomical-aware
//! Contrastive Distillation", IPMI 2023, arXiv 2206.02307. Three stages, in
//! the paper's order:
//!
//! | stage | section | data | objective | code |
//! |---|---|---|---|---|
//! | i, global distillation | 3.1 | all images, no labels | `L_global` | [`Distillation`] |
//! | ii, local distillation | 3.2 | all images, labels of some | `L_sup + k₁·L_global + k₂·L_local` | [`Distillation`] |
//! | iii, anatomical contrast | 3.3 | labeled and pseudo-labeled | `L_sup + λ₂·L_unsup + λ₁·L_anco` | [`AnatomicalContrast`] |
//!
//! # Deviations
//!
//! The paper prints 2D experiments; its 3D numbers come from the authors'
//! later papers and code. Slices and a U-Net take the same stages; the 2D
//! script's numbers are [`ActionConfig::official_2d`]. Where paper and code
//! differ, this table says which one is followed.
//!
//! | item | paper | official code | here |
//! |---|---|---|---|
//! | anchors | randomly sampled images | queue of 36 past teacher embeddings | the queue |
//! | distillation loss | prints `−log` inside `p_t`, `p_s` | softmax, then `KL(P_t‖P_s)` | as the code |
//! | `τ_t` | 0.01 | 0.6 in 3D | 0.01; `teacher_temperature` |
//! | local loss | per location | flat buffer reinterpreted without a transpose | per location; `local_loss = "official_code"` |
//! | views | weak to teacher, strong to student | one aliased tensor | weak to teacher, strong to a copy |
//! | strong view | – | jitter and blur through clamping and 8 bits | on floats, no clamping |
//! | order of mixing and strong view | – | mix, then jitter | jitter per image on the loader's host batch, then mix in the training step, with the pseudo-labels |
//! | key heads | – | optimized, not detached | copied at the start, EMA only, no gradient |
//! | latent of the global loss | bottleneck (2D) | bottleneck (2D), first decoder map (3D) | as the code: `features[0]` |
//! | decoder in stage i | – | frozen (2D) | not trained, as no gradient and no weight decay reach it; in 3D from the second map on |
//! | local patches | – | those that end at the border are left out in 2D: 36 of 256×256 | kept; `last_patch`, dropped in `official_2d` |
//! | contrast similarity | dot product | cosine | cosine |
//! | contrast reduction | sum | mean over queries, mean over valid classes | as the code |
//! | `λ₁`, `λ₂` | not found | 0.01, 1 | 0.01, 1; `unsupervised_ramp` ramps `λ₂` up over stage iii |
//! | `quick`, `standard`, on volumes: where less than half of the labeled foreground is right | – | – | `λ₂` is 0 in such a step; `pseudo_guard`, off elsewhere |
//! | pseudo-labels of `L_unsup` | – | all voxels, weighted by the share of confident ones | as the code; `pseudo_labels = "confident"` leaves out the others |
//! | labeled view of stage iii | – | weak | weak; `labeled_view = "strong"` as in ReCo |
//! | student's passes of stage iii | – | two | two; `student_passes = "joint"` shares batch statistics |
//! | teacher at stage iii | – | restarted from the student | as the code |
//! | stage iii batch | 6 (2D) | 1 + 1 (3D), where mixing is a no-op | 2 + 2 with CutMix |
//! | stage lengths | epochs | 30k each | the given total split 1 : 1 : 6 (5k + 15k for LA in ACTION++) |
//! | representation head | – | input resolution, width 128 (3D) or 512 (2D) | `representation_resolution`, `representation_width` |
//! | CutMix box | – | half the plane, 20 of 80 slices (3D) | half the plane, a quarter of the slices, at least one |
//! | random deformation (2D) | – | of the images, not of their pseudo-labels | none |
//! | labels below input resolution | – | – | nearest voxel of the aligned-corner grid |
//! | teacher's mode | – | batch statistics and dropout | as the code; `teacher_mode = "eval"` |
//! | `quick`, `standard`: `k₁`, `k₂`, jitter, stage lengths | – | 1, 1, 2 %, 30k each | 0.01, 0.01, 25 % per volume, 100/700/1,200 of 2,000, the same shares of other lengths (reason in `presets/methods.rs`) |
//! | `quick`, `standard`: teacher, labeled view, passes | – | batch statistics, weak, two | evaluation mode, strong, one pass (same place) |
//! | rate | – | polynomial decay in each stage | same; `quick`, `standard`: one decay over all stages, as for every method (`OptimizerConfig::comparable`) |
//! | `quick`, `standard`, on slices: `λ₂` | – | 1 | 0 (same place) |
//! | momentum of stage iii | – | Nesterov | same; `nesterov`, off in `quick`, `standard` |
//! | student at test time | – | batch statistics (no evaluation mode) | evaluation mode |

mod anatomical_contrast;
mod choices;
mod config;
mod distillation;
mod settings;
mod state;
mod temperatures;
#[cfg(test)]
mod tests;

pub use anatomical_contrast::AnatomicalContrast;
pub use choices::{LabeledView, LastPatch, PseudoLabels, StudentPasses};
pub use config::ActionConfig;
pub use distillation::Distillation;
pub use state::{Contrasted, Distilled};

pub(crate) use temperatures::Temperatures;
