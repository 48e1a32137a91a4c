//! Buffers that tensors leave behind and the next ones of their size take over.
//!
//! Fresh memory costs more than the allocator's own time: the operating system clears every
//! page of it. A training step makes tensors of the same sizes over and over, so after the
//! first steps none of those in this crate allocates.

use std::collections::HashMap;
use std::mem::{self, MaybeUninit};
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::{DType, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

/// Buffers of less are left to the allocator.
const LEAST: usize = 1 << 10;
/// All that is kept; a step at a batch of 128 needs a tenth of it.
const MOST: usize = (512 << 20) / size_of::<f32>();

static SHELF: Mutex<Option<Shelf>> = Mutex::new(None);

#[derive(Default)]
struct Shelf {
    by_len: HashMap<usize, Vec<Vec<f32>>>,
    /// Numbers in all of them.
    total: usize,
}

fn shelf() -> MutexGuard<'static, Option<Shelf>> {
    SHELF.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `len` numbers, whatever they are: to be written before they are read. [`tensor_data`]
/// makes a tensor's of them; when that is dropped, a later call gives its memory again.
#[must_use]
pub fn buffer(len: usize) -> Vec<f32> {
    if len >= LEAST
        && let Some(shelf) = shelf().as_mut()
        && let Some(buffer) = shelf.by_len.get_mut(&len).and_then(Vec::pop)
    {
        shelf.total -= len;
        return buffer;
    }
    vec![0.0; len]
}

/// What a tensor is made of, from a [`buffer`]: row by row, to be kept when it is dropped.
///
/// # Panics
/// When the numbers are not as many as `shape` says.
#[must_use]
pub fn tensor_data<const D: usize>(buffer: Vec<f32>, shape: [usize; D]) -> TensorData {
    if buffer.len() < LEAST {
        return TensorData::new(buffer, shape);
    }
    assert_eq!(buffer.len(), shape.iter().product::<usize>(), "a shape must fit its numbers");
    let len = size_of_val(buffer.as_slice());
    // SAFETY: all of the buffer is initialised.
    let bytes = unsafe { Bytes::from_controller(Box::new(Recycled(buffer)), len) };
    TensorData::from_bytes(bytes, shape, DType::F32)
}

/// Memory that goes to the shelf when nobody needs it any more.
struct Recycled(Vec<f32>);

impl Drop for Recycled {
    fn drop(&mut self) {
        let buffer = mem::take(&mut self.0);
        let mut guard = shelf();
        let kept = guard.get_or_insert_default();
        if kept.total + buffer.len() <= MOST {
            kept.total += buffer.len();
            kept.by_len.entry(buffer.len()).or_default().push(buffer);
        }
    }
}

impl AllocationController for Recycled {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let (start, len) = (self.0.as_mut_ptr().cast(), size_of_val(self.0.as_slice()));
        // SAFETY: the buffer's own memory, borrowed as we are; the caller leaves it initialised.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, len) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let (start, len) = (self.0.as_ptr().cast(), size_of_val(self.0.as_slice()));
        // SAFETY: the buffer's own memory, borrowed as we are.
        Ok(unsafe { std::slice::from_raw_parts(start, len) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_tensors_buffer_is_used_again_as_it_was() {
        // A size that no other test has.
        let len = LEAST + 12_345;
        let mut first = buffer(len);
        first.fill(7.0);
        let place = first.as_ptr();
        let mut tensor = tensor_data(first, [1, len]);
        tensor.as_mut_slice::<f32>().unwrap()[0] = 1.5;
        let copy = tensor.clone();
        drop(tensor);
        let second = buffer(len);
        assert_eq!(second.as_ptr(), place);
        assert_eq!(second[..2], [1.5, 7.0]);
        assert_eq!(copy.as_slice::<f32>().unwrap()[..2], [1.5, 7.0]);
        let third = buffer(len);
        assert_ne!(third.as_ptr(), place, "it is not given out twice");
    }
}
