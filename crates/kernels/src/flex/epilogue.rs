//! What becomes of a convolution's sums before they are written.

use super::simd::Simd;

/// `max(floor, sum + bias)`; a sum that is not a number stays one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epilogue<'a> {
    bias: Option<&'a [f32]>,
    floor: f32,
}

impl<'a> Epilogue<'a> {
    /// The sums themselves.
    pub(crate) const NONE: Epilogue<'static> = Epilogue::bias(None);

    /// A bias of every channel.
    pub(crate) const fn bias(bias: Option<&'a [f32]>) -> Self {
        let floor = f32::NEG_INFINITY;
        Self { bias, floor }
    }

    /// A bias of every channel, then ReLU.
    pub(crate) fn bias_relu(bias: &'a [f32]) -> Self {
        Self {
            bias: Some(bias),
            floor: 0.0,
        }
    }

    /// What becomes of a channel's sums.
    pub(crate) fn channel(&self, channel: usize) -> ChannelEpilogue {
        ChannelEpilogue {
            bias: self.bias.map_or(0.0, |bias| bias[channel]),
            floor: self.floor,
        }
    }

    /// Whether the bias, if there is one, has so many channels.
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
    /// Finishes one sum.
    #[inline(always)]
    pub(crate) fn of(self, sum: f32) -> f32 {
        let value = sum + self.bias;
        if value < self.floor {
            self.floor
        } else {
            value
        }
    }

    /// Finishes a register of sums.
    ///
    /// # Safety
    ///
    /// The instructions of `S` must be enabled.
    #[inline(always)]
    pub(crate) unsafe fn of_register<S: Simd>(self, sums: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::max(S::splat(self.floor), S::add(sums, S::splat(self.bias))) }
    }
}
