//! Exported functions of the rows; without the cargo feature `parquet` they say so.

use super::{Buffer, Error};

#[cfg(feature = "parquet")]
mod reading {
    use super::super::{borrow, borrow_mut, bytes, free, guard, utf8, Out};
    use super::*;
    use crate::error::{Code, Result};
    use crate::rows::{Format, Rows};

    fn format_of(number: i32) -> Result<Format> {
        match number {
            0 => Ok(Format::Parquet),
            1 => Ok(Format::ArrowStream),
            _ => Err(Error::new(Code::InvalidArgument, format!("format: no format {number}"))),
        }
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_open(
        format: i32,
        path: *const u8,
        path_size: usize,
        rows: *mut *mut Rows,
        error: *mut *mut Error,
    ) -> i32 {
        guard(error, || {
            let out = Out::new(rows, "rows")?;
            out.set_handle(Rows::open(format_of(format)?, utf8(path, path_size, "path")?)?);
            Ok(())
        })
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_open_bytes(
        format: i32,
        content: *const u8,
        content_size: usize,
        rows: *mut *mut Rows,
        error: *mut *mut Error,
    ) -> i32 {
        guard(error, || {
            let out = Out::new(rows, "rows")?;
            let content = bytes(content, content_size, "bytes")?;
            out.set_handle(Rows::open_bytes(format_of(format)?, content)?);
            Ok(())
        })
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_count(rows: *const Rows) -> i64 {
        let count = rows.as_ref().and_then(Rows::count);
        count.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1)
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_schema(
        rows: *const Rows,
        json: *mut Buffer,
        error: *mut *mut Error,
    ) -> i32 {
        guard(error, || {
            let out = Out::new(json, "json")?;
            out.set(borrow(rows, "rows")?.schema_json().into());
            Ok(())
        })
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_next(
        rows: *mut Rows,
        jsonl: *mut Buffer,
        row_count: *mut usize,
        error: *mut *mut Error,
    ) -> i32 {
        guard(error, || {
            let (text, count) = (Out::new(jsonl, "jsonl")?, Out::new(row_count, "row_count")?);
            let (lines, rows) = borrow_mut(rows, "rows")?.next_lines()?;
            text.set(lines.into());
            count.set(rows);
            Ok(())
        })
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_free(rows: *mut Rows) {
        free(rows);
    }
}

#[cfg(not(feature = "parquet"))]
mod absent {
    use super::super::guard;
    use super::*;
    use crate::error::Code;
    use std::ffi::c_void;

    unsafe fn refuse(error: *mut *mut Error) -> i32 {
        guard(error, || {
            Err(Error::new(Code::Unsupported, "this build reads no Parquet and no Arrow files"))
        })
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_open(
        _: i32,
        _: *const u8,
        _: usize,
        _: *mut *mut c_void,
        error: *mut *mut Error,
    ) -> i32 {
        refuse(error)
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_open_bytes(
        _: i32,
        _: *const u8,
        _: usize,
        _: *mut *mut c_void,
        error: *mut *mut Error,
    ) -> i32 {
        refuse(error)
    }

    #[no_mangle]
    pub extern "C" fn anemone_bridge_rows_count(_: *const c_void) -> i64 {
        -1
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_schema(
        _: *const c_void,
        _: *mut Buffer,
        error: *mut *mut Error,
    ) -> i32 {
        refuse(error)
    }

    /// # Safety
    /// As the header says.
    #[no_mangle]
    pub unsafe extern "C" fn anemone_bridge_rows_next(
        _: *mut c_void,
        _: *mut Buffer,
        _: *mut usize,
        error: *mut *mut Error,
    ) -> i32 {
        refuse(error)
    }

    #[no_mangle]
    pub extern "C" fn anemone_bridge_rows_free(_: *mut c_void) {}
}
