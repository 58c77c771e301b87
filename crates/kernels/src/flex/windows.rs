//! Convolutions whose stride is their kernel, down and up, and the 1×1×1 convolution among them.
//!
//! Their windows do not overlap, so that each is one matrix product over a panel: the voxels of a
//! window are the rows, the windows the columns. A block of windows is gathered into a panel that
//! fits the cache, multiplied, and scattered.

use super::memory::{Buffer, Target, filled};
use super::operator::{Convolution, apply};
use super::panel::{Product, Shape, blocks, dots};
use super::simd::{Kernel, Level, Simd};
use burn::prelude::*;
use rayon::prelude::*;
use std::ops::Range;

/// Floats of a gathered panel.
const PANEL: usize = 64 * 1024;
/// Parts whose sums are added in order, so that the weight's gradient does not depend on the number
/// of threads.
const PARTS: usize = 16;

/// The convolution down, or nothing as [`apply`] says.
pub(crate) fn down(
    level: Level,
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let [batch, inputs, d, h, w] = input.dims();
    let [outputs, _, kd, kh, kw] = weight.dims();
    let grid = Grid {
        batch,
        small: [d / kd, h / kh, w / kw],
        large: [d, h, w],
        kernel: [kd, kh, kw],
    };
    let channels = [inputs, outputs];
    let sizes = Sizes::of(level, grid, channels)?;
    apply(Down(sizes), input, weight, bias)
}

/// The convolution up, or nothing as [`apply`] says.
pub(crate) fn up(
    level: Level,
    input: &Tensor<5>,
    weight: &Tensor<5>,
    bias: Option<&Tensor<1>>,
) -> Option<Tensor<5>> {
    let [batch, inputs, d, h, w] = input.dims();
    let [_, outputs, kd, kh, kw] = weight.dims();
    let grid = Grid {
        batch,
        small: [d, h, w],
        large: [d * kd, h * kh, w * kw],
        kernel: [kd, kh, kw],
    };
    let channels = [inputs, outputs];
    let sizes = Sizes::of(level, grid, channels)?;
    apply(Up(sizes), input, weight, bias)
}

/// What the shapes say.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    level: Level,
    grid: Grid,
    /// Input and output.
    channels: [usize; 2],
}

/// Many voxels to one.
#[derive(Debug, Clone, Copy)]
struct Down(Sizes);

/// One voxel to many.
#[derive(Debug, Clone, Copy)]
struct Up(Sizes);

impl Convolution for Down {
    fn output(&self) -> [usize; 5] {
        self.0.grid.shape(self.0.grid.small, self.0.channels[1])
    }

    fn forward(&self, input: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        let row = inputs * self.0.grid.voxels();
        let matrix = Matrix::new(self.0.level, [outputs, row], |o, i| weight[o * row + i]);
        self.0.shrink(input, inputs, &matrix, bias)
    }

    fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        let row = inputs * self.0.grid.voxels();
        let matrix = Matrix::new(self.0.level, [row, outputs], |i, o| weight[o * row + i]);
        self.0.expand(gradient, inputs, &matrix, None)
    }

    fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        self.0.correlate([gradient, input], [outputs, inputs])
    }
}

impl Convolution for Up {
    fn output(&self) -> [usize; 5] {
        self.0.grid.shape(self.0.grid.large, self.0.channels[1])
    }

    fn forward(&self, input: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        let row = outputs * self.0.grid.voxels();
        let matrix = Matrix::new(self.0.level, [row, inputs], |o, i| weight[i * row + o]);
        self.0.expand(input, outputs, &matrix, bias)
    }

    fn input_gradient(&self, weight: &[f32], gradient: &[f32]) -> Buffer {
        let [inputs, outputs] = self.0.channels;
        let row = outputs * self.0.grid.voxels();
        let matrix = Matrix::new(self.0.level, [inputs, row], |i, o| weight[i * row + o]);
        self.0.shrink(gradient, outputs, &matrix, None)
    }

    fn weight_gradient(&self, input: &[f32], gradient: &[f32]) -> Buffer {
        self.0.correlate([input, gradient], self.0.channels)
    }
}

