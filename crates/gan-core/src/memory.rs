//! Allocations whose size the input decides: an error where the system refuses, not an abort.

use thiserror::Error;

/// The system refused memory.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "{bytes} bytes of memory are needed and the system refuses them; free memory, raise the \
     process's limit (ulimit -v), or use less data"
)]
pub struct OutOfMemory {
    /// Bytes that were needed.
    pub bytes: usize,
}

/// An empty vector with room for exactly `count` values.
///
/// # Errors
/// When the system refuses the memory.
pub fn reserve<T>(count: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut values = Vec::new();
    let refused = |_| OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) };
    values.try_reserve_exact(count).map_err(refused)?;
    Ok(values)
}

/// Whether the system would provide this much now: for code that cannot report a failed
/// allocation, such as that of a tensor.
///
/// # Errors
/// When the system refuses the memory.
pub fn check(bytes: usize) -> Result<(), OutOfMemory> {
    // Not optimised away: the allocation itself is what is wanted.
    std::hint::black_box(reserve::<u8>(bytes)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_size_is_an_error_that_names_it() {
        let error = reserve::<f32>(usize::MAX / 8).unwrap_err();
        assert_eq!(error.bytes, usize::MAX / 8 * 4);
        assert!(error.to_string().starts_with(&format!("{} bytes of memory", error.bytes)));
        assert_eq!(check(usize::MAX), Err(OutOfMemory { bytes: usize::MAX }));
        assert_eq!(check(1 << 20), Ok(()));
        assert!(reserve::<u8>(100).unwrap().capacity() >= 100);
    }
}
