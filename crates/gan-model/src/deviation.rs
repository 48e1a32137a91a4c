//! The minibatch standard deviation: what shows a discriminator how much images vary.

use burn::tensor::Tensor;

/// One more column: the mean, over the units, of their standard deviation within each
/// `group` of rows (Karras et al. 2018, section 3).
pub(crate) fn with_deviation(x: Tensor<2>, group: usize) -> Tensor<2> {
    let deviation = deviation(&centred(x.clone(), group));
    append(x, deviation.mean_dim(2), group)
}

/// The slope of [`with_deviation`] at `x` along `tangent`.
pub(crate) fn with_deviation_slope(tangent: Tensor<2>, x: Tensor<2>, group: usize) -> Tensor<2> {
    let (x, along) = (centred(x, group), centred(tangent.clone(), group));
    // d√(mean x²) = mean(x dx) / √(mean x²)
    let slope = (x.clone() * along).mean_dim(1) / deviation(&x);
    append(tangent, slope.mean_dim(2), group)
}

/// The gradient of the sum of [`with_deviation`]'s last column with respect to `x`.
pub(crate) fn deviation_gradient(x: Tensor<2>, group: usize) -> Tensor<2> {
    let [rows, units] = x.dims();
    let x = centred(x, group);
    // Each row of a group has the same number, so that a group's counts as often as it has rows.
    let gradient = x.clone() / deviation(&x) / units as f64;
    gradient.reshape([rows, units])
}

/// `[rows, units]` to `[rows / group, group, units]`, less each group's mean.
fn centred(x: Tensor<2>, group: usize) -> Tensor<3> {
    let [rows, units] = x.dims();
    let groups = x.reshape([rows / group, group, units]);
    groups.clone() - groups.mean_dim(1)
}

/// The standard deviation of each unit over each group.
fn deviation(centred: &Tensor<3>) -> Tensor<3> {
    (centred.clone().square().mean_dim(1) + 1e-8).sqrt()
}

/// One more column of `x`: a group's number for each of its rows.
fn append(x: Tensor<2>, numbers: Tensor<3>, group: usize) -> Tensor<2> {
    let rows = x.dims()[0];
    Tensor::cat(vec![x, numbers.repeat_dim(1, group).reshape([rows, 1])], 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn numbers(tensor: &Tensor<2>) -> Vec<f32> {
        tensor.to_data().try_into_vec().unwrap()
    }

    #[test]
    fn the_deviation_of_each_group_is_one_more_column() {
        let device = Device::flex();
        let x = Tensor::from_floats([[1.0, 5.0], [3.0, 5.0], [2.0, 2.0], [2.0, 2.0]], &device);
        let found = numbers(&with_deviation(x, 2));
        // Deviations 1 and 0 in the first group, none in the second.
        for (row, expected) in [(0, 0.5), (1, 0.5), (2, 0.0), (3, 0.0)] {
            assert!((found[3 * row + 2] - expected).abs() < 2e-4, "{found:?}");
        }
    }

    #[test]
    fn its_gradient_is_a_difference() {
        let device = Device::flex();
        let rows = [[1.0, 5.0], [3.0, -4.0], [2.0, 2.5], [2.2, 0.5]];
        let sum = |rows: [[f32; 2]; 4]| -> f32 {
            let all = with_deviation(Tensor::from_floats(rows, &device), 2);
            all.narrow(1, 2, 1).sum().into_scalar()
        };
        let gradient = numbers(&deviation_gradient(Tensor::from_floats(rows, &device), 2));
        for (index, found) in gradient.iter().enumerate() {
            let moved = |h: f32| {
                let mut rows = rows;
                rows[index / 2][index % 2] += h;
                sum(rows)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((found - slope).abs() < 1e-3, "{found} is not {slope}");
        }
    }
}
