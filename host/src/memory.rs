//! The allocator of the process, and what it gives back to the system.

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys as mimalloc;

/// mimalloc. Plugins and bodies allocate with every request; it is measured against the system's allocator in
/// benches/results. It is built without huge pages: a gateway without plugins takes 14 MiB so and 27 with
/// them, for the same CPU a request (benches/results/2026-11-26-steps.md).
///
/// The crate of that name asks for an alignment each time, and the search for a block that has it took half of an
/// allocation's 74 instructions, of which a plain request has 19 (benches/results/2026-11-27-steps.md). What is
/// aligned as it is, is asked for without.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allocator;

/// What mimalloc aligns all blocks to that are as large (`MI_MAX_ALIGN_SIZE` of its types.h), smaller ones to their
/// size.
const ALIGNED: usize = 16;

const fn is_aligned_anyway(size: usize, align: usize) -> bool {
    align <= ALIGNED && align <= size
}

// SAFETY: mimalloc's functions keep malloc's promises, from any thread: what they give is as large as asked, nobody
// else's until it is freed, and aligned as asked or as `is_aligned_anyway` says; `mi_free` and `mi_realloc` take what
// any of them gave. None of them unwinds.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: any size will do, and a layout's alignment is a power of two.
        unsafe {
            match is_aligned_anyway(size, align) {
                true => mimalloc::mi_malloc(size).cast(),
                false => mimalloc::mi_malloc_aligned(size, align).cast(),
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        unsafe {
            match is_aligned_anyway(size, align) {
                true => mimalloc::mi_zalloc(size).cast(),
                false => mimalloc::mi_zalloc_aligned(size, align).cast(),
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller has it from here.
        unsafe { mimalloc::mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: the caller has the block from here; else as in `alloc`.
        unsafe {
            match is_aligned_anyway(size, align) {
                true => mimalloc::mi_realloc(block.cast(), size).cast(),
                false => mimalloc::mi_realloc_aligned(block.cast(), size, align).cast(),
            }
        }
    }
}

/// A box that is filled where it is. `Box::new` makes the value on the stack and copies all of it, of a future also
/// the room for what it may come to hold.
#[inline(always)]
pub fn boxed<T>(make: impl FnOnce() -> T) -> Box<T> {
    Box::write(Box::new_uninit(), make())
}

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
        mimalloc::mi_collect(at_once);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of each size and alignment that is there is, as it is asked for and as it grows.
    #[test]
    #[allow(unsafe_code)]
    fn blocks_are_aligned_and_keep_what_is_in_them() {
        let sizes = (1..=130).chain([1000, 1024, 1025, 4096, 70_000]);
        for (size, shift) in sizes.flat_map(|size| (0..=8).map(move |shift| (size, shift))) {
            let layout = Layout::from_size_align(size, 1 << shift).unwrap();
            let is_aligned = |block: *mut u8| block.addr().is_multiple_of(layout.align());
            // SAFETY: no size is 0; each block is written and read within its size, and freed once.
            unsafe {
                // Three at once: the first of a page is aligned to more than it has to be.
                let blocks: [_; 3] = std::array::from_fn(|_| Allocator.alloc(layout));
                for block in blocks {
                    assert!(!block.is_null() && is_aligned(block), "{layout:?}");
                    block.write_bytes(7, size);
                    let larger = Allocator.realloc(block, layout, size + 9);
                    assert!(is_aligned(larger), "{layout:?} and 9 more");
                    let kept = std::slice::from_raw_parts(larger, size);
                    assert!(kept.iter().all(|byte| *byte == 7));
                    let grown = Layout::from_size_align(size + 9, layout.align()).unwrap();
                    Allocator.dealloc(larger, grown);
                }
                let zeroed = Allocator.alloc_zeroed(layout);
                assert!(is_aligned(zeroed), "{layout:?}");
                assert!(std::slice::from_raw_parts(zeroed, size).iter().all(|byte| *byte == 0));
                Allocator.dealloc(zeroed, layout);
            }
        }
    }
}
