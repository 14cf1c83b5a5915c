//! Where a guest's allocations come from: the allocator of Rust's standard library, with room that is there before
//! it asks the host for more.
//!
//! The library's own asks for a page of WebAssembly at its first allocation. So each new instance would grow while it
//! is configured, and the host would give access to those pages and take it away again before the next instance gets
//! the same memory: two system calls, a quarter of what a fresh instance for a hook call takes.
//!
//! A hook call allocates a few dozen names and values and frees them again. So small blocks that are freed stay on
//! [`Shelves`], by size, where taking one is a few instructions; the allocator would merge each with its neighbours,
//! to cut it off again for the next.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32::memory_grow,
    cell::{Cell, UnsafeCell},
    ptr,
};

use dlmalloc::{Allocator, Dlmalloc};

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Blocks {
    shelves: Shelves { shelves: [Shelf::EMPTY; SHELVES] },
    rest: Dlmalloc::new_with_allocator(Source { is_room_given: Cell::new(false) }),
}));

/// A static of its own, for it is nothing but zeros: they take no room in the module, and none in the host's memory
/// before they are written.
static ROOM: Room = Room(UnsafeCell::new([0; PAGE]));

/// Bytes of a page of WebAssembly: what the allocator asks for at least.
const PAGE: usize = 64 << 10;

struct Heap(UnsafeCell<Blocks>);

/// Aligned as the allocator's chunks are.
#[repr(align(16))]
struct Room(UnsafeCell<[u8; PAGE]>);

// SAFETY: a guest has one thread, and the allocator calls nothing that would allocate.
unsafe impl Sync for Heap {}

// SAFETY: the allocator alone uses it.
unsafe impl Sync for Room {}

// SAFETY: each block is of at least its layout's size and alignment, and is given to one caller at a time: it comes
// from a shelf, which it leaves, or from Dlmalloc, whose methods keep the contract of the trait's.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Blocks { shelves, rest } = unsafe { &mut *self.0.get() };
        match Shelves::place(layout) {
            Some(place) => match shelves.take(place) {
                Some(block) => block,
                None => unsafe { rest.malloc(Shelves::size(place), ALIGN) },
            },
            None => unsafe { rest.malloc(layout.size(), layout.align()) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Blocks { shelves, rest } = unsafe { &mut *self.0.get() };
        match Shelves::place(layout) {
            Some(place) if unsafe { shelves.put(place, pointer) } => {}
            Some(place) => unsafe { rest.free(pointer, Shelves::size(place), ALIGN) },
            None => unsafe { rest.free(pointer, layout.size(), layout.align()) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Shelves::place(layout).is_some() {
            let block = unsafe { self.alloc(layout) };
            if !block.is_null() {
                unsafe { block.write_bytes(0, layout.size()) };
            }
            return block;
        }
        unsafe { (*self.0.get()).rest.calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is that `size` makes a layout with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (Shelves::place(layout), Shelves::place(wanted)) {
            (None, None) => unsafe {
                (*self.0.get()).rest.realloc(pointer, layout.size(), layout.align(), size)
            },
            (before, after) if before == after => pointer,
            _ => unsafe {
                let block = self.alloc(wanted);
                if !block.is_null() {
                    block.copy_from_nonoverlapping(pointer, layout.size().min(size));
                    self.dealloc(pointer, layout);
                }
                block
            },
        }
    }
}

/// All that a guest allocates.
struct Blocks {
    shelves: Shelves,
    rest: Dlmalloc<Source>,
}

/// What the allocator aligns all of its blocks to.
const ALIGN: usize = 8;
/// Sizes of blocks on shelves are multiples of this.
const STEP: usize = 16;
/// Blocks of up to 256 bytes.
const SHELVES: usize = 16;
/// The most blocks that stay on a shelf. A guest that has once had as many of every size keeps 136 KiB of them; most
/// keep a few.
const ON_A_SHELF: u32 = 64;

/// Small blocks that were freed, by size.
struct Shelves {
    shelves: [Shelf; SHELVES],
}

/// A stack of blocks, each of which begins with where the next one is.
#[derive(Clone, Copy)]
struct Shelf {
    top: *mut u8,
    count: u32,
}

impl Shelves {
    /// Where blocks of this layout are, if they are small.
    fn place(layout: Layout) -> Option<usize> {
        let is_small = layout.size().wrapping_sub(1) < STEP * SHELVES && layout.align() <= ALIGN;
        is_small.then(|| (layout.size() - 1) / STEP)
    }

    /// How large the blocks of a shelf are.
    fn size(place: usize) -> usize {
        (place + 1) * STEP
    }

    fn take(&mut self, place: usize) -> Option<*mut u8> {
        let shelf = &mut self.shelves[place];
        if shelf.count == 0 {
            return None;
        }
        let block = shelf.top;
        shelf.count -= 1;
        // SAFETY: it was written by `put`, and nobody has had the block since.
        shelf.top = unsafe { block.cast::<*mut u8>().read() };
        Some(block)
    }

    /// Keeps a block, if there is room.
    ///
    /// # Safety
    /// Nobody uses the block any more, and it has the size of this shelf.
    unsafe fn put(&mut self, place: usize, block: *mut u8) -> bool {
        let shelf = &mut self.shelves[place];
        if shelf.count == ON_A_SHELF {
            return false;
        }
        // SAFETY: a block is large enough for a pointer, and aligned.
        unsafe { block.cast::<*mut u8>().write(shelf.top) };
        *shelf = Shelf { top: block, count: shelf.count + 1 };
        true
    }
}

impl Shelf {
    const EMPTY: Self = Self { top: ptr::null_mut(), count: 0 };
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
