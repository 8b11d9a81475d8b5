//! Filters, tests and functions where Jinja differs from the engine.

use std::borrow::Cow;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use super::dump_json::{dump, Style};
use super::regex_replace::regex_replace;
use super::{python_text, str_methods, Raised};

pub fn add_shared(environment: &mut Environment<'static>) {
    environment.add_filter("string", string);
    environment.add_filter("join", join);
    environment.add_filter("trim", trim);
    environment.add_filter("length", length);
    environment.add_filter("count", length);
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("capitalize", |value: &Value| {
        Ok::<_, Error>(str_methods::capitalize(&python_text::str(value)?))
    });
    environment.add_filter("e", escape);
    environment.add_filter("escape", escape);
    environment.add_test("sequence", |value: &Value| {
        use ValueKind::{Iterable, Map, Seq, String, Undefined};
        matches!(value.kind(), Undefined | String | Seq | Iterable | Map)
    });
}

pub fn add_chat(environment: &mut Environment<'static>) {
    environment.add_filter("tojson", chat_tojson);
    environment.add_function("raise_exception", |message: &Value| -> Result<Value, Error> {
        let message = python_text::str(message)?.into_owned();
        Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(Raised(message)))
    });
}

pub fn add_task(environment: &mut Environment<'static>) {
    environment.add_filter("tojson", task_tojson);
    environment.add_filter("regex_replace", regex_replace);
}

pub fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// Strict templates may not use an undefined value where lenient ones take it for nothing.
fn check_defined(state: &State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    Ok(())
}

fn string(state: &State, value: &Value) -> Result<Value, Error> {
    check_defined(state, value)?;
    Ok(Value::from(python_text::str(value)?))
}

fn trim(state: &State, value: &Value, chars: Option<&str>) -> Result<Value, Error> {
    check_defined(state, value)?;
    Ok(Value::from(str_methods::strip(&python_text::str(value)?, chars, true, true)))
}

/// HTML escapes as MarkupSafe writes them.
fn escape(state: &State, value: &Value) -> Result<Value, Error> {
    check_defined(state, value)?;
    if value.is_safe() {
        return Ok(value.clone());
    }
    let mut safe = String::new();
    for c in python_text::str(value)?.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\'' => safe.push_str("&#39;"),
            '"' => safe.push_str("&#34;"),
            c => safe.push(c),
        }
    }
    Ok(Value::from_safe_string(safe))
}

fn length(state: &State, value: &Value) -> Result<usize, Error> {
    check_defined(state, value)?;
    match value.len() {
        Some(length) => Ok(length),
        None if value.is_undefined() => Ok(0),
        None if value.kind() == ValueKind::Iterable => Ok(value.try_iter()?.count()),
        None => Err(invalid(format!("a {} has no length", value.kind()))),
    }
}

fn join(
    state: &State,
    value: &Value,
    separator: Option<&Value>,
    attribute: Option<&Value>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    check_defined(state, value)?;
    let separator = match separator {
        Some(separator) => Some(separator.clone()),
        None => kwargs.get::<Option<Value>>("d")?,
    };
    let attribute = match attribute {
        Some(attribute) => Some(attribute.clone()),
        None => kwargs.get::<Option<Value>>("attribute")?,
    };
    kwargs.assert_all_used()?;
    let separator = match &separator {
        Some(separator) => python_text::str(separator)?,
        None => Cow::Borrowed(""),
    };
    let mut out = String::new();
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            out.push_str(&separator);
        }
        let item = match &attribute {
            Some(attribute) => attribute_of(&item, attribute)?,
            None => item,
        };
        out.push_str(&python_text::str(&item)?);
    }
    Ok(out)
}

fn attribute_of(item: &Value, attribute: &Value) -> Result<Value, Error> {
    let Some(path) = attribute.as_str() else { return item.get_item(attribute) };
    let mut current = item.clone();
    for part in path.split('.') {
        current = match part.parse::<usize>() {
            Ok(index) => current.get_item(&Value::from(index))?,
            Err(_) => current.get_attr(part)?,
        };
    }
    Ok(current)
}

/// Jinja's `int`: what cannot be converted gives the default, 0 unless said otherwise.
fn int(
    state: &State,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    check_defined(state, value)?;
    let default = match default {
        Some(default) => default,
        None => kwargs.get::<Option<Value>>("default")?.unwrap_or_else(|| Value::from(0)),
    };
    let base = match base {
        Some(base) => base,
        None => kwargs.get::<Option<u32>>("base")?.unwrap_or(10),
    };
    kwargs.assert_all_used()?;
    let from_float = |number: f64| {
        if number.is_finite() {
            Value::from(number as i128)
        } else {
            default.clone()
        }
    };
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        ValueKind::Number if value.is_integer() => value.clone(),
        ValueKind::Number => f64::try_from(value.clone()).map_or(default.clone(), from_float),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            match python_int(text, base) {
                Some(number) => Value::from(number),
                None => python_float(text).map_or(default.clone(), from_float),
            }
        }
        _ => default,
    })
}

