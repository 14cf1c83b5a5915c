//! Where a guest's allocations come from: the allocator of Rust's standard library, with room that is there before
//! it asks the host for more.
//!
//! The library's own asks for a page of WebAssembly at its first allocation. So each new instance would grow while it
//! is configured, and the host would give access to those pages and take it away again before the next instance gets
//! the same memory: two system calls, a quarter of what a fresh instance for a hook call takes.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32::memory_grow,
    cell::{Cell, UnsafeCell},
    ptr,
};

use dlmalloc::{Allocator, Dlmalloc};

#[global_allocator]
static HEAP: Heap =
    Heap(UnsafeCell::new(Dlmalloc::new_with_allocator(Source { is_room_given: Cell::new(false) })));

/// A static of its own, for it is nothing but zeros: they take no room in the module, and none in the host's memory
/// before they are written.
static ROOM: Room = Room(UnsafeCell::new([0; PAGE]));

/// Bytes of a page of WebAssembly: what the allocator asks for at least.
const PAGE: usize = 64 << 10;

struct Heap(UnsafeCell<Dlmalloc<Source>>);

/// Aligned as the allocator's chunks are.
#[repr(align(16))]
struct Room(UnsafeCell<[u8; PAGE]>);

// SAFETY: a guest has one thread, and the allocator calls nothing that would allocate.
unsafe impl Sync for Heap {}

// SAFETY: the allocator alone uses it.
unsafe impl Sync for Room {}

// SAFETY: Dlmalloc's methods keep the contract of the trait's; they say so themselves.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { (*self.0.get()).free(pointer, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { (*self.0.get()).realloc(pointer, layout.size(), layout.align(), size) }
    }
}

/// The room, and then what memory grows by. Nothing of it ever goes back.
struct Source {
    is_room_given: Cell<bool>,
}

// SAFETY: the room is given once, for there is one source, and what memory has grown by is nobody's.
unsafe impl Allocator for Source {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if size <= PAGE && !self.is_room_given.replace(true) {
            return (ROOM.0.get().cast(), PAGE, 0);
        }
        let pages = size.div_ceil(PAGE);
        match memory_grow::<0>(pages) {
            usize::MAX => (ptr::null_mut(), 0, 0),
            before => (ptr::without_provenance_mut(before * PAGE), pages * PAGE, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}
