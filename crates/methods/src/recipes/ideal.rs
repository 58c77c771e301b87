//! IDEAL (reconstruction): dense contrastive pre-training of the encoder, then two decoders that learn from each
//! other's pseudo-labels.
//!
//! H. Basak, S. Chattopadhyay, R. Kundu, S. Nag, R. Mallipeddi, "IDEAL: Improved DEnse locAL Contrastive
//! Learning for Semi-Supervised Medical Image Segmentation", ICASSP 2023, arXiv 2210.15075. Only the
//! abstract, the introduction, a figure's caption and two tables could be read, and the public repository
//! holds no code. **This is not the authors' method**: it is assembled from what those sources ask for and
//! from related public methods, and its results say nothing about theirs.
//!
//! | stage | data | objective | code |
//! |---|---|---|---|
//! | i, dense contrast | all images, no labels | `L_dense` | [`DenseContrast`] |
//! | ii, two decoders | labeled and unlabeled | `Σ_m ½ (L_ce + L_dice)(p_m, y) + w(t) (L_ce(p_1, y_2) + L_ce(p_2, y_1))` | [`TwoDecoders`] |
//!
//! ```text
//! c(i)    = argmax_j cos(b_q[i], b_k[j])                       b = E(x), the lowest map of the encoder
//! L_dense = −log exp(s_i,c(i)) / (exp(s_i,c(i)) + Σ_n exp(s_i,n)),   s = cos(g_q, g_k) / τ,   g = G(b)
//! y_m     = argmax p_m where max p_m ≥ threshold (constant),   w(t) = w · exp(−5 (1 − t/T)²)
//! ```
//!
//! # Origin of each part
//!
//! \[K\] is known from the sources above, \[R\] is reconstructed.
//!
//! | item | known | here | switch |
//! |---|---|---|---|
//! | two phases: the encoder is pre-trained, then all is fine-tuned | \[K\] | same | `iterations` |
//! | query and key encoder, dense projections, 1×1 convolutions as head | \[K\] | same | – |
//! | the key encoder | drawn as another network \[K\] | \[R\] moving average, 0.99, in train mode, updated after the step | `key_momentum` |
//! | widths of the head | – | \[R\] C → C, ReLU, → 128, as DenseCL | `embedding` |
//! | positives and negatives come from correspondences of features | \[K\] | \[R\] the most similar position of the key's lowest map, as DenseCL | – |
//! | the loss | "new", formula unknown | \[R\] DenseCL's, its dense term alone, as the text stresses the local | – |
//! | negatives | – | \[R\] queue of 4,096 mean keys, as far as it is filled; in the first step the batch | `negatives`, `queue` |
//! | `τ` | – | \[R\] 0.2, DenseCL's | `temperature` |
//! | grid of the dense features | – | \[R\] 1/16 of the patch: 7×7×5 of 112×112×80, 16×16 of 256×256 | – |
//! | dropout of the lowest map | – | \[R\] the V-Net's is left out in stage i, the U-Net's encoder has its own | – |
//! | views | – | \[R\] strong to the query, weak to the key, of one geometry; or the key mirrored | `key_geometry` |
//! | shuffled batch norm, symmetric loss | – | \[R\] neither | – |
//! | images of stage i | – | \[R\] labeled and unlabeled ones, without their labels, as many of each as `pretraining_batch` says | `pretraining_batch` |
//! | one shared encoder, two decoders of different architecture | \[K\] | \[R\] transposed convolution; linear interpolation and a convolution (V-Net 3×3×3 after it, U-Net 1×1 before it), which the first has with `network.upsampling = "linear"` | `streams = "networks"`: two encoders with the same initial weights |
//! | the branches are perturbed | \[K\] | \[R\] own dropout, and the second sees the strong view | `perturbation` |
//! | each stream learns from the other's constant labels | \[K\] | same | – |
//! | "thresholded" maps | \[K\] | \[R\] argmax, without a threshold of confidence | `threshold` |
//! | `w`, ramp over all of stage ii, supervised loss | – | \[R\] 0.1, cross-entropy and Dice, the field's code of cross pseudo supervision | `cross_weight` |
//! | optimizer, lengths of the stages | – | \[R\] SGD 0.01, poly, restarted (`quick`, `standard`: one decay over both stages); 1 : 3 | `optimizer`, `iterations` |
//! | 3D volumes | 2D slices \[K\] | both | the network's architecture |
//! | at test time | – | \[R\] the first stream, the network with the decoder that the settings name; the mean of both streams, the other reading, is not offered | – |

mod config;
mod dense_contrast;
mod settings;
mod two_decoders;

pub use config::{IdealConfig, Negatives, Perturbation, Streams};
pub use dense_contrast::{Contrasted, DenseContrast};
pub use two_decoders::{Second, TwoDecoders};
