//! Warnings about intensities for which normalization does not work as intended.

use crate::Volume;

use super::CaseFacts;

/// Maximum number of voxels that percentiles are computed from.
const SAMPLES: usize = 100_000;

/// Distance from the 10th to the 90th percentile, in units of their range, above which an intensity is reported.
///
/// In 40 scans each of LA, ACDC and the hippocampus the largest is 17; padding of -32768 in an image of 1,000 gray
/// values has 30.
const FAR: f32 = 25.0;

/// Minimum intensity below which a scan is taken for CT in Hounsfield units.
const AIR: f32 = -200.0;

/// Returns the distance of the most extreme intensity from the 10th to the 90th percentile, in units of their range.
///
/// It is 0 for an image that is constant except for a hundredth of its voxels.
pub(super) fn farthest(channel: &Volume, [low, high]: [f32; 2]) -> f32 {
    let every = channel.data.len().div_ceil(SAMPLES).max(1);
    let mut values: Vec<f32> = channel.data.iter().copied().step_by(every).collect();
    values.sort_unstable_by(f32::total_cmp);
    let last = values.len().saturating_sub(1);
    let percentile = |share: f64| values.get((share * last as f64) as usize).copied();
    let range = |from: f64, to: f64| Some((percentile(from)?, percentile(to)?));
    let spread = |&(from, to): &(f32, f32)| to > from;
    let middle = range(0.1, 0.9).filter(spread);
    match middle.or_else(|| range(0.01, 0.99).filter(spread)) {
        Some((from, to)) => (from - low).max(high - to) / (to - from),
        None => 0.0,
    }
}

/// Returns warnings about the intensities of a case, given those of all cases.
pub(super) fn doubts(case: &CaseFacts, cases: &[CaseFacts]) -> Vec<&'static str> {
    let mut found = Vec::new();
    if case.intensities.iter().any(|[low, high]| low == high) {
        found.push(match case.intensities.len() {
            1 => "all voxels have one intensity",
            _ => "all voxels of a channel have one intensity",
        });
    }
    if case.farthest.iter().any(|&distance| distance > FAR) {
        found.push(
            "a few voxels are far darker or brighter than all others, so that z-scoring leaves the rest flat: correct \
             them, or set data.preprocess.intensity to { window_z_score = { low = …, high = … } }",
        );
    }
    let other_scale = |channel: usize| {
        let lowest = |case: &CaseFacts| case.intensities.get(channel).map(|range| range[0]);
        let all = cases.iter().filter_map(lowest);
        let ct = all.clone().filter(|&lowest| lowest < AIR).count();
        2 * ct > all.count() && lowest(case).is_some_and(|lowest| lowest >= AIR)
    };
    if (0..case.intensities.len()).any(other_scale) {
        found.push(
            "its intensities begin near 0, those of most scans far below as in CT: if it is CT too, its rescale intercept is \
             lost (often -1024); correct the file",
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Geometry;
    use ndarray::Array3;

    #[test]
    fn one_absurd_voxel_is_far_and_noise_is_not() {
        let noise = |(x, y, z): (usize, usize, usize)| ((x * 7 + y * 13 + z * 5) % 101) as f32;
        let mut data = Array3::from_shape_fn([20, 20, 20], noise);
        let far = |data: &Array3<f32>| {
            let range = data
                .iter()
                .fold([0.0_f32, 0.0_f32], |[a, b], &x| [a.min(x), b.max(x)]);
            farthest(&Volume::new(data.clone(), Geometry::default()), range)
        };
        assert!((0.0..1.0).contains(&far(&data)));
        data[[3, 4, 5]] = -32768.0;
        assert!(far(&data) > FAR);
        // Nearly all background, as after skull stripping of a small part.
        let mut sparse = Array3::zeros([20, 20, 20]);
        sparse.slice_mut(ndarray::s![..4, ..10, ..10]).fill(50.0);
        assert_eq!(far(&sparse), 0.0);
        assert_eq!(far(&Array3::zeros([4, 4, 4])), 0.0);
    }
}
