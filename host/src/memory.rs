//! The allocator of the process, and what it gives back to the system.

/// Plugins and bodies allocate with every request; it is measured against the system's allocator in
/// benches/results. It is built without huge pages: a gateway without plugins takes 14 MiB so and 27 with
/// them, for the same CPU a request (benches/results/2026-11-26-steps.md).
pub type Allocator = mimalloc::MiMalloc;

/// Gives back what is free. After a load that is what reading and compiling took. The allocator would do so
/// by itself only with later work, of which an idle gateway has none. Where the process has another allocator
/// this does nothing.
pub fn give_back() {
    // SAFETY: it may be called at any time, from any thread (mimalloc.h), and looks at this thread's own heap
    // and at pages that nobody owns.
    #[allow(unsafe_code)]
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}
