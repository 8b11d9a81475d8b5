//! Exported functions of the templates.

use super::{borrow, free, guard, utf8, Buffer, Out};
use crate::error::{Code, Error};
use crate::template::{Clock, Dialect, Limits, Template};

#[repr(C)]
pub struct RequestedLimits {
    steps: u64,
    output_bytes: u64,
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_template_new(
    dialect: i32,
    source: *const u8,
    source_size: usize,
    compiled: *mut *mut Template,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(compiled, "compiled")?;
        let dialect = match dialect {
            0 => Dialect::Chat,
            1 => Dialect::Task,
            _ => {
                let message = format!("dialect: no dialect {dialect}");
                return Err(Error::new(Code::InvalidArgument, message));
            }
        };
        out.set_handle(Template::compile(dialect, utf8(source, source_size, "source")?)?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_template_free(compiled: *mut Template) {
    free(compiled);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_template_render(
    compiled: *const Template,
    context_json: *const u8,
    context_size: usize,
    clock: *const Clock,
    limits: *const RequestedLimits,
    text: *mut Buffer,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(text, "text")?;
        let template = borrow(compiled, "compiled")?;
        let context = utf8(context_json, context_size, "context_json")?;
        let clock = clock.as_ref().copied();
        if let Some(field) = clock.as_ref().and_then(Clock::bad_field) {
            let message = format!("clock: {field} is out of range");
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let mut bounds = Limits::default();
        if let Some(requested) = limits.as_ref() {
            if requested.steps > 0 {
                bounds.steps = requested.steps;
            }
            if requested.output_bytes > 0 {
                bounds.output_bytes = requested.output_bytes;
            }
        }
        out.set(template.render(context, clock, bounds)?.into());
        Ok(())
    })
}
