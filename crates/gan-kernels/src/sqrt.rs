//! The square root, with one gradient on every system.

use burn::tensor::Tensor;

use crate::buffer_pool::buffer;
use crate::elementary::inverse_sqrt;
use crate::matrix::Matrix;
use crate::operation::{Gradient, Operation, can_run, run_1};

/// √x of every number, all above 0.
///
/// Computed here on Burn's CPU back ends, whose own gradient depends on the system's C library.
pub fn sqrt(x: Tensor<2>) -> Tensor<2> {
    if can_run(&x) { run_1(Sqrt, x) } else { x.sqrt() }
}

#[derive(Clone, Debug)]
struct Sqrt;

impl Operation<1> for Sqrt {
    type Saved = ();

    fn columns(&self, [x]: &[Matrix; 1]) -> usize {
        x.columns
    }

    fn forward(&self, [x]: [Matrix; 1]) -> (Vec<f32>, ()) {
        let mut output = buffer(x.data.len());
        output.iter_mut().zip(x.data).for_each(|(y, x)| *y = x.sqrt());
        (output, ())
    }

    /// The derivative of √x is x^(−½) / 2.
    fn backward(
        &self,
        gradient: &mut [f32],
        [x]: [Matrix; 1],
        _: &[f32],
        (): &(),
        _: [bool; 1],
    ) -> [Gradient; 1] {
        gradient.iter_mut().zip(x.data).for_each(|(g, x)| *g *= inverse_sqrt(*x) / 2.0);
        [Gradient::InPlace]
    }
}

#[cfg(test)]
#[cfg(all(feature = "flex", feature = "autodiff"))]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::reference::with_reference;

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn it_and_its_gradient_have_the_bits_of_the_reference() {
        let run = || {
            let x: Vec<f32> = (1..1000).map(|x| (x * x) as f32 * 1e-8).collect();
            let x = Tensor::<1>::from_floats(&x[..], &Device::flex().autodiff());
            let x = x.reshape([27, 37]).require_grad();
            let y = sqrt(x.clone());
            let gradient = x.grad(&(y.clone() * y.clone()).sum().backward()).unwrap();
            [y.into_data(), gradient.into_data()]
        };
        assert_eq!(run(), with_reference(run));
    }
}
