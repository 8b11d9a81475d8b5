//! `str()` and `repr()` as Python writes them.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use regex::Regex;

/// Values that a template nests more deeply are not printed.
pub const MAX_NESTING: usize = 500;

pub fn too_deep() -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("values nested more than {MAX_NESTING} deep"))
}

pub fn str(value: &Value) -> Result<Cow<'_, str>, Error> {
    match value.as_str() {
        Some(text) => Ok(Cow::Borrowed(text)),
        None if value.is_undefined() => Ok(Cow::Borrowed("")),
        None => repr(value).map(Cow::Owned),
    }
}

pub fn repr(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    write_repr(&mut out, value, MAX_NESTING)?;
    Ok(out)
}

fn write_repr(out: &mut String, value: &Value, depth_left: usize) -> Result<(), Error> {
    let deeper = depth_left.checked_sub(1).ok_or_else(too_deep)?;
    match value.kind() {
        ValueKind::String => write_str_repr(out, value.as_str().unwrap_or_default()),
        ValueKind::Number if !value.is_integer() => {
            out.push_str(&float(f64::try_from(value.clone())?))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let tuple = value.is_tuple();
            out.push(if tuple { '(' } else { '[' });
            let mut count = 0;
            for item in value.try_iter()? {
                if count > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &item, deeper)?;
                count += 1;
            }
            if tuple && count == 1 {
                out.push(',');
            }
            out.push(if tuple { ')' } else { ']' });
        }
        ValueKind::Map => {
            out.push('{');
            for (index, key) in value.try_iter()?.enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &key, deeper)?;
                out.push_str(": ");
                write_repr(out, &value.get_item(&key)?, deeper)?;
            }
            out.push('}');
        }
        ValueKind::Undefined => out.push_str("Undefined"),
        _ => write!(out, "{value}").expect("writing to a string"),
    }
    Ok(())
}

/// `repr(float)`: the shortest digits that read back, with an exponent outside 1e-4 … 1e16.
pub fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    // Rust's debug form switches at the same magnitudes, but writes 1e16 for Python's 1e+16.
    let text = format!("{number:?}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

fn write_str_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => {
                let code = c as u32;
                match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                }
                .expect("writing to a string");
            }
        }
    }
    out.push(quote);
}

/// `str.isprintable` of one character: no Other and no Separator category but the ASCII blank.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    static HIDDEN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\p{C}|\p{Z}").expect("a constant pattern"));
    !HIDDEN.is_match(c.encode_utf8(&mut [0; 4]))
}
