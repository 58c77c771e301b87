//! Equal seeds give equal masks. Alone in its file, since the device's generator is global to the process.

use burn::prelude::*;
use semivox_kernels::{alpha_dropout, channel_dropout};

#[test]
fn equal_seeds_give_equal_masks() {
    let device = Device::flex();
    let draw = |seed| {
        device.seed(seed);
        let input = Tensor::<3>::ones([8, 16, 2], &device);
        let dropped = channel_dropout(input.clone(), 0.5).into_data();
        (dropped, alpha_dropout(input, 0.5).into_data())
    };
    assert_eq!(draw(5), draw(5));
    assert_ne!(draw(5), draw(6));
}
