//! Which processors this process may use, and keeping a thread on some of them.

/// The processors that this process may use.
#[cfg(target_os = "linux")]
pub fn processors() -> Vec<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let set = sched_getaffinity(None).unwrap_or_default();
    let found: Vec<_> = (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect();
    if found.is_empty() { vec![0] } else { found }
}

#[cfg(not(target_os = "linux"))]
pub fn processors() -> Vec<usize> {
    (0..std::thread::available_parallelism().map_or(1, usize::from)).collect()
}

/// Keeps this thread, and the processes that it starts, on these processors.
#[cfg(target_os = "linux")]
pub fn stay_on(processors: &[usize]) {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    for &processor in processors {
        set.set(processor);
    }
    // They only run slower elsewhere.
    let _ = sched_setaffinity(None, &set);
}

#[cfg(not(target_os = "linux"))]
pub fn stay_on(_processors: &[usize]) {}
