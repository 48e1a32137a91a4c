//! Every part of the work is done once.

use std::sync::atomic::AtomicU32;

use super::*;

#[test]
fn every_index_is_visited_once() {
    for threads in [1, 2, 3, 8] {
        let lengths = [0, 1, 15, 16, 17, 100, 784, 1024];
        // Miri counts every access.
        for &len in if cfg!(miri) { &lengths[..5] } else { &lengths[..] } {
            for cost in [0, usize::MAX] {
                let visits: Vec<AtomicU32> = (0..len * 3).map(|_| AtomicU32::new(0)).collect();
                let visit = |index: usize| {
                    visits[index].fetch_add(1, Ordering::Relaxed);
                };
                with_threads(threads, || {
                    for_each_range(len, cost, |range| range.for_each(&visit));
                    for_each_block([len, 2], cost, |rows, columns| {
                        rows.for_each(|i| {
                            columns.clone().for_each(|j| visit(len + 2 * i + j));
                        });
                    });
                });
                let once = |visits: &AtomicU32| visits.load(Ordering::Relaxed) == 1;
                assert!(visits.iter().all(once), "{threads} threads, {len}");
            }
        }
    }
}

#[test]
fn nested_and_concurrent_calls_finish() {
    let sum = AtomicUsize::new(0);
    let add = |range: Range<usize>| {
        sum.fetch_add(range.len(), Ordering::Relaxed);
    };
    with_threads(2, || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for_each_range(64, usize::MAX, |_| for_each_range(32, usize::MAX, add));
                });
            }
        });
    });
    assert_eq!(sum.into_inner(), 4 * 2 * 32);
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_stays_usable() {
    with_threads(2, || {
        for bad in [0, 16] {
            let work = |range: Range<usize>| assert_ne!(range.start, bad, "on purpose");
            let result = catch_unwind(AssertUnwindSafe(|| for_each_range(32, usize::MAX, work)));
            assert!(result.is_err(), "part at {bad}");
        }
        assert_eq!(join(|| 1, || "two"), (1, "two"));
    });
}
