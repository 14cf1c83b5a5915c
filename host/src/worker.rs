//! Which worker this thread is. Workers share nothing on the request path, so whatever is kept for
//! each of them (connections, instances) is an array with this as its index.

use std::cell::Cell;

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(0) };
}

/// This thread's index. Workers are 1 to N; the control thread, and a test's, is 0.
pub fn index() -> usize {
    INDEX.get()
}

/// Makes this thread worker `index`.
pub fn enter(index: usize) {
    INDEX.set(index);
}
