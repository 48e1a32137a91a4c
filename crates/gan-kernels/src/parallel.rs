//! Splitting work over the threads of the pool.

use std::ops::Range;

/// Below as many multiply-adds the other threads cost more than they bring.
const WORTH_IT: usize = 1 << 21;
/// A range is split at multiples of this: the widest register, in `f32`.
const LANES: usize = 16;

/// Runs `work` on disjoint ranges that make up `0..len`, on all threads if `cost`
/// multiply-adds are worth it.
pub(crate) fn ranges(len: usize, cost: usize, work: impl Fn(Range<usize>) + Sync) {
    let threads = if cost < WORTH_IT { 1 } else { rayon::current_num_threads() };
    let step = len.div_ceil(threads).next_multiple_of(LANES);
    split(0..len, step, &work);
}

fn split(range: Range<usize>, step: usize, work: &(impl Fn(Range<usize>) + Sync)) {
    if range.len() <= step {
        return work(range);
    }
    let parts = range.len().div_ceil(step);
    let middle = range.start + parts / 2 * step;
    rayon::join(|| split(range.start..middle, step, work), || split(middle..range.end, step, work));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn every_index_is_visited_once() {
        for len in [0, 1, 15, 16, 17, 100, 784, 1024] {
            for cost in [0, usize::MAX] {
                let visits: Vec<AtomicU32> = (0..len).map(|_| AtomicU32::new(0)).collect();
                ranges(len, cost, |range| {
                    for visits in &visits[range] {
                        visits.fetch_add(1, Ordering::Relaxed);
                    }
                });
                assert!(visits.iter().all(|n| n.load(Ordering::Relaxed) == 1), "{len}");
            }
        }
    }
}
