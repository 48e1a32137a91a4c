//! The threads that share a piece of work, and spin for a while before they sleep.
//!
//! A training step consists of some thirty products of a few hundred microseconds each. Waking a
//! thread through the operating system costs up to a tenth of that.

use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::thread::{self, Thread};

/// Below this many multiply-adds, sharing costs more than it saves.
const MIN_COST: usize = 1 << 18;
/// Work is split at multiples of this: the widest register, in `f32`.
const LANES: usize = 16;
/// Checks for work before a waiting thread yields the processor between checks.
const SPIN_LIMIT: usize = 2_000;
/// Checks for work before a worker sleeps: about a millisecond.
const YIELD_LIMIT: usize = SPIN_LIMIT + 2_000;

/// More threads than any machine has.
const MAX_THREADS: usize = 2_048;

/// The number of threads, 0 for as many as there are processors.
static LIMIT: AtomicUsize = AtomicUsize::new(0);
/// The workers that have been started. The holder of the lock may give them work.
static WORKERS: Mutex<Vec<Worker>> = Mutex::new(Vec::new());
static TASK: Task = Task {
    left: AtomicUsize::new(0),
    panicked: AtomicBool::new(false),
    work: UnsafeCell::new(None),
};

struct Worker {
    thread: Thread,
    offer: Arc<Offer>,
}

/// Whether a part of the task is offered to a worker: that with the worker's number. Who takes the
/// offer runs the part: the worker, or the caller, if it is done with its own part before.
#[derive(Default)]
#[repr(align(64))]
struct Offer(AtomicBool);

impl Offer {
    fn take(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Acquire)
    }
}

/// The current work of the pool.
struct Task {
    /// Parts that are not done, without the caller's own.
    left: AtomicUsize,
    panicked: AtomicBool,
    work: UnsafeCell<Option<Work>>,
}

type Work = *const (dyn Fn(usize) + Sync);

// SAFETY: `work` is written by the holder of `WORKERS` while no part is left to do, and read
// by workers between their taking an offer and their decrease of `left`.
unsafe impl Sync for Task {}

/// Sets how many threads this crate computes on, including the caller's; 0, the default, stands
/// for as many as there are processors. No result depends on it.
pub fn set_threads(count: usize) {
    LIMIT.store(count.min(MAX_THREADS), Ordering::Relaxed);
}

/// How many threads this crate computes on; one in a browser, where none can be started.
pub fn threads() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    if cfg!(target_family = "wasm") {
        return 1;
    }
    match LIMIT.load(Ordering::Relaxed) {
        0 => *PROCESSORS.get_or_init(|| {
            thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS)
        }),
        limit => limit,
    }
}

/// Runs both functions, in parallel if there are two threads.
pub fn join<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    if threads() == 1 {
        return (first(), second());
    }
    let (first, second) = (Job::new(first), Job::new(second));
    run(2, &|part| if part == 0 { first.run() } else { second.run() });
    (first.into_result(), second.into_result())
}

/// A function to be run once, then its result.
struct Job<F, T>(Mutex<(Option<F>, Option<T>)>);

impl<T, F: FnOnce() -> T> Job<F, T> {
    fn new(function: F) -> Self {
        Self(Mutex::new((Some(function), None)))
    }

    fn run(&self) {
        let mut job = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        job.1 = job.0.take().map(|function| function());
    }

    fn into_result(self) -> T {
        let (_, result) = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        result.expect("the pool returns when all parts are done")
    }
}

/// Runs `work` on disjoint ranges that make up `0..len`, in parallel if it costs enough
/// multiply-adds.
pub(crate) fn for_each_range(len: usize, cost: usize, work: impl Fn(Range<usize>) + Sync) {
    let (step, parts) = split(len, threads_for(cost));
    run(parts, &|part| work(part * step..len.min((part + 1) * step)));
}

/// Runs `work` on ranges of `step` numbers (the last may be shorter) that make up `0..len`, in
/// parallel if it costs enough multiply-adds.
pub(crate) fn for_each_chunk(
    len: usize,
    step: usize,
    cost: usize,
    work: impl Fn(Range<usize>) + Sync,
) {
    let chunks = len.div_ceil(step);
    let share = chunks.div_ceil(threads_for(cost)).max(1);
    run(chunks.div_ceil(share), &|part| {
        for chunk in part * share..chunks.min((part + 1) * share) {
            work(chunk * step..len.min((chunk + 1) * step));
        }
    });
}

/// Runs `work` on disjoint blocks that make up `rows` by `columns`, in parallel if it costs enough
/// multiply-adds.
pub(crate) fn for_each_block(
    [rows, columns]: [usize; 2],
    cost: usize,
    work: impl Fn(Range<usize>, Range<usize>) + Sync,
) {
    let threads = threads_for(cost);
    // Squarish blocks: each thread reads its rows of one matrix and its columns of the other.
    let divisors = (1..=threads).filter(|down| threads.is_multiple_of(*down));
    let down = divisors.min_by_key(|down| rows / down + columns / (threads / down)).unwrap_or(1);
    let (height, down) = split(rows, down);
    let (width, across) = split(columns, threads / down.clamp(1, threads));
    run(down * across, &|part| {
        let (i, j) = (part / across, part % across);
        work(i * height..rows.min((i + 1) * height), j * width..columns.min((j + 1) * width));
    });
}

