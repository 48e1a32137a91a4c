//! Access to the numbers of tensors in the host's memory.

use burn::backend::{Backend, TensorMetadata};
use burn::tensor::TensorData;

use crate::matrix::Matrix;

/// A back end whose `f32` tensors are slices.
pub(crate) trait Host: Backend {
    /// The same numbers, row by row and without gaps; copied only if they are not so already.
    fn contiguous(tensor: Self::FloatTensorPrimitive) -> Self::FloatTensorPrimitive;

    /// The numbers of a tensor from [`contiguous`](Self::contiguous).
    fn floats(tensor: &Self::FloatTensorPrimitive) -> &[f32];

    /// Changes the numbers of a tensor from [`contiguous`](Self::contiguous), in place if
    /// no other tensor shares them.
    fn edit(
        tensor: Self::FloatTensorPrimitive,
        change: impl FnOnce(&mut [f32]),
    ) -> Self::FloatTensorPrimitive;

    /// A tensor of these numbers.
    fn tensor(data: TensorData) -> Self::FloatTensorPrimitive;
}

/// A tensor of one or two dimensions from [`Host::contiguous`] as a matrix; a vector is one row.
pub(crate) fn matrix<B: Host>(tensor: &B::FloatTensorPrimitive) -> Matrix<'_> {
    let (numbers, shape) = (B::floats(tensor), tensor.shape());
    let columns = shape[shape.num_dims() - 1];
    let rows = if shape.num_dims() == 1 { 1 } else { shape[0] };
    Matrix::new(numbers, rows, columns)
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
