//! Weights prepared for convolutions in evaluation, kept from pass to pass.

use super::operator::Prepared;
use burn::backend::flex::FlexTensor;
use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

thread_local! {
    /// What was prepared on this thread since the outermost [`KeptWeights::begin`]; `None` outside of any.
    static KEPT: RefCell<Option<Vec<Kept>>> = const { RefCell::new(None) };
}

/// The weights and the bias of a convolution with a norm folded into them.
pub(super) struct Folded {
    pub(super) weights: Prepared,
    pub(super) bias: Vec<f32>,
}

/// What [`Folded`] was made of, and for which convolution.
#[derive(PartialEq)]
pub(super) struct Source {
    tensors: Vec<Held>,
    convolution: String,
    epsilon: f64,
}

/// A tensor that is not changed while it is held: whoever writes into shared storage gets a copy.
struct Held(FlexTensor);

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.bytes(), other.0.bytes()) && self.0.layout() == other.0.layout()
    }
}

struct Kept {
    source: Source,
    folded: Rc<Folded>,
}

impl Source {
    /// The source of a convolution, told from others by its `Debug` form: kind, sizes and level.
    pub(super) fn new(tensors: &[FlexTensor], convolution: &impl Debug, epsilon: f64) -> Self {
        Self {
            tensors: tensors.iter().cloned().map(Held).collect(),
            convolution: format!("{convolution:?}"),
            epsilon,
        }
    }

    /// Returns what was prepared from the same source on this thread, or prepares and, within a scope, keeps it.
    pub(super) fn folded(self, prepare: impl FnOnce() -> Folded) -> Rc<Folded> {
        let found = KEPT.with_borrow(|kept| {
            let of_this = |kept: &&Kept| kept.source == self;
            let found = kept.as_ref()?.iter().find(of_this)?;
            Some(found.folded.clone())
        });
        found.unwrap_or_else(|| {
            let folded = Rc::new(prepare());
            KEPT.with_borrow_mut(|kept| {
                if let Some(kept) = kept {
                    kept.push(Kept {
                        source: self,
                        folded: folded.clone(),
                    });
                }
            });
            folded
        })
    }
}

/// A scope in which this thread keeps prepared weights.
pub(crate) struct KeptWeights {
    outermost: bool,
}

impl KeptWeights {
    /// Begins a scope; one within another shares what it keeps.
    pub(crate) fn begin() -> Self {
        let outermost = KEPT.with_borrow(Option::is_none);
        if outermost {
            KEPT.set(Some(Vec::new()));
        }
        Self { outermost }
    }
}

impl Drop for KeptWeights {
    fn drop(&mut self) {
        if self.outermost {
            KEPT.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KEPT;
    use burn::nn::BatchNormConfig;
    use burn::prelude::*;

    #[test]
    fn a_scope_keeps_one_of_each_and_ends_with_the_outermost() {
        let kept = || KEPT.with_borrow(|kept| kept.as_ref().map(Vec::len));
        let device = Device::flex();
        let norm = BatchNormConfig::new(4).init(&device);
        let [first, second] = [4, 5].map(|_| Tensor::<5>::ones([4, 4, 3, 3, 3], &device));
        let run = |weight: &Tensor<5>| {
            let x = Tensor::ones([1, 4, 8, 8, 8], &device);
            crate::conv3d_norm_relu(x, weight.clone(), None, &norm);
        };
        run(&first);
        assert_eq!(kept(), None);
        crate::keep_weights(|| {
            [&first, &second, &first].into_iter().for_each(run);
            crate::keep_weights(|| run(&second));
            assert_eq!(kept(), Some(2));
            let permuted = first.clone().permute([0, 1, 4, 3, 2]);
            [&permuted, &permuted].into_iter().for_each(run);
            assert_eq!(kept(), Some(3));
        });
        assert_eq!(kept(), None);
    }
}
