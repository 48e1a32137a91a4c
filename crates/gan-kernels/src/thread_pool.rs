//! The threads that share a piece of work, waiting awake for the next one.
//!
//! A training step has some thirty pieces of a few hundred microseconds each, one after the
//! other. Waking a thread through the operating system costs up to a tenth of that, so these
//! look for work for a while before they sleep.

use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::thread::{self, Thread};

/// Below as many multiply-adds the other threads cost more than they bring.
const WORTH_IT: usize = 1 << 18;
/// Work is split at multiples of this: the widest register, in `f32`.
const LANES: usize = 16;
/// Looks before the processor is offered to whoever else wants it.
const EAGER: usize = 2_000;
/// Looks before a helper sleeps: about a millisecond.
const PATIENT: usize = EAGER + 2_000;

/// The most threads that take part: what fits into the lowest bits of a task's number.
const MOST: usize = (1 << 11) - 1;

/// Threads that may take part, 0 for as many as there are processors.
static LIMIT: AtomicUsize = AtomicUsize::new(0);
/// The helpers that were started. Who holds the lock has the team.
static HELPERS: Mutex<Vec<Thread>> = Mutex::new(Vec::new());
static TASK: Task = Task {
    number: AtomicUsize::new(0),
    left: AtomicUsize::new(0),
    panicked: AtomicBool::new(false),
    work: UnsafeCell::new(None),
};

/// What the team is at.
struct Task {
    /// Changes when there is something to do. Its lowest bits are the number of parts, of which
    /// helper `i` takes part `i`: read together, so that a helper that had none in the last
    /// task and comes late takes nothing of the next before it is there.
    number: AtomicUsize,
    /// Parts that helpers have not finished.
    left: AtomicUsize,
    panicked: AtomicBool,
    work: UnsafeCell<Option<Work>>,
}

type Work = *const (dyn Fn(usize) + Sync);

// SAFETY: `work` is written by the holder of `HELPERS` while no part is left to do, and read
// by helpers between a change of `number` and their decrease of `left`.
unsafe impl Sync for Task {}

/// How many threads share the work of this crate, the caller's among them; 0 stands for as
/// many as there are processors, which is the default. What is computed does not depend on it.
pub fn set_threads(count: usize) {
    LIMIT.store(count.min(MOST), Ordering::Relaxed);
}

/// How many threads share the work of this crate.
#[must_use]
pub fn threads() -> usize {
    static PROCESSORS: AtomicUsize = AtomicUsize::new(0);
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit > 0 {
        return limit;
    }
    let known = PROCESSORS.load(Ordering::Relaxed);
    if known > 0 {
        return known;
    }
    let found = thread::available_parallelism().map_or(1, usize::from).min(MOST);
    PROCESSORS.store(found, Ordering::Relaxed);
    found
}

/// Runs both, each on a thread of its own if there are two.
pub fn join<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    if threads() == 1 {
        return (first(), second());
    }
    let (first, second) = (Once::new(first), Once::new(second));
    run(2, &|part| if part == 0 { first.run() } else { second.run() });
    (first.result(), second.result())
}

/// A function to be run once, and what it returned.
struct Once<F, T>(Mutex<(Option<F>, Option<T>)>);

impl<T, F: FnOnce() -> T> Once<F, T> {
    fn new(function: F) -> Self {
        Self(Mutex::new((Some(function), None)))
    }

    fn run(&self) {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        both.1 = both.0.take().map(|function| function());
    }

    fn result(self) -> T {
        let (_, result) = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        result.expect("`run` returns when all parts are done")
    }
}

/// Runs `work` on disjoint ranges that make up `0..len`, on all threads if `cost`
/// multiply-adds are worth it.
pub(crate) fn ranges(len: usize, cost: usize, work: impl Fn(Range<usize>) + Sync) {
    let (step, parts) = steps(len, if cost < WORTH_IT { 1 } else { threads() });
    run(parts, &|part| work(part * step..len.min((part + 1) * step)));
}

/// Runs `work` on disjoint blocks that make up `rows` by `columns`, on all threads if `cost`
/// multiply-adds are worth it.
pub(crate) fn blocks(
    [rows, columns]: [usize; 2],
    cost: usize,
    work: impl Fn(Range<usize>, Range<usize>) + Sync,
) {
    let threads = if cost < WORTH_IT { 1 } else { threads() };
    // Squarish blocks: each thread reads its rows of one matrix and its columns of the other.
    let divisors = (1..=threads).filter(|down| threads.is_multiple_of(*down));
    let down = divisors.min_by_key(|down| rows / down + columns / (threads / down)).unwrap_or(1);
    let (height, down) = steps(rows, down);
    let (width, across) = steps(columns, threads / down.clamp(1, threads));
    run(down * across, &|part| {
        let (i, j) = (part / across, part % across);
        work(i * height..rows.min((i + 1) * height), j * width..columns.min((j + 1) * width));
    });
}

