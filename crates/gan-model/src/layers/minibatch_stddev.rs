//! The minibatch standard deviation, which shows a discriminator how much images vary.

use burn::module::Module;
use burn::tensor::Tensor;
use gan_kernels::sqrt;

/// Appends one column: the mean, over the units, of their standard deviation within each `group`
/// of rows (Karras et al. 2018, section 3).
#[derive(Module, Debug)]
pub(crate) struct MinibatchStddev {
    group: usize,
}

impl MinibatchStddev {
    pub fn new(group: usize) -> Self {
        Self { group }
    }

    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let deviation = deviation(&centred(x.clone(), self.group));
        self.append(x, mean_of_units(deviation))
    }

    pub fn jvp(&self, tangent: Tensor<2>, input: Tensor<2>) -> Tensor<2> {
        let x = centred(input, self.group);
        let dx = centred(tangent.clone(), self.group);
        // d√(mean x²) = mean(x dx) / √(mean x²)
        let change = (x.clone() * dx).mean_dim(1) / deviation(&x);
        self.append(tangent, mean_of_units(change))
    }

    pub fn vjp(&self, gradient: Tensor<2>, input: Tensor<2>) -> Tensor<2> {
        let [rows, units] = input.dims();
        let x = centred(input, self.group);
        // A group's rows share one number, so their gradients of it are averaged.
        let of_column = gradient.clone().narrow(1, units, 1);
        let of_group = of_column.reshape([rows / self.group, self.group, 1]).mean_dim(1);
        let change = x.clone() / deviation(&x) / units as f64 * of_group;
        gradient.narrow(1, 0, units) + change.reshape([rows, units])
    }

    /// Appends each group's number to all of its rows.
    fn append(&self, x: Tensor<2>, numbers: Tensor<3>) -> Tensor<2> {
        let rows = x.dims()[0];
        Tensor::cat(vec![x, numbers.repeat_dim(1, self.group).reshape([rows, 1])], 1)
    }
}

/// `[rows, units]` to `[rows / group, group, units]`, less each group's mean.
fn centred(x: Tensor<2>, group: usize) -> Tensor<3> {
    let [rows, units] = x.dims();
    let groups = x.reshape([rows / group, group, units]);
    groups.clone() - groups.mean_dim(1)
}

/// The standard deviation of each unit over each group.
fn deviation(centred: &Tensor<3>) -> Tensor<3> {
    let variance = centred.clone().square().mean_dim(1) + 1e-8;
    sqrt(variance.squeeze_dim(1)).unsqueeze_dim(1)
}

/// The mean over the units, `[groups, 1, units]` to `[groups, 1, 1]`, with one order of summation on
/// every processor: that of Burn's own sum with registers of 16 numbers (AVX-512), which elsewhere
/// has another.
fn mean_of_units(x: Tensor<3>) -> Tensor<3> {
    let [groups, _, units] = x.dims();
    let blocks = units.div_ceil(128);
    let padded = x.reshape([groups, units]).pad((0, blocks * 128 - units, 0, 0), 0.0);
    let mut sums = padded.reshape([groups, blocks, 128]).sum_dim(1);
    // First pairs of neighbouring registers, then the two halves of a register.
    for registers in [8, 4, 2] {
        let pairs = sums.reshape([groups * registers / 2, 2, 16]);
        sums = pairs.sum_dim(1).reshape([groups, 1, registers * 8]);
    }
    for half in [8, 4, 2, 1] {
        sums = sums.reshape([groups, 2, half]).sum_dim(1);
    }
    sums / units as f64
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    const LAYER: MinibatchStddev = MinibatchStddev { group: 2 };

    fn numbers(tensor: &Tensor<2>) -> Vec<f32> {
        tensor.to_data().try_into_vec().unwrap()
    }

    #[test]
    fn the_deviation_of_each_group_is_one_more_column() {
        let device = Device::flex();
        let x = Tensor::from_floats([[1.0, 5.0], [3.0, 5.0], [2.0, 2.0], [2.0, 2.0]], &device);
        let found = numbers(&LAYER.forward(x));
        // Deviations 1 and 0 in the first group, none in the second.
        for (row, expected) in [(0, 0.5), (1, 0.5), (2, 0.0), (3, 0.0)] {
            assert!((found[3 * row + 2] - expected).abs() < 2e-4, "{found:?}");
        }
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let device = Device::flex();
        let rows = [[1.0, 5.0], [3.0, -4.0], [2.0, 2.5], [2.2, 0.5]];
        // Weights of the outputs that differ within a group.
        let weights = [[0.3, -1.0, 2.0], [0.5, 0.2, -1.0], [1.0, 0.0, 0.7], [-0.4, 0.9, 0.1_f32]];
        let gradient = Tensor::from_floats(weights, &device);
        let sum = |rows: [[f32; 2]; 4]| -> f32 {
            let output = LAYER.forward(Tensor::from_floats(rows, &device));
            (output * gradient.clone()).sum().into_scalar()
        };
        let found = numbers(&LAYER.vjp(gradient.clone(), Tensor::from_floats(rows, &device)));
        for (index, found) in found.iter().enumerate() {
            let moved = |h: f32| {
                let mut rows = rows;
                rows[index / 2][index % 2] += h;
                sum(rows)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((found - slope).abs() < 2e-3, "{found} is not {slope}");
        }
    }
}
