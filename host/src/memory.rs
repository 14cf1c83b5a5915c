//! The allocator of the process, and what it gives back to the system.

/// Plugins and bodies allocate with every request; it is measured against the system's allocator in
/// benches/results. It is built without huge pages: a gateway without plugins takes 14 MiB so and 27 with
/// them, for the same CPU a request (benches/results/2026-11-26-steps.md).
pub type Allocator = mimalloc::MiMalloc;

/// Gives back at once what is free: after a load, all that reading and compiling took.
pub fn give_back() {
    collect(true);
}

/// Gives back what has been free for a second. The allocator would do so by itself only with later work, of
/// which an idle gateway has none.
pub fn give_back_unused() {
    collect(false);
}

/// Where the process has another allocator this does nothing.
fn collect(at_once: bool) {
    // SAFETY: it may be called at any time, from any thread (mimalloc.h), and looks at this thread's own heap
    // and at pages that nobody owns.
    #[allow(unsafe_code)]
    unsafe {
        libmimalloc_sys::mi_collect(at_once);
    }
}
