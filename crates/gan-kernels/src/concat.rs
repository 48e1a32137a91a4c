//! Two batches concatenated to one.

use burn::tensor::Tensor;

use crate::buffer_pool::{buffer, tensor_data};
use crate::operation::can_run;
use crate::thread_pool::join;

/// The rows of `first`, then those of `second`, both `[_, columns]`.
pub fn concat_rows(first: Tensor<2>, second: Tensor<2>) -> Tensor<2> {
    let ([rows, columns], [more, _], device) = (first.dims(), second.dims(), first.device());
    let tracked = device.is_autodiff() || second.device().is_autodiff();
    if tracked || !can_run(&first) || !can_run(&second) {
        return Tensor::cat(vec![first, second], 0);
    }
    let [first, second] = [first, second].map(Tensor::into_data);
    let (Ok(first), Ok(second)) = (first.as_slice::<f32>(), second.as_slice::<f32>()) else {
        unreachable!("`can_run` checks the type");
    };
    let mut both = buffer(first.len() + second.len());
    let (top, bottom) = both.split_at_mut(first.len());
    join(|| top.copy_from_slice(first), || bottom.copy_from_slice(second));
    Tensor::from_data(tensor_data(both, [rows + more, columns]), &device)
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn rows_keep_their_order() {
        let device = Device::flex();
        let [first, second] = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]
            .map(|rows| Tensor::<2>::from_floats(rows, &device));
        let expected = Tensor::cat(vec![first.clone(), second.clone()], 0).into_data();
        assert_eq!(concat_rows(first.clone(), second.clone()).into_data(), expected);
        let views = [first.slice([1..2, 0..1]), second.slice([0..2, 1..2])];
        let [first, second] = views;
        let expected = Tensor::cat(vec![first.clone(), second.clone()], 0).into_data();
        assert_eq!(concat_rows(first, second).into_data(), expected);
    }

    #[test]
    #[cfg(feature = "autodiff")]
    fn gradients_pass_through() {
        let device = Device::flex().autodiff();
        let [first, second] =
            [1.0, 2.0].map(|x| Tensor::<2>::from_floats([[x]], &device).require_grad());
        let gradients = concat_rows(first.clone(), second.clone()).sum().backward();
        assert!(first.grad(&gradients).is_some() && second.grad(&gradients).is_some());
    }
}