/// Runs `work` on matching parts of `slices`, whose range it gets too, in parallel if it costs
/// enough multiply-adds.
///
/// # Panics
/// When the slices differ in length.
pub(crate) fn for_each_part<const N: usize>(
    slices: [&mut [f32]; N],
    cost: usize,
    work: impl Fn(Range<usize>, [&mut [f32]; N]) + Sync,
) {
    let len = slices.first().map_or(0, |slice| slice.len());
    assert!(slices.iter().all(|slice| slice.len() == len), "lengths differ");
    let slices = slices.map(Shared::new);
    for_each_range(len, cost, |range| {
        // SAFETY: ranges are disjoint and end at `len`.
        let parts = slices.each_ref().map(|slice| unsafe { slice.part(range.clone()) });
        work(range, parts);
    });
}

/// A slice that several threads write to, each to its own part.
pub(crate) struct Shared(*mut f32);

// SAFETY: its methods' callers promise that the parts are disjoint.
unsafe impl Sync for Shared {}

impl Shared {
    /// The slice must outlive this.
    pub(crate) fn new(slice: &mut [f32]) -> Self {
        Self(slice.as_mut_ptr())
    }

    /// # Safety
    /// `index` must lie within the slice.
    pub(crate) unsafe fn at(&self, index: usize) -> *mut f32 {
        // SAFETY: within the slice, as the caller promises.
        unsafe { self.0.add(index) }
    }

    /// # Safety
    /// `range` must lie within the slice, and nothing else may use that part meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the threads' parts are disjoint")]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [f32] {
        // SAFETY: within the slice, and unshared, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.at(range.start), range.len()) }
    }
}

fn threads_for(cost: usize) -> usize {
    if cost < MIN_COST { 1 } else { threads() }
}

/// The length of a part, and how many parts there are, when `0..len` is split into about `parts`.
fn split(len: usize, parts: usize) -> (usize, usize) {
    let step = len.div_ceil(parts.max(1)).next_multiple_of(LANES);
    (step, len.div_ceil(step.max(1)))
}

/// Runs `work` on every number below `parts`, each on another thread.
fn run(parts: usize, work: &(dyn Fn(usize) + Sync)) {
    let workers = if parts > 1 { WORKERS.try_lock() } else { Err(TryLockError::WouldBlock) };
    let mut workers = match workers {
        Ok(workers) => workers,
        Err(TryLockError::Poisoned(workers)) => workers.into_inner(),
        // Another thread uses the pool, or there is nothing to share.
        Err(TryLockError::WouldBlock) => return (0..parts).for_each(work),
    };
    while workers.len() + 1 < parts {
        let (index, offer) = (workers.len() + 1, Arc::new(Offer::default()));
        let worker = {
            let offer = Arc::clone(&offer);
            move || worker(index, &offer)
        };
        match thread::Builder::new().name(format!("gan-kernels-{index}")).spawn(worker) {
            Ok(worker) => workers.push(Worker { thread: worker.thread().clone(), offer }),
            Err(_) => return (0..parts).for_each(work),
        }
    }
    let workers = &workers[..parts - 1];

    #[expect(clippy::transmute_ptr_to_ptr, reason = "a cast cannot lengthen a lifetime")]
    // SAFETY: only the lifetime changes; `Wait` outlasts every use of the pointer.
    let shared: Work = unsafe { std::mem::transmute(std::ptr::from_ref(work)) };
    // SAFETY: we hold the lock, and no worker reads it before it takes an offer.
    unsafe { *TASK.work.get() = Some(shared) };
    TASK.left.store(workers.len(), Ordering::Relaxed);
    TASK.panicked.store(false, Ordering::Relaxed);
    let wait = Wait(workers);
    for worker in workers {
        worker.offer.0.store(true, Ordering::Release);
        worker.thread.unpark();
    }
    work(0);
    for (index, worker) in workers.iter().enumerate() {
        // A worker that has no processor now would keep us waiting.
        if worker.offer.take() {
            TASK.left.fetch_sub(1, Ordering::Relaxed);
            work(index + 1);
        }
    }
    drop(wait);
    if TASK.panicked.load(Ordering::Relaxed) {
        resume_unwind(Box::new("a worker thread panicked"));
    }
}

/// Withdraws, when dropped, what is still offered, and waits until no worker uses the work any more,
/// also in a panic.
struct Wait<'a>(&'a [Worker]);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let withdrawn = self.0.iter().filter(|worker| worker.offer.take()).count();
        TASK.left.fetch_sub(withdrawn, Ordering::Relaxed);
        let mut checks = 0;
        while TASK.left.load(Ordering::Acquire) > 0 {
            pause(&mut checks);
        }
    }
}

/// The loop of worker `index`.
fn worker(index: usize, offer: &Offer) {
    loop {
        let mut checks = 0;
        while !offer.take() {
            if checks < YIELD_LIMIT { pause(&mut checks) } else { thread::park() }
        }
        // SAFETY: the work was there before it was offered, and lives until `left` counts this part
        // as done.
        let work = unsafe { (*TASK.work.get()).map(|work| &*work) };
        if catch_unwind(AssertUnwindSafe(|| work.map(|work| work(index)))).is_err() {
            TASK.panicked.store(true, Ordering::Relaxed);
        }
        TASK.left.fetch_sub(1, Ordering::Release);
    }
}

fn pause(checks: &mut usize) {
    *checks += 1;
    if *checks < SPIN_LIMIT { spin_loop() } else { thread::yield_now() }
}

/// Runs `work` with another number of threads, for one test at a time.
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
mod tests;
