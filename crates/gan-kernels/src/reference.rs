//! Burn's own operations in place of this crate's, for tests and benchmarks.

use std::cell::Cell;

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with Burn's own operations in place of those of this crate.
pub fn with_reference<T>(work: impl FnOnce() -> T) -> T {
    /// Restores the last state, also in a panic.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ACTIVE.set(self.0);
        }
    }
    let _restore = Restore(ACTIVE.replace(true));
    work()
}

/// Whether this thread is inside [`with_reference`].
pub fn is_active() -> bool {
    ACTIVE.get()
}