impl Sizes {
    /// The sizes if there is anything to compute.
    fn of(level: Level, grid: Grid, channels: [usize; 2]) -> Option<Self> {
        let some = grid.small_len() * channels[0] * channels[1] > 0;
        some.then_some(Self {
            level,
            grid,
            channels,
        })
    }

    /// `small[o] = bias[o] + Σ over the window's voxels of matrix[o] · large`.
    fn shrink(
        &self,
        large: &[f32],
        channels: usize,
        matrix: &Matrix,
        bias: Option<&[f32]>,
    ) -> Buffer {
        let Self { level, grid, .. } = *self;
        let [rows, outputs] = [channels * grid.voxels(), matrix.outputs];
        let fill = |out: Target| {
            grid.blocks(rows.max(outputs)).par_iter().for_each(|block| {
                let panel = grid.gather(level, block, large, channels);
                let product = matrix.multiply(level, &panel);
                grid.write(block, &product, bias, out);
            });
        };
        filled(grid.small_len() * outputs, fill)
    }

    /// `large = bias + matrixᵀ · small`, window by window.
    fn expand(
        &self,
        small: &[f32],
        channels: usize,
        matrix: &Matrix,
        bias: Option<&[f32]>,
    ) -> Buffer {
        let Self { level, grid, .. } = *self;
        let fill = |out: Target| {
            if !grid.exact() {
                // SAFETY: the output is as long, and nothing else writes it yet.
                unsafe { std::ptr::write_bytes(out.at(0), 0, grid.large_len() * channels) };
            }
            let rows = matrix.outputs.max(matrix.inputs);
            grid.blocks(rows).par_iter().for_each(|block| {
                let panel = grid.read(block, small, matrix.inputs);
                let product = matrix.multiply(level, &panel);
                grid.scatter(level, block, &product, bias, out);
            });
        };
        filled(grid.large_len() * channels, fill)
    }

    /// `[a][b, voxel] = Σ over windows of small[a] · large[b, voxel]`.
    fn correlate(&self, [small, large]: [&[f32]; 2], [a, b]: [usize; 2]) -> Buffer {
        let Self { level, grid, .. } = *self;
        let row = b * grid.voxels();
        let blocks = grid.blocks(row.max(a));
        let parts = PARTS.min(blocks.len());
        let part = |part: usize| {
            let mut sums = Buffer::take(a * row);
            sums.as_mut().fill(0.0);
            for block in &blocks[part * blocks.len() / parts..(part + 1) * blocks.len() / parts] {
                let (y, x) = (
                    grid.read(block, small, a),
                    grid.gather(level, block, large, b),
                );
                let chunks = sums
                    .as_mut()
                    .par_chunks_mut(level.channels() * row)
                    .enumerate();
                chunks.for_each(|(chunk, sums)| {
                    let first = chunk * level.channels();
                    let job = Correlation {
                        x: &x,
                        y: &y,
                        first,
                        sums,
                    };
                    // SAFETY: the level is available and the panels' rooms are zero.
                    unsafe { level.run(job) }
                });
            }
            sums
        };
        let mut parts: Vec<Buffer> = (0..parts).into_par_iter().map(part).collect();
        let mut total = parts.remove(0);
        for part in &parts {
            for (total, value) in total.as_mut().iter_mut().zip(part.iter()) {
                *total += value;
            }
        }
        total
    }
}

/// A matrix packed for [`Product`].
struct Matrix {
    data: Vec<f32>,
    inputs: usize,
    outputs: usize,
    blocks: Vec<(usize, usize)>,
}

impl Matrix {
    /// Packs `outputs × inputs` numbers read through `get(output, input)`.
    fn new(level: Level, [outputs, inputs]: [usize; 2], get: impl Fn(usize, usize) -> f32) -> Self {
        let blocks = blocks(outputs, level.channels());
        let mut data = Vec::with_capacity(outputs * inputs);
        for &(first, width) in &blocks {
            for i in 0..inputs {
                data.extend((first..first + width).map(|o| get(o, i)));
            }
        }
        Self {
            data,
            inputs,
            outputs,
            blocks,
        }
    }