/// Runs `work` on matching parts of `slices`, told which, on all threads if `cost`
/// multiply-adds are worth it.
///
/// # Panics
/// When the slices differ in length.
pub(crate) fn slices<const N: usize>(
    slices: [&mut [f32]; N],
    cost: usize,
    work: impl Fn(Range<usize>, [&mut [f32]; N]) + Sync,
) {
    struct Starts<const N: usize>([*mut f32; N]);
    // SAFETY: each thread makes slices of its own range alone.
    unsafe impl<const N: usize> Sync for Starts<N> {}
    impl<const N: usize> Starts<N> {
        /// # Safety
        /// The range lies within all slices, and nobody else uses it meanwhile.
        #[expect(clippy::mut_from_ref, reason = "the threads' ranges are disjoint")]
        unsafe fn parts(&self, range: &Range<usize>) -> [&mut [f32]; N] {
            // SAFETY: as the caller promises.
            self.0.map(|start| unsafe {
                std::slice::from_raw_parts_mut(start.add(range.start), range.len())
            })
        }
    }
    let len = slices.first().map_or(0, |slice| slice.len());
    assert!(slices.iter().all(|slice| slice.len() == len), "lengths differ");
    let starts = Starts(slices.map(<[f32]>::as_mut_ptr));
    ranges(len, cost, |range| {
        // SAFETY: ranges are disjoint and end at `len`.
        let parts = unsafe { starts.parts(&range) };
        work(range, parts);
    });
}

/// The length of a part, and how many parts there are, when `0..len` is split into about `parts`.
fn steps(len: usize, parts: usize) -> (usize, usize) {
    let step = len.div_ceil(parts.max(1)).next_multiple_of(LANES);
    (step, len.div_ceil(step.max(1)))
}

/// Runs `work` on every number below `parts`, each on a thread of its own.
fn run(parts: usize, work: &(dyn Fn(usize) + Sync)) {
    let helpers = if parts > 1 { HELPERS.try_lock() } else { Err(TryLockError::WouldBlock) };
    let mut helpers = match helpers {
        Ok(helpers) => helpers,
        Err(TryLockError::Poisoned(helpers)) => helpers.into_inner(),
        // Another thread has the team, or there is nothing to share.
        Err(TryLockError::WouldBlock) => return (0..parts).for_each(work),
    };
    while helpers.len() + 1 < parts {
        let (index, seen) = (helpers.len() + 1, TASK.number.load(Ordering::Relaxed));
        let name = format!("gan-kernels-{index}");
        match thread::Builder::new().name(name).spawn(move || help(index, seen)) {
            Ok(helper) => helpers.push(helper.thread().clone()),
            Err(_) => return (0..parts).for_each(work),
        }
    }

    #[expect(clippy::transmute_ptr_to_ptr, reason = "a cast cannot lengthen a lifetime")]
    // SAFETY: only the lifetime changes; `Wait` outlasts every use of the pointer.
    let work: Work = unsafe { std::mem::transmute(std::ptr::from_ref(work)) };
    // SAFETY: we hold the lock, and no helper reads it before `number` changes.
    unsafe { *TASK.work.get() = Some(work) };
    TASK.left.store(parts - 1, Ordering::Relaxed);
    let last = TASK.number.load(Ordering::Relaxed);
    TASK.number.store((last | MOST).wrapping_add(1) | parts, Ordering::Release);
    let wait = Wait;
    helpers.iter().take(parts - 1).for_each(Thread::unpark);
    // SAFETY: it lives as long as this call.
    unsafe { (*work)(0) };
    drop(wait);
    if TASK.panicked.swap(false, Ordering::Relaxed) {
        drop(helpers);
        resume_unwind(Box::new("a helper thread panicked"));
    }
}

/// Waits, when dropped, until no helper uses the work any more, also in a panic.
struct Wait;

impl Drop for Wait {
    fn drop(&mut self) {
        let mut looks = 0;
        while TASK.left.load(Ordering::Acquire) > 0 {
            pause(&mut looks);
        }
    }
}

/// What helper `index` does all its life, `seen` being the last task it need not care about.
fn help(index: usize, mut seen: usize) {
    loop {
        let mut looks = 0;
        seen = loop {
            let number = TASK.number.load(Ordering::Acquire);
            if number != seen {
                break number;
            }
            if looks < PATIENT { pause(&mut looks) } else { thread::park() }
        };
        if index < seen & MOST {
            // SAFETY: `number` changed and this part is not done, so the work is there, and
            // lives until `left` says that it is done.
            let work = unsafe { (*TASK.work.get()).map(|work| &*work) };
            if catch_unwind(AssertUnwindSafe(|| work.map(|work| work(index)))).is_err() {
                TASK.panicked.store(true, Ordering::Relaxed);
            }
            TASK.left.fetch_sub(1, Ordering::Release);
        }
    }
}

fn pause(looks: &mut usize) {
    *looks += 1;
    if *looks < EAGER { spin_loop() } else { thread::yield_now() }
}

/// Runs `work` with another number of threads: for tests, one at a time.
#[cfg(test)]
pub(crate) fn with_threads<T>(count: usize, work: impl FnOnce() -> T) -> T {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = LIMIT.swap(count, Ordering::Relaxed);
    let result = work();
    LIMIT.store(before, Ordering::Relaxed);
    result
}

#[cfg(test)]
mod tests {
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
                        ranges(len, cost, |range| range.for_each(&visit));
                        blocks([len, 2], cost, |rows, columns| {
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
    fn work_within_work_and_work_beside_work_is_done() {
        let sum = AtomicUsize::new(0);
        let add = |range: Range<usize>| {
            sum.fetch_add(range.len(), Ordering::Relaxed);
        };
        with_threads(2, || {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| ranges(64, usize::MAX, |_| ranges(32, usize::MAX, add)));
                }
            });
        });
        assert_eq!(sum.into_inner(), 4 * 2 * 32);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_lives_on() {
        with_threads(2, || {
            for bad in [0, 16] {
                let work = |range: Range<usize>| assert_ne!(range.start, bad, "on purpose");
                let result = catch_unwind(AssertUnwindSafe(|| ranges(32, usize::MAX, work)));
                assert!(result.is_err(), "part at {bad}");
            }
            assert_eq!(join(|| 1, || "two"), (1, "two"));
        });
    }
}
