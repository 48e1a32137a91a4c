//! Buffers that dropped tensors leave to the next tensors of their size.
//!
//! Fresh memory costs more than the allocator's own time, because the operating system clears
//! every page of it. A training step makes tensors of the same sizes again and again, so after the
//! first steps none of those in this crate allocates. Of each size as many are kept as were once in
//! use together; what else is dropped goes to the allocator.

use std::collections::HashMap;
use std::mem::{self, MaybeUninit};
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::{DType, Shape, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};

/// Smaller buffers are left to the allocator.
const MIN_LEN: usize = 1 << 10;
/// The most numbers that are kept; a step at a batch of 128 needs a tenth of them.
const MAX_TOTAL: usize = (512 << 20) / size_of::<f32>();
/// A length that none of so many calls asked for, those of some steps, is no longer in use.
const STALE: u64 = 10_000;

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

#[derive(Default)]
struct Pool {
    by_len: HashMap<usize, Shelf>,
    /// Numbers in all kept buffers.
    total: usize,
    /// Calls of [`Pool::take`].
    calls: u64,
}

/// The buffers of one length.
#[derive(Default)]
struct Shelf {
    kept: Vec<Vec<f32>>,
    /// How many [`buffer`] had to make.
    made: usize,
    /// The last call that asked for this length.
    asked: u64,
}

impl Pool {
    /// A kept buffer, if there is one.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        self.calls += 1;
        let buffers = self.by_len.entry(len).or_default();
        buffers.asked = self.calls;
        let kept = buffers.kept.pop();
        match kept {
            Some(_) => self.total -= len,
            None => buffers.made += 1,
        }
        kept
    }

    /// Keeps a buffer, if it is of use and there is room.
    fn keep(&mut self, buffer: Vec<f32>) {
        let len = buffer.len();
        // Others may have made this one: those that no call of `buffer` asks for must not gather.
        if self.by_len.get(&len).is_none_or(|shelf| shelf.kept.len() >= shelf.made) {
            return;
        }
        if self.total + len > MAX_TOTAL {
            self.drop_stale();
        }
        if self.total + len <= MAX_TOTAL
            && let Some(shelf) = self.by_len.get_mut(&len)
        {
            self.total += len;
            shelf.kept.push(buffer);
        }
    }

    /// Frees the buffers of lengths that are no longer in use, such as those of a calibration.
    fn drop_stale(&mut self) {
        let Self { by_len, total, calls } = self;
        by_len.retain(|len, shelf| {
            let in_use = *calls - shelf.asked < STALE;
            if !in_use {
                *total -= len * shelf.kept.len();
            }
            in_use
        });
    }
}

fn pool() -> MutexGuard<'static, Option<Pool>> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer of `len` arbitrary numbers, to be written before they are read. Made into a tensor by
/// [`tensor_data`], it returns to the pool when that is dropped.
pub fn buffer(len: usize) -> Vec<f32> {
    if len >= MIN_LEN
        && let Some(buffer) = pool().get_or_insert_default().take(len)
    {
        return buffer;
    }
    vec![0.0; len]
}

/// The data of a row-major tensor, from a [`buffer`] that returns to the pool when the tensor is
/// dropped.
///
/// # Panics
/// When `shape` has another number of elements.
pub fn tensor_data(buffer: Vec<f32>, shape: impl Into<Shape>) -> TensorData {
    if buffer.len() < MIN_LEN {
        return TensorData::new(buffer, shape);
    }
    let shape = shape.into();
    assert_eq!(buffer.len(), shape.num_elements(), "a shape must fit its numbers");
    let len = size_of_val(buffer.as_slice());
    // SAFETY: all of the buffer is initialised.
    let bytes = unsafe { Bytes::from_controller(Box::new(Pooled(buffer)), len) };
    TensorData::from_bytes(bytes, shape, DType::F32)
}

/// A [`buffer`] that returns to the pool when it is dropped.
#[derive(Debug)]
pub(crate) struct Pooled(pub Vec<f32>);

impl Deref for Pooled {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let buffer = mem::take(&mut self.0);
        if let Some(pool) = pool().as_mut() {
            pool.keep(buffer);
        }
    }
}

impl AllocationController for Pooled {
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
        // SAFETY: the buffer's own memory, borrowed as long as `self`; the caller keeps it initialised.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, len) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let (start, len) = (self.0.as_ptr().cast(), size_of_val(self.0.as_slice()));
        // SAFETY: the buffer's own memory, borrowed as long as `self`.
        Ok(unsafe { std::slice::from_raw_parts(start, len) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_tensors_buffer_is_reused_unchanged() {
        // A size that no other test uses.
        let len = MIN_LEN + 12_345;
        let mut first = buffer(len);
        first.fill(7.0);
        let address = first.as_ptr();
        let mut tensor = tensor_data(first, [1, len]);
        tensor.as_mut_slice::<f32>().unwrap()[0] = 1.5;
        let copy = tensor.clone();
        drop(tensor);
        let second = buffer(len);
        assert_eq!(second.as_ptr(), address);
        assert_eq!(second[..2], [1.5, 7.0]);
        assert_eq!(copy.as_slice::<f32>().unwrap()[..2], [1.5, 7.0]);
        let third = buffer(len);
        assert_ne!(third.as_ptr(), address, "a buffer in use is not handed out");
    }

    #[test]
    fn buffers_that_are_no_longer_in_use_make_room() {
        let mut pool = Pool::default();
        // Memory that nothing writes to takes no room.
        let large = MAX_TOTAL - MIN_LEN;
        for len in [large, 2 * MIN_LEN] {
            assert!(pool.take(len).is_none());
            pool.keep(vec![0.0; len]);
        }
        assert_eq!(pool.total, large, "the second does not fit beside the first");
        for _ in 0..STALE {
            if let Some(buffer) = pool.take(2 * MIN_LEN) {
                pool.keep(buffer);
            }
        }
        pool.keep(vec![0.0; 2 * MIN_LEN]);
        assert_eq!(pool.total, 2 * MIN_LEN);
        assert!(pool.take(2 * MIN_LEN).is_some() && pool.take(large).is_none());
    }
}
