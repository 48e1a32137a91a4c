//! The numbers of a tensor whose back end keeps them in the host's memory.

use burn::backend::{Backend, TensorMetadata};
use burn::tensor::TensorData;

use crate::matmul::Matrix;
use crate::recycle::tensor_data;

/// A back end whose `f32` tensors are slices.
pub(crate) trait Host: Backend {
    /// The same numbers row by row, whole; nothing is copied if they are so already.
    fn contiguous(tensor: Self::FloatTensorPrimitive) -> Self::FloatTensorPrimitive;

    /// The numbers of a tensor from [`contiguous`](Self::contiguous).
    fn floats(tensor: &Self::FloatTensorPrimitive) -> &[f32];

    /// Changes the numbers of a tensor from [`contiguous`](Self::contiguous), in place if
    /// nobody else holds them.
    fn edit(
        tensor: Self::FloatTensorPrimitive,
        change: impl FnOnce(&mut [f32]),
    ) -> Self::FloatTensorPrimitive;

    /// A tensor of these numbers.
    fn tensor(data: TensorData) -> Self::FloatTensorPrimitive;
}

/// A tensor `[rows, columns]` from [`Host::contiguous`] as a matrix.
pub(crate) fn matrix<B: Host>(tensor: &B::FloatTensorPrimitive) -> Matrix<'_> {
    let shape = tensor.shape();
    Matrix::new(B::floats(tensor), shape[0], shape[1])
}

/// A tensor of numbers in a [`buffer`](crate::recycle::buffer).
pub(crate) fn tensor<B: Host, const D: usize>(
    numbers: Vec<f32>,
    shape: [usize; D],
) -> B::FloatTensorPrimitive {
    B::tensor(tensor_data(numbers, shape))
}

#[cfg(feature = "flex")]
mod flex {
    use burn::backend::Flex;
    use burn::tensor::TensorData;
    use burn_flex::FlexTensor;

    use super::Host;

    impl Host for Flex {
        fn contiguous(tensor: FlexTensor) -> FlexTensor {
            let whole = tensor.is_contiguous()
                && tensor.layout().start_offset() == 0
                && tensor.storage::<f32>().len() == tensor.layout().num_elements();
            if whole { tensor } else { FlexTensor::from_data(tensor.into_data()) }
        }

        fn floats(tensor: &FlexTensor) -> &[f32] {
            tensor.storage()
        }

        fn edit(mut tensor: FlexTensor, change: impl FnOnce(&mut [f32])) -> FlexTensor {
            change(tensor.storage_mut());
            tensor
        }

        fn tensor(data: TensorData) -> FlexTensor {
            FlexTensor::from_data(data)
        }
    }
}

#[cfg(feature = "ndarray")]
#[expect(deprecated, reason = "ndarray is supported as long as Burn ships it")]
mod ndarray {
    use burn::backend::{NdArray, TensorMetadata};
    use burn::tensor::TensorData;
    use burn_ndarray::NdArrayTensor;

    use super::Host;

    impl Host for NdArray {
        fn contiguous(tensor: NdArrayTensor) -> NdArrayTensor {
            match &tensor {
                NdArrayTensor::F32(storage) if storage.view().to_slice().is_none() => {
                    let numbers: Vec<f32> = storage.view().iter().copied().collect();
                    Self::tensor(TensorData::new(numbers, tensor.shape()))
                }
                _ => tensor,
            }
        }

        fn floats(tensor: &NdArrayTensor) -> &[f32] {
            match tensor {
                NdArrayTensor::F32(storage) => storage.view().to_slice().unwrap_or_default(),
                _ => &[],
            }
        }

        fn edit(tensor: NdArrayTensor, change: impl FnOnce(&mut [f32])) -> NdArrayTensor {
            let mut numbers = Self::floats(&tensor).to_vec();
            change(&mut numbers);
            Self::tensor(TensorData::new(numbers, tensor.shape()))
        }

        fn tensor(data: TensorData) -> NdArrayTensor {
            NdArrayTensor::from_data(data)
        }
    }
}
