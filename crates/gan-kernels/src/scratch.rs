//! Memory of a thread that its next piece of work uses again.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use crate::tile::MAX_LANES;

thread_local! {
    static KEPT: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Arbitrary numbers, aligned to the widest register, which go back to the thread when dropped.
pub(crate) struct Scratch {
    all: Vec<f32>,
    first: usize,
    len: usize,
}

impl Scratch {
    pub(crate) fn new(len: usize) -> Self {
        let mut all = KEPT.take();
        all.resize(all.len().max(len + MAX_LANES), 0.0);
        let first = all.as_ptr().align_offset(MAX_LANES * size_of::<f32>()).min(MAX_LANES);
        Self { all, first, len }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    #[inline(always)]
    fn deref(&self) -> &[f32] {
        &self.all[self.first..][..self.len]
    }
}

impl DerefMut for Scratch {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.all[self.first..][..self.len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        KEPT.set(std::mem::take(&mut self.all));
    }
}
