//! The error that every fallible part of the bridge returns.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// Closed set of causes; the numbers are those of `anemone_bridge_code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    Ok = 0,
    InvalidArgument = 1,
    InvalidData = 2,
    Io = 3,
    #[cfg_attr(feature = "parquet", allow(dead_code))]
    Unsupported = 4,
    Raised = 5,
    Render = 6,
    Limit = 7,
    Internal = 8,
}

#[derive(Clone, Debug)]
pub struct Error {
    pub code: Code,
    pub message: String,
    /// 1-based line of the template or JSON text, 0 when there is none.
    pub line: u32,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), line: 0 }
    }

    pub fn at_line(mut self, line: usize) -> Self {
        self.line = u32::try_from(line).unwrap_or(u32::MAX);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.message)
    }
}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body` and turns a panic into its message. Nothing is printed: the panic hook stays silent
/// on a thread that is inside this function.
pub fn catch<T>(body: impl FnOnce() -> T) -> std::result::Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CATCHING.get() {
                previous(info);
            }
        }));
    });
    let outer = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    CATCHING.set(outer);
    result.map_err(|panic| panic_message(panic.as_ref()))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
