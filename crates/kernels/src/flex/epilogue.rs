//! Epilogue of a convolution: bias and ReLU applied to the sums before they are stored.

use super::simd::Simd;

/// The epilogue `max(floor, sum + bias)`; NaN is preserved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    bias: Option<&'a [f32]>,
    floor: f32,
}

impl<'a> Epilogue<'a> {
    /// The identity.
    pub(crate) const NONE: Epilogue<'static> = Epilogue::bias(None);

    /// Adds a bias per channel.
    pub(crate) const fn bias(bias: Option<&'a [f32]>) -> Self {
        let floor = f32::NEG_INFINITY;
        Self { bias, floor }
    }

    /// Adds a bias per channel, then applies ReLU.
    pub(crate) fn bias_relu(bias: &'a [f32]) -> Self {
        Self {
            bias: Some(bias),
            floor: 0.0,
        }
    }

    /// The epilogue of one channel.
    pub(crate) fn channel(&self, channel: usize) -> ChannelEpilogue {
        ChannelEpilogue {
            bias: self.bias.map_or(0.0, |bias| bias[channel]),
            floor: self.floor,
        }
    }

    /// Whether the bias, if present, has this number of channels.
    pub(crate) fn fits(&self, channels: usize) -> bool {
        self.bias.is_none_or(|bias| bias.len() == channels)
    }
}

/// [`Epilogue`] of one channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelEpilogue {
    bias: f32,
    floor: f32,
}

impl ChannelEpilogue {
    /// Applies the epilogue to one sum.
    #[inline(always)]
    pub(crate) fn of(self, sum: f32) -> f32 {
        let value = sum + self.bias;
        if value < self.floor {
            self.floor
        } else {
            value
        }
    }

    /// Applies the epilogue to a register of sums.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    #[inline(always)]
    pub(crate) unsafe fn of_register<S: Simd>(self, sums: S::V) -> S::V {
        // SAFETY: the caller has enabled the instructions of `S`; arithmetic needs nothing else.
        unsafe { S::max(S::splat(self.floor), S::add(sums, S::splat(self.bias))) }
    }
}
