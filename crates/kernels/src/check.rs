//! Checks of the convolutions' arguments.

use burn::prelude::*;

/// Panics unless the input has the weight's number of input channels and number format, and the bias its number of outputs.
///
/// `axis`: the weight's axis of input channels, 0 or 1; the other one is that of output channels.
pub(crate) fn check_layer<const D: usize>(
    operator: &str,
    input: &Tensor<D>,
    weight: &Tensor<D>,
    bias: Option<&Tensor<1>>,
    axis: usize,
) {
    let (found, wanted) = (input.dims()[1], weight.dims()[axis]);
    assert!(
        found == wanted,
        "{operator}: channels of input and weight differ, got {found} and {wanted}"
    );
    if let Some(bias) = bias {
        let (found, wanted) = (bias.dims()[0], weight.dims()[1 - axis]);
        assert!(
            found == wanted,
            "{operator}: output channels of bias and weight differ, got {found} and {wanted}"
        );
    }
    let (found, wanted) = (input.dtype(), weight.dtype());
    assert!(
        found == wanted,
        "{operator}: number formats of input and weight differ, got {found:?} and {wanted:?}; cast one \
         of them, both may be F64, F32, F16 or BF16"
    );
}

#[cfg(test)]
mod tests {
    use crate::{conv2d, conv3d, down_conv3d, pointwise_conv3d, up_conv3d};
    use burn::prelude::*;
    use burn::tensor::DType;
    use std::panic::catch_unwind;

    type Operator = fn(Tensor<5>, Tensor<5>) -> Tensor<5>;

    fn message(run: Operator, channels: usize, format: DType) -> String {
        let device = Device::flex();
        let input = Tensor::ones([1, channels, 2, 2, 2], (&device, format));
        let weight = Tensor::ones([1, 1, 1, 1, 1], &device);
        let cause = catch_unwind(|| run(input, weight)).expect_err("a panic");
        *cause.downcast::<String>().expect("a message")
    }

    /// Of a bias of one element or a weight of one output, broadcasting would make other outputs without a word.
    #[test]
    fn a_bias_has_an_element_for_each_output() {
        type Biased = fn(Tensor<5>, Tensor<5>, Option<Tensor<1>>) -> Tensor<5>;
        let device = Device::flex();
        let operators: [(Biased, usize); 4] = [
            (conv3d, 0),
            (down_conv3d, 0),
            (up_conv3d, 1),
            (pointwise_conv3d, 0),
        ];
        for (operator, axis) in operators {
            for (outputs, elements) in [(1, 3), (3, 1)] {
                let mut shape = [1; 5];
                shape[axis] = outputs;
                let input = Tensor::ones([1, 1, 2, 2, 2], &device);
                let (weight, bias) = (
                    Tensor::ones(shape, &device),
                    Tensor::ones([elements], &device),
                );
                let cause = catch_unwind(|| operator(input, weight, Some(bias)));
                let cause = cause.expect_err("a panic").downcast::<String>();
                let found = *cause.expect("a message");
                assert!(
                    found.contains("output channels of bias and weight differ"),
                    "{found}"
                );
            }
        }
    }

    #[test]
    fn operators_name_themselves_and_the_formats_they_take() {
        let operators: [(&str, Operator); 5] = [
            ("conv3d", |x, w| conv3d(x, w, None)),
            ("down_conv3d", |x, w| down_conv3d(x, w, None)),
            ("up_conv3d", |x, w| up_conv3d(x, w, None)),
            ("pointwise_conv3d", |x, w| pointwise_conv3d(x, w, None)),
            ("conv2d", |x, w| {
                conv2d(x.flatten(3, 4), w.flatten(3, 4), None).unsqueeze_dim(2)
            }),
        ];
        for (name, operator) in operators {
            let found = message(operator, 1, DType::BF16);
            assert!(found.starts_with(&format!("{name}: ")), "{found}");
            assert!(found.contains("F64, F32, F16 or BF16"), "{found}");
            let found = message(operator, 2, DType::F32);
            assert!(
                found.contains("channels of input and weight differ"),
                "{found}"
            );
        }
    }
}