fn float(
    state: &State,
    value: &Value,
    default: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    check_defined(state, value)?;
    let default = match default {
        Some(default) => default,
        None => kwargs.get::<Option<Value>>("default")?.unwrap_or_else(|| Value::from(0.0)),
    };
    kwargs.assert_all_used()?;
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(if value.is_true() { 1.0 } else { 0.0 }),
        ValueKind::Number => f64::try_from(value.clone()).map_or(default, Value::from),
        ValueKind::String => {
            python_float(value.as_str().unwrap_or_default()).map_or(default, Value::from)
        }
        _ => default,
    })
}

/// `int(text, base)`: blanks around and single underscores between digits are allowed.
fn python_int(text: &str, base: u32) -> Option<i128> {
    let text = str_methods::strip(text, None, true, true);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        3..=36 => "",
        _ => return None,
    };
    let digits = match digits.get(..prefix.len()) {
        Some(found) if !prefix.is_empty() && found.eq_ignore_ascii_case(prefix) => {
            &digits[prefix.len()..]
        }
        _ => digits,
    };
    let number = i128::from_str_radix(&plain_digits(digits)?, base).ok()?;
    Some(if negative { -number } else { number })
}

/// The digits without their underscores; `None` when an underscore or a sign stands wrongly.
fn plain_digits(digits: &str) -> Option<String> {
    let misplaced = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if misplaced || digits.starts_with(['+', '-']) {
        return None;
    }
    Some(digits.replace('_', ""))
}

fn python_float(text: &str) -> Option<f64> {
    let text = str_methods::strip(text, None, true, true);
    let misplaced = text
        .split('_')
        .enumerate()
        .any(|(index, part)| index > 0 && !part.starts_with(|c: char| c.is_ascii_digit()))
        || text.split('_').rev().skip(1).any(|part| !part.ends_with(|c: char| c.is_ascii_digit()));
    if misplaced {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// transformers' filter: `json.dumps(x, ensure_ascii, indent, separators, sort_keys)`.
fn chat_tojson(
    value: &Value,
    ensure_ascii: Option<bool>,
    indent: Option<Value>,
    separators: Option<Value>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let ensure_ascii = match ensure_ascii {
        Some(given) => given,
        None => kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
    };
    let indent = match indent {
        Some(given) => Some(given),
        None => kwargs.get("indent")?,
    };
    let separators = match separators {
        Some(given) => Some(given),
        None => kwargs.get::<Option<Value>>("separators")?,
    };
    let sort_keys = kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let mut style = Style::new(ensure_ascii, indentation(indent)?, sort_keys);
    if let Some(pair) = separators.filter(|pair| !pair.is_none()) {
        let parts: Vec<Value> = pair.try_iter()?.collect();
        let [item, key] = parts.as_slice() else {
            return Err(invalid("tojson: separators must be (item, key)".to_owned()));
        };
        style.item_separator = python_text::str(item)?.into_owned();
        style.key_separator = python_text::str(key)?.into_owned();
    }
    dump(value, &style)
}

fn indentation(indent: Option<Value>) -> Result<Option<String>, Error> {
    const MAX_INDENT: usize = 64;
    let Some(indent) = indent.filter(|indent| !indent.is_none()) else { return Ok(None) };
    if let Some(text) = indent.as_str() {
        return Ok(Some(text.to_owned()));
    }
    let width = i64::try_from(indent)?.max(0) as usize;
    if width > MAX_INDENT {
        return Err(invalid(format!("tojson: an indent of {width} is above {MAX_INDENT}")));
    }
    Ok(Some(" ".repeat(width)))
}

/// Jinja's own filter: keys sorted, ASCII only, safe inside HTML.
fn task_tojson(value: &Value, indent: Option<Value>, kwargs: Kwargs) -> Result<String, Error> {
    let indent = match indent {
        Some(given) => Some(given),
        None => kwargs.get("indent")?,
    };
    kwargs.assert_all_used()?;
    let text = dump(value, &Style::new(true, indentation(indent)?, true))?;
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\'' => safe.push_str("\\u0027"),
            c => safe.push(c),
        }
    }
    Ok(safe)
}
