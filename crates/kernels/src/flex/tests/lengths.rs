//! Buffers that are one element too short are refused, and those that just suffice give the same as longer ones.

use crate::flex::correlation::Correlation;
use crate::flex::panel::{Product, Shape};
use crate::flex::simd::Level;

const MARK: f32 = 7.5;

/// The product of three channels and three taps with two blocks, from slices of the given lengths; `out` is the
/// start of a buffer that is returned whole.
fn product(level: Level, shapes: [Shape; 2], [x, out]: [usize; 2]) -> Vec<f32> {
    let [from, to] = shapes;
    let blocks = [(0, 2), (2, 1)];
    let weights: Vec<f32> = (0..27).map(|i| i as f32 - 13.0).collect();
    let values: Vec<f32> = (0..x).map(|i| (i % 11) as f32).collect();
    let mut buffer = vec![MARK; to.len()];
    let job = Product::<3> {
        blocks: &blocks,
        weights: &weights,
        x: &values,
        from,
        out: &mut buffer[..out],
        to,
    };
    // SAFETY: `Product::run` requires nothing but enabled instructions.
    unsafe { level.run(job) };
    buffer
}

#[test]
fn products_refuse_short_panels_and_use_nothing_behind_them() {
    for level in Level::available() {
        for columns in [1, 5, 16, 37, 64, 100] {
            let shape = Shape::new(3, columns);
            let reach = [3, 1].map(|taps| shape.reach(3, level.lanes(), taps));
            let run = |shapes, lens| std::panic::catch_unwind(|| product(level, shapes, lens)).ok();
            let whole = product(level, [shape; 2], [shape.len(); 2]);
            let exact = product(level, [shape; 2], reach);
            for channel in 0..3 {
                let row = channel * shape.stride..channel * shape.stride + columns;
                assert_eq!(exact[row.clone()], whole[row], "{level:?} {columns}");
            }
            assert!(exact[reach[1]..].iter().all(|&x| x == MARK));
            assert_eq!(run([shape; 2], [reach[0] - 1, reach[1]]), None);
            assert_eq!(run([shape; 2], [reach[0], reach[1] - 1]), None);
            let wider = Shape::new(3, columns + 1);
            assert_eq!(run([shape, wider], [shape.len(), wider.len()]), None);
        }
    }
}

/// The sums of three rows of `y` with two rows and `TAPS` taps of `x`, from slices of the given lengths.
fn correlate<const TAPS: usize>(level: Level, shapes: [Shape; 2], [x, y]: [usize; 2]) -> Vec<f32> {
    let [from, to] = shapes;
    let columns = to.columns;
    let x: Vec<f32> = (0..x).map(|i| (i % 7) as f32).collect();
    let y = (0..y).map(|i| match i % to.stride < columns {
        true => (i % 5) as f32,
        false => 0.0,
    });
    let y: Vec<f32> = y.collect();
    let mut sums = vec![0.0; 3 * 2 * TAPS];
    let job = Correlation::<TAPS> {
        x: &x,
        from,
        y: &y,
        to,
        widest: level.channels(),
        begins: true,
        sums: &mut sums,
    };
    // SAFETY: `Correlation::run` requires nothing but enabled instructions.
    unsafe { level.run(job) };
    sums
}

fn assert_short_panels_refused<const TAPS: usize>() {
    for level in Level::available() {
        for columns in [1, 5, 16, 37, 64, 100] {
            let (from, to) = (Shape::new(2, columns), Shape::new(3, columns));
            let lanes = level.lanes();
            let reach = [from.reach(2, lanes, TAPS), to.reach(3, lanes, 1)];
            let run = |shapes, lens| {
                std::panic::catch_unwind(|| correlate::<TAPS>(level, shapes, lens)).ok()
            };
            let whole = run([from, to], [from.len(), to.len()]);
            assert!(whole.is_some());
            assert_eq!(run([from, to], reach), whole, "{level:?} {columns}");
            assert_eq!(run([from, to], [reach[0] - 1, reach[1]]), None);
            assert_eq!(run([from, to], [reach[0], reach[1] - 1]), None);
            let wider = Shape::new(3, columns + 1);
            assert_eq!(run([from, wider], [from.len(), wider.len()]), None);
        }
    }
}

#[test]
fn correlations_refuse_short_panels() {
    assert_short_panels_refused::<1>();
    assert_short_panels_refused::<3>();
}
