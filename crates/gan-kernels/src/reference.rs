//! Plain Burn in place of what this crate does better, to be compared with it.

use std::cell::Cell;

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with Burn's own operations for everything that this crate has a faster form
/// of: the reference that tests and benches hold it against.
pub fn with_reference<T>(work: impl FnOnce() -> T) -> T {
    /// Ends it, also in a panic.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            ON.set(self.0);
        }
    }
    let _before = Before(ON.replace(true));
    work()
}

/// Whether this thread is within [`with_reference`].
#[must_use]
pub fn is_active() -> bool {
    ON.get()
}
