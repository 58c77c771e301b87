//! Epilogue of a convolution: bias and leaky ReLU applied to the sums before they are stored.

use super::simd::Simd;

/// The epilogue `max(floor, z, leak * z)` of `z = sum + bias`; NaN is preserved.
///
/// ReLU has a floor of zero, as a leak of zero times infinity is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    bias: Option<&'a [f32]>,
    floor: f32,
    leak: f32,
}

impl<'a> Epilogue<'a> {
    /// The identity.
    pub(crate) const NONE: Epilogue<'static> = Epilogue::bias(None);

    /// Adds a bias per channel.
    pub(crate) const fn bias(bias: Option<&'a [f32]>) -> Self {
        Self {
            bias,
            floor: f32::NEG_INFINITY,
            leak: 1.0,
        }
    }

    /// Adds a bias per channel, then applies leaky ReLU with a leak of at most 1.
    pub(crate) fn bias_leaky_relu(bias: &'a [f32], leak: f32) -> Self {
        let (floor, leak) = if leak == 0.0 {
            (0.0, 1.0)
        } else {
            (f32::NEG_INFINITY, leak)
        };
        Self {
            bias: Some(bias),
            floor,
            leak,
        }
    }

    /// The epilogue of one channel.
    pub(crate) fn channel(&self, channel: usize) -> ChannelEpilogue {
        ChannelEpilogue {
            bias: self.bias.map_or(0.0, |bias| bias[channel]),
            floor: self.floor,
            leak: self.leak,
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
    leak: f32,
}

impl ChannelEpilogue {
    /// Applies the epilogue to one sum.
    #[inline(always)]
    pub(crate) fn of(self, sum: f32) -> f32 {
        let z = sum + self.bias;
        let leaked = self.leak * z;
        let value = if leaked > z { leaked } else { z };
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
        unsafe {
            let z = S::add(sums, S::splat(self.bias));
            let leaked = S::fma(S::splat(self.leak), z, S::splat(0.0));
            S::max(S::splat(self.floor), S::max(leaked, z))
        }
    }
}
