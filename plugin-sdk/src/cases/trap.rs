//! A panic of a plugin, as the host has it: a trap, which ends the exchange and has a text.

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use crate::{export::panic_text, one_line::one_line};

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What the call answers, or the text of its panic, which is not printed then.
///
/// What the call was about is not looked at any more but for what the plugin left with its host.
pub(super) fn catch<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    watch();
    IS_WATCHED.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(call));
    IS_WATCHED.set(false);
    done.map_err(|_| format!("trapped: {}", one_line(&TEXT.take())))
}

/// The text is told to the hook alone. There is one for all threads, so that of other tests goes on.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| match IS_WATCHED.get() {
            true => TEXT.set(panic_text(panic)),
            false => usual(panic),
        }));
    });
}