    /// The product with a panel.
    fn multiply(&self, level: Level, panel: &Panel) -> Panel {
        let mut product = Panel::new(Shape::new(self.outputs, panel.shape.columns));
        let (out, to) = (Target::new(product.data.as_mut()), product.shape);
        self.blocks.par_iter().for_each(|block| {
            let job = Multiply(Product {
                blocks: std::slice::from_ref(block),
                weights: &self.data,
                x: &panel.data,
                from: panel.shape,
                out: out.at(0),
                to,
            });
            // SAFETY: the level is available, and every block writes its own channels.
            unsafe { level.run(job) }
        });
        product
    }
}

/// A product without taps.
struct Multiply<'a>(Product<'a>);

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: passed on.
        unsafe { self.0.run::<S, 1>() }
    }
}

/// Dot products of all rows of `x` with some of `y`.
struct Correlation<'a> {
    x: &'a Panel,
    y: &'a Panel,
    first: usize,
    sums: &'a mut [f32],
}

impl Kernel for Correlation<'_> {
    type Output = ();

    /// # Safety
    ///
    /// The instructions of `S` must be enabled and the rooms of both panels zero.
    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        let row = self.x.shape.channels;
        for (first, width) in blocks(self.sums.len() / row, 8) {
            // SAFETY: passed on.
            unsafe {
                match width {
                    8 => self.rows::<S, 8>(first),
                    4 => self.rows::<S, 4>(first),
                    2 => self.rows::<S, 2>(first),
                    _ => self.rows::<S, 1>(first),
                }
            }
        }
    }
}

impl Correlation<'_> {
    /// `C` rows of `y`.
    ///
    /// # Safety
    ///
    /// As [`Correlation::run`].
    #[inline(always)]
    unsafe fn rows<S: Simd, const C: usize>(&mut self, first: usize) {
        let mut at = 0;
        while at < self.x.shape.channels {
            let count = (self.x.shape.channels - at).min(3);
            // SAFETY: passed on.
            unsafe {
                match count {
                    1 => self.tile::<S, C, 1>(first, at),
                    2 => self.tile::<S, C, 2>(first, at),
                    _ => self.tile::<S, C, 3>(first, at),
                }
            }
            at += count;
        }
    }

    /// `C` rows of `y` with `T` rows of `x`.
    ///
    /// # Safety
    ///
    /// As [`Correlation::run`].
    #[inline(always)]
    unsafe fn tile<S: Simd, const C: usize, const T: usize>(&mut self, first: usize, at: usize) {
        let (from, to) = (self.x.shape, self.y.shape);
        let x = self.x.data[at * from.stride..].as_ptr();
        let y = self.y.data[(self.first + first) * to.stride..].as_ptr();
        // SAFETY: registers stay in the room behind a row's positions.
        let dots = unsafe { dots::<S, C, T>(x, from.stride, y, to) };
        for (c, dots) in dots.into_iter().enumerate() {
            let sums = &mut self.sums[(first + c) * from.channels + at..];
            for (sum, dot) in sums.iter_mut().zip(dots) {
                *sum += dot;
            }
        }
    }
}

/// A panel and its floats.
struct Panel {
    shape: Shape,
    data: Buffer,
}

impl Panel {
    fn new(shape: Shape) -> Self {
        let data = Buffer::take(shape.len());
        Self { shape, data }
    }
}

/// Some windows of one sample: whole rows of them.
#[derive(Debug, Clone)]
struct Block {
    sample: usize,
    rows: Range<usize>,
}

/// How windows lie in their volume.
#[derive(Debug, Clone, Copy)]
struct Grid {
    batch: usize,
    /// Windows along each axis.
    small: [usize; 3],
    /// Voxels along each axis; those beyond the last whole window take no part.
    large: [usize; 3],
    /// Voxels of a window along each axis.
    kernel: [usize; 3],
}

impl Grid {
    fn shape(&self, [d, h, w]: [usize; 3], channels: usize) -> [usize; 5] {
        [self.batch, channels, d, h, w]
    }

