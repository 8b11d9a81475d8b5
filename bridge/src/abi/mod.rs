//! The exported functions and what they share: panics, pointers and buffers.

pub mod digest;
pub mod grammar;
pub mod rows;
pub mod template;
pub mod tokenizer;

use std::ptr;

use crate::error::{catch, Code, Error, Result};

/// Version of the interface; see the header.
const VERSION: u32 = 1;

#[repr(C)]
pub struct Buffer {
    pub data: *mut u8,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    pub data: *const u8,
    pub size: usize,
}

/// Runs the body of an exported function: a panic or an error becomes a code and a stored error.
///
/// # Safety
/// `error` is null or valid for writing a pointer.
unsafe fn guard(error: *mut *mut Error, body: impl FnOnce() -> Result<()>) -> i32 {
    let outcome = catch(body).unwrap_or_else(|panic| {
        Err(Error::new(Code::Internal, format!("the bridge panicked: {panic}")))
    });
    match outcome {
        Ok(()) => Code::Ok as i32,
        Err(failure) => {
            let code = failure.code as i32;
            if !error.is_null() {
                error.write(Box::into_raw(Box::new(failure)));
            }
            code
        }
    }
}

/// Frees a handle; a destructor that panics leaks instead of crossing the boundary.
///
/// # Safety
/// `handle` is null or came from `Box::into_raw` and is not used again.
unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        let _ = catch(|| drop(Box::from_raw(handle)));
    }
}

fn null(what: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("{what} is null"))
}

/// # Safety
/// `data` is null or valid for reads of `size` bytes during the lifetime chosen by the caller.
unsafe fn bytes<'a>(data: *const u8, size: usize, what: &str) -> Result<&'a [u8]> {
    items(data, size, what)
}

/// # Safety
/// As [`bytes`], for `count` values of `T`.
unsafe fn items<'a, T>(data: *const T, count: usize, what: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    check_items(data, count, what)?;
    Ok(std::slice::from_raw_parts(data, count))
}

/// # Safety
/// As [`items`]; nobody else uses them meanwhile.
unsafe fn items_mut<'a, T>(data: *mut T, count: usize, what: &str) -> Result<&'a mut [T]> {
    if count == 0 {
        return Ok(&mut []);
    }
    check_items(data, count, what)?;
    Ok(std::slice::from_raw_parts_mut(data, count))
}

fn check_items<T>(data: *const T, count: usize, what: &str) -> Result<()> {
    if data.is_null() {
        return Err(null(what));
    }
    let size = count.checked_mul(size_of::<T>());
    if !data.is_aligned() || size.is_none_or(|n| n > isize::MAX as usize) {
        let message = format!("{what}: {count} items at a misaligned or impossible address");
        return Err(Error::new(Code::InvalidArgument, message));
    }
    Ok(())
}

/// # Safety
/// As [`bytes`].
unsafe fn utf8<'a>(data: *const u8, size: usize, what: &str) -> Result<&'a str> {
    std::str::from_utf8(bytes(data, size, what)?).map_err(|e| {
        Error::new(
            Code::InvalidArgument,
            format!("{what} is not UTF-8: bad byte at offset {}", e.valid_up_to()),
        )
    })
}

/// # Safety
/// `handle` is null or a live handle of this type.
unsafe fn borrow<'a, T>(handle: *const T, what: &str) -> Result<&'a T> {
    handle.as_ref().ok_or_else(|| null(what))
}

/// # Safety
/// `handle` is null or a live handle of this type that no other thread uses.
unsafe fn borrow_mut<'a, T>(handle: *mut T, what: &str) -> Result<&'a mut T> {
    handle.as_mut().ok_or_else(|| null(what))
}

/// An out parameter that was checked before any work is done.
struct Out<T>(*mut T);

impl<T> Out<T> {
    fn new(target: *mut T, what: &str) -> Result<Self> {
        if target.is_null() {
            return Err(null(what));
        }
        Ok(Self(target))
    }

    /// # Safety
    /// The pointer given to `new` is valid for writing one `T`.
    unsafe fn set(self, value: T) {
        self.0.write(value);
    }
}

impl<T> Out<*mut T> {
    /// # Safety
    /// As [`Out::set`].
    unsafe fn set_handle(self, value: T) {
        self.set(Box::into_raw(Box::new(value)));
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self { data: ptr::null_mut(), size: 0 };
        }
        let boxed = bytes.into_boxed_slice();
        let size = boxed.len();
        Self { data: Box::into_raw(boxed).cast(), size }
    }
}

impl From<String> for Buffer {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

#[no_mangle]
pub extern "C" fn anemone_bridge_version() -> u32 {
    VERSION
}

/// # Safety
/// `buffer` is null or holds what a bridge function stored there, not yet freed.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_buffer_free(buffer: *mut Buffer) {
    let Some(buffer) = buffer.as_mut() else { return };
    if !buffer.data.is_null() {
        drop(Box::from_raw(ptr::slice_from_raw_parts_mut(buffer.data, buffer.size)));
    }
    *buffer = Buffer { data: ptr::null_mut(), size: 0 };
}

/// # Safety
/// `error` is null or a live error.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_error_code(error: *const Error) -> i32 {
    error.as_ref().map_or(Code::Ok as i32, |e| e.code as i32)
}

/// # Safety
/// `error` is null or a live error.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_error_message(error: *const Error) -> Text {
    match error.as_ref() {
        Some(e) => Text { data: e.message.as_ptr(), size: e.message.len() },
        None => Text { data: ptr::null(), size: 0 },
    }
}

/// # Safety
/// `error` is null or a live error.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_error_line(error: *const Error) -> u32 {
    error.as_ref().map_or(0, |e| e.line)
}

/// # Safety
/// `error` is null or a live error, not used again.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_error_free(error: *mut Error) {
    free(error);
}
