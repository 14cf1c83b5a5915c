//! Which worker this thread is. Workers share nothing on the request path, so whatever is kept for
//! each of them (connections, instances) is an array with this as its index. And how its tasks take turns.

use std::{cell::Cell, future::poll_fn, mem, task::Poll};

thread_local! {
    static INDEX: Cell<usize> = const { Cell::new(0) };
    static BREAKS_OFF: Cell<bool> = const { Cell::new(false) };
}

/// This thread's index. Workers are 1 to N; the control thread, and a test's, is 0.
pub fn index() -> usize {
    INDEX.get()
}

/// Makes this thread worker `index`.
pub fn enter(index: usize) {
    INDEX.set(index);
}

/// From now on what this thread serves is dropped by ourselves, and not because its client has left.
pub fn break_off() {
    BREAKS_OFF.set(true);
}

/// Whether that is so.
pub fn is_breaking_off() -> bool {
    BREAKS_OFF.get()
}

/// Ready in this task's next turn, behind all other tasks of the thread that are ready by now. Whoever is about to
/// write waits for it, so that what has come in together goes out together.
///
/// A write that finds its reader asleep wakes it, which takes the sender some microseconds of CPU time (on a virtual
/// machine an interrupt to another core, or to the host), and the reader has done its work and sleeps again before
/// the next one comes. Written one behind the other, many wake it once; and the thread does the same kind of work
/// many times in a row, which its caches like. With 100 clients a chain of five plugins took 44 us of CPU for each
/// request instead of 56, and two plugins with fresh instances 65 instead of 95. A plain request took as much as
/// before, and with ten clients 0.4 us more, for the turns themselves.
pub async fn next_turn() {
    let mut is_next = false;
    poll_fn(|cx| {
        if mem::replace(&mut is_next, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::next_turn;

    #[tokio::test]
    async fn the_next_turn_comes_behind_whoever_is_ready() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks = ["one", "other"].map(|who| {
            let order = order.clone();
            tokio::spawn(async move {
                order.lock().unwrap().push((who, "reads"));
                next_turn().await;
                order.lock().unwrap().push((who, "writes"));
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        let expected =
            [("one", "reads"), ("other", "reads"), ("one", "writes"), ("other", "writes")];
        assert_eq!(*order.lock().unwrap(), expected);
    }
}