    /// Voxels of a window.
    fn voxels(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Windows of the batch, or elements of one small channel of every sample.
    fn small_len(&self) -> usize {
        self.batch * self.small.iter().product::<usize>()
    }

    /// Elements of one large channel of every sample.
    fn large_len(&self) -> usize {
        self.batch * self.large.iter().product::<usize>()
    }

    /// Whether every voxel lies in a window.
    fn exact(&self) -> bool {
        (0..3).all(|axis| self.small[axis] * self.kernel[axis] == self.large[axis])
    }

    /// The windows in blocks whose panels of so many rows fit the cache.
    fn blocks(&self, rows: usize) -> Vec<Block> {
        let [d, h, w] = self.small;
        let columns = (PANEL / rows).clamp(64, 1024);
        let count = (d * h).div_ceil(columns.div_ceil(w));
        let cut = |i: usize| i * d * h / count;
        let sample = |sample: usize| {
            (0..count).map(move |i| Block {
                sample,
                rows: cut(i)..cut(i + 1),
            })
        };
        (0..self.batch).flat_map(sample).collect()
    }

    /// The panel of a block of the small volume.
    fn read(&self, block: &Block, small: &[f32], channels: usize) -> Panel {
        let width = self.small[2];
        let mut panel = Panel::new(Shape::new(channels, block.rows.len() * width));
        let Shape {
            columns, stride, ..
        } = panel.shape;
        let map = self.small.iter().product::<usize>();
        let rows = panel.data.as_mut()[..channels * stride].chunks_exact_mut(stride);
        for (channel, row) in rows.enumerate() {
            let from = (block.sample * channels + channel) * map + block.rows.start * width;
            row[..columns].copy_from_slice(&small[from..from + columns]);
            row[columns..].fill(0.0);
        }
        panel
    }

    /// Writes a panel into the small volume.
    fn write(&self, block: &Block, panel: &Panel, bias: Option<&[f32]>, out: Target) {
        let Shape {
            channels,
            columns,
            stride,
        } = panel.shape;
        let map = self.small.iter().product::<usize>();
        for channel in 0..channels {
            let bias = bias.map_or(0.0, |b| b[channel]);
            let to = (block.sample * channels + channel) * map + block.rows.start * self.small[2];
            for (i, value) in panel.data[channel * stride..][..columns].iter().enumerate() {
                // SAFETY: these elements are the block's.
                unsafe { out.at(to + i).write(value + bias) };
            }
        }
    }

    /// The panel of a block of the large volume: `[channel, voxel of the window]` by window.
    fn gather(&self, level: Level, block: &Block, large: &[f32], channels: usize) -> Panel {
        let shape = Shape::new(channels * self.voxels(), block.rows.len() * self.small[2]);
        let mut panel = Panel::new(shape);
        let to = Target::new(panel.data.as_mut());
        (0..channels).into_par_iter().for_each(|channel| {
            let weave = Weave {
                grid: *self,
                block,
                shape,
                channel,
                channels,
            };
            let gather = Gather { weave, large, to };
            // SAFETY: the level is available, and every channel fills its own rows.
            unsafe { level.run(gather) }
        });
        panel
    }

    /// Writes a panel into the large volume.
    fn scatter(
        &self,
        level: Level,
        block: &Block,
        panel: &Panel,
        bias: Option<&[f32]>,
        to: Target,
    ) {
        let channels = panel.shape.channels / self.voxels();
        (0..channels).into_par_iter().for_each(|channel| {
            let weave = Weave {
                grid: *self,
                block,
                shape: panel.shape,
                channel,
                channels,
            };
            let bias = bias.map_or(0.0, |b| b[channel]);
            let scatter = Scatter {
                weave,
                panel: &panel.data,
                bias,
                to,
            };
            // SAFETY: the level is available, and every channel of every block writes voxels of its
            // own.
            unsafe { level.run(scatter) }
        });
    }
}

/// How one channel's rows of a panel lie in the large volume.
struct Weave<'a> {
    grid: Grid,
    block: &'a Block,
    shape: Shape,
    channel: usize,
    channels: usize,
}

impl Weave<'_> {
    /// Calls `visit(large, panel)` with where a row of voxels and the row of the window's first voxel
    /// in it begin; the following voxels of the window are one stride further each.
    #[inline(always)]
    fn rows(&self, mut visit: impl FnMut(usize, usize)) {
        let ([kd, kh, kw], [d, h, w]) = (self.grid.kernel, self.grid.large);
        let map = (self.block.sample * self.channels + self.channel) * d * h * w;
        for (i, row) in self.block.rows.clone().enumerate() {
            let [y, x] = [row / self.grid.small[1], row % self.grid.small[1]];
            for (tap, (a, b)) in (0..kd)
                .flat_map(|a| (0..kh).map(move |b| (a, b)))
                .enumerate()
            {
                let large = map + ((y * kd + a) * h + x * kh + b) * w;
                let panel = (self.channel * self.grid.voxels() + tap * kw) * self.shape.stride;
                visit(large, panel + i * self.grid.small[2]);
            }
        }
    }
}

/// Large volume to panel.
struct Gather<'a> {
    weave: Weave<'a>,
    large: &'a [f32],
    to: Target,
}

impl Kernel for Gather<'_> {
    type Output = ();

    /// # Safety
    ///
    /// No one else may write the channel's rows of the panel.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, kw) = (self.weave.grid.small[2], self.weave.grid.kernel[2]);
        let Shape {
            columns, stride, ..
        } = self.weave.shape;
        self.weave.rows(|large, panel| {
            let row = &self.large[large..large + width * kw];
            // SAFETY: the rows are this channel's.
            unsafe {
                match kw {
                    1 => part::<1>(row, self.to.at(panel), stride),
                    2 => part::<2>(row, self.to.at(panel), stride),
                    _ => {
                        for (i, value) in row.iter().enumerate() {
                            *self.to.at(panel + i % kw * stride + i / kw) = *value;
                        }
                    }
                }
            }
        });
        let voxels = self.weave.grid.voxels();
        for row in self.weave.channel * voxels..(self.weave.channel + 1) * voxels {
            // SAFETY: the room behind the channel's rows.
            unsafe {
                self.to
                    .at(row * stride + columns)
                    .write_bytes(0, stride - columns)
            };
        }
    }
}

/// Parts every `K` floats into `K` rows.
///
/// # Safety
///
/// The rows must have the room.
#[inline(always)]
unsafe fn part<const K: usize>(row: &[f32], to: *mut f32, stride: usize) {
    for (i, values) in row.as_chunks::<K>().0.iter().enumerate() {
        for (k, value) in values.iter().enumerate() {
            // SAFETY: passed on.
            unsafe { to.add(k * stride + i).write(*value) };
        }
    }
}

/// Panel to large volume.
struct Scatter<'a> {
    weave: Weave<'a>,
    panel: &'a [f32],
    bias: f32,
    to: Target,
}

impl Kernel for Scatter<'_> {
    type Output = ();

    /// # Safety
    ///
    /// No one else may write the block's voxels of the channel.
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, kw) = (self.weave.grid.small[2], self.weave.grid.kernel[2]);
        let stride = self.weave.shape.stride;
        self.weave.rows(|large, panel| {
            let to = self.to.at(large);
            let rows = &self.panel[panel..panel + (kw - 1) * stride + width];
            // SAFETY: the voxels are the block's.
            unsafe {
                match kw {
                    1 => weave::<1>(rows, stride, width, self.bias, to),
                    2 => weave::<2>(rows, stride, width, self.bias, to),
                    _ => {
                        for i in 0..width * kw {
                            to.add(i).write(rows[i % kw * stride + i / kw] + self.bias);
                        }
                    }
                }
            }
        });
    }
}

/// Weaves `K` rows into one.
///
/// # Safety
///
/// `to` must have room for `K * width` floats.
#[inline(always)]
unsafe fn weave<const K: usize>(
    rows: &[f32],
    stride: usize,
    width: usize,
    bias: f32,
    to: *mut f32,
) {
    let rows: [&[f32]; K] = std::array::from_fn(|k| &rows[k * stride..][..width]);
    for i in 0..width {
        for (k, row) in rows.iter().enumerate() {
            // SAFETY: passed on.
            unsafe { to.add(K * i + k).write(row[i] + bias) };
        }
    }
}
