//! Methods of Python's `str` that the engine's own set lacks or does otherwise.

use std::sync::LazyLock;

use minijinja::value::{from_args, Kwargs, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use regex::Regex;

/// `str.isspace` of one character: Unicode blanks and the ASCII separators 0x1c to 0x1f.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

pub fn strip<'a>(text: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    let drop = |c: char| chars.map_or_else(|| is_space(c), |set| set.contains(c));
    let text = if left { text.trim_start_matches(drop) } else { text };
    if right {
        text.trim_end_matches(drop)
    } else {
        text
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// `None` when this module does not know the method.
pub fn call(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let Some(text) = value.as_str() else { return Ok(None) };
    let result = match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            Value::from(strip(text, chars, method != "rstrip", method != "lstrip"))
        }
        "split" | "rsplit" => {
            let (separator, limit) = split_arguments(args)?;
            let parts = split(text, separator.as_deref(), limit, method == "rsplit")?;
            Value::from(parts.into_iter().map(Value::from).collect::<Vec<_>>())
        }
        "splitlines" => {
            let (keep_ends,): (Option<bool>,) = from_args(args)?;
            Value::from(split_lines(text, keep_ends.unwrap_or(false)))
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            partition(text, separator, method == "rpartition")?
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "find" | "rfind" | "index" | "rindex" => {
            let (what, begin, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
            let found = find(text, what, begin, end, method.starts_with('r'));
            match found {
                Some(position) => Value::from(position),
                None if method.ends_with("find") => Value::from(-1),
                None => return Err(invalid("substring not found")),
            }
        }
        "count" => {
            let (what, begin, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
            let (_, part) = slice(text, begin, end);
            Value::from(match what {
                "" => part.chars().count() + 1,
                _ => part.matches(what).count(),
            })
        }
        "startswith" | "endswith" => {
            let (affixes, begin, end): (&Value, Option<i64>, Option<i64>) = from_args(args)?;
            let (_, part) = slice(text, begin, end);
            Value::from(has_affix(part, affixes, method == "startswith")?)
        }
        "swapcase" => {
            let () = from_args(args)?;
            Value::from(text.chars().flat_map(swap_case).collect::<String>())
        }
        "casefold" => {
            let () = from_args(args)?;
            Value::from(text.to_lowercase().replace('ß', "ss"))
        }
        "capitalize" => {
            let () = from_args(args)?;
            Value::from(capitalize(text))
        }
        "title" => {
            let () = from_args(args)?;
            Value::from(title(text))
        }
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            Value::from(zfill(text, width)?)
        }
        "ljust" | "rjust" | "center" => {
            let (width, fill): (usize, Option<char>) = from_args(args)?;
            Value::from(justify(text, width, fill.unwrap_or(' '), method)?)
        }
        "isspace" => {
            let () = from_args(args)?;
            Value::from(!text.is_empty() && text.chars().all(is_space))
        }
        "isdecimal" => {
            let () = from_args(args)?;
            Value::from(!text.is_empty() && text.chars().all(is_decimal))
        }
        "isdigit" => {
            let () = from_args(args)?;
            Value::from(!text.is_empty() && text.chars().all(|c| is_decimal(c) || is_raised(c)))
        }
        _ => return Ok(None),
    };
    Ok(Some(result))
}

fn split_arguments(args: &[Value]) -> Result<(Option<String>, Option<usize>), Error> {
    let (separator, limit, kwargs): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
    let separator = match separator {
        Some(separator) => Some(separator),
        None => kwargs.get("sep")?,
    };
    let limit: Option<i64> = match limit {
        Some(limit) => Some(limit),
        None => kwargs.get("maxsplit")?,
    };
    kwargs.assert_all_used()?;
    let separator = match separator {
        None => None,
        Some(value) if value.is_none() => None,
        Some(value) => {
            let text =
                value.as_str().ok_or_else(|| invalid("split: the separator is no string"))?;
            Some(text.to_owned())
        }
    };
    Ok((separator, limit.and_then(|n| usize::try_from(n).ok())))
}

fn split<'a>(
    text: &'a str,
    separator: Option<&str>,
    limit: Option<usize>,
    from_right: bool,
) -> Result<Vec<&'a str>, Error> {
    if separator == Some("") {
        return Err(invalid("empty separator"));
    }
    let pieces = limit.map_or(usize::MAX, |n| n.saturating_add(1));
    if let Some(separator) = separator {
        if !from_right {
            return Ok(text.splitn(pieces, separator).collect());
        }
        let mut parts: Vec<_> = text.rsplitn(pieces, separator).collect();
        parts.reverse();
        return Ok(parts);
    }
    let mut parts = Vec::new();
    let mut rest = strip(text, None, !from_right, from_right);
    while !rest.is_empty() {
        if parts.len() + 1 == pieces {
            // The last piece keeps the blanks at its far end.
            parts.push(rest);
            break;
        }
        if from_right {
            let cut = rest
                .rfind(is_space)
                .map_or(0, |at| at + rest[at..].chars().next().map_or(0, char::len_utf8));
            parts.push(&rest[cut..]);
            rest = strip(&rest[..cut], None, false, true);
        } else {
            let cut = rest.find(is_space).unwrap_or(rest.len());
            parts.push(&rest[..cut]);
            rest = strip(&rest[cut..], None, true, false);
        }
    }
    if from_right {
        parts.reverse();
    }
    Ok(parts)
}

fn split_lines(text: &str, keep_ends: bool) -> Vec<Value> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("([^\n\r\u{b}\u{c}\u{1c}-\u{1e}\u{85}\u{2028}\u{2029}]*)(\r\n|[\n\r\u{b}\u{c}\u{1c}-\u{1e}\u{85}\u{2028}\u{2029}]|$)")
            .expect("a constant pattern")
    });
    LINE.captures_iter(text)
        .filter(|line| !line[0].is_empty())
        .map(|line| Value::from(if keep_ends { &line[0] } else { &line[1] }))
        .collect()
}

fn partition(text: &str, separator: &str, from_right: bool) -> Result<Value, Error> {
    if separator.is_empty() {
        return Err(invalid("empty separator"));
    }
    let found = if from_right { text.rsplit_once(separator) } else { text.split_once(separator) };
    let parts = match found {
        Some((before, after)) => [before, separator, after],
        None if from_right => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// The characters from `begin` to `end` as a Python slice, with the index of the first one.
fn slice(text: &str, begin: Option<i64>, end: Option<i64>) -> (usize, &str) {
    if begin.is_none() && end.is_none() {
        return (0, text);
    }
    let count = text.chars().count() as i64;
    let clamp = |position: i64| {
        let absolute = if position < 0 { position + count } else { position };
        absolute.clamp(0, count) as usize
    };
    let first = clamp(begin.unwrap_or(0));
    let last = clamp(end.unwrap_or(count)).max(first);
    let byte_at = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    (first, &text[byte_at(first)..byte_at(last)])
}

fn find(
    text: &str,
    what: &str,
    begin: Option<i64>,
    end: Option<i64>,
    from_right: bool,
) -> Option<usize> {
    let (first, part) = slice(text, begin, end);
    let byte = if from_right { part.rfind(what) } else { part.find(what) }?;
    Some(first + part[..byte].chars().count())
}

fn has_affix(text: &str, affixes: &Value, at_start: bool) -> Result<bool, Error> {
    let one = |affix: &Value| match affix.as_str() {
        Some(affix) if at_start => Ok(text.starts_with(affix)),
        Some(affix) => Ok(text.ends_with(affix)),
        None => Err(invalid("startswith and endswith take a string or a tuple of strings")),
    };
    if affixes.kind() != ValueKind::Seq {
        return one(affixes);
    }
    for affix in affixes.try_iter()? {
        if one(&affix)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn swap_case(c: char) -> Vec<char> {
    if c.is_uppercase() {
        c.to_lowercase().collect()
    } else {
        c.to_uppercase().collect()
    }
}

pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let rest = chars.as_str().to_lowercase();
    first.to_uppercase().chain(rest.chars()).collect()
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_word = false;
    for c in text.chars() {
        if in_word {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        in_word = c.is_uppercase() || c.is_lowercase();
    }
    out
}

/// Widths come from the template: more than this is a mistake or an attack.
const MAX_WIDTH: usize = 1 << 20;

fn padding(text: &str, width: usize) -> Result<usize, Error> {
    if width > MAX_WIDTH {
        return Err(invalid(format!("a width of {width} is above {MAX_WIDTH}")));
    }
    Ok(width.saturating_sub(text.chars().count()))
}

fn zfill(text: &str, width: usize) -> Result<String, Error> {
    let zeros = "0".repeat(padding(text, width)?);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = &text[..text.len() - digits.len()];
    Ok(format!("{sign}{zeros}{digits}"))
}

fn justify(text: &str, width: usize, fill: char, method: &str) -> Result<String, Error> {
    let missing = padding(text, width)?;
    let left = match method {
        "ljust" => 0,
        "rjust" => missing,
        // CPython puts the odd one to the left when the width is odd.
        _ => missing / 2 + (missing & width & 1),
    };
    let fill_of = |count: usize| fill.to_string().repeat(count);
    Ok(format!("{}{text}{}", fill_of(left), fill_of(missing - left)))
}

fn is_decimal(c: char) -> bool {
    static DECIMAL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\p{Nd}").expect("a constant pattern"));
    c.is_ascii_digit() || (!c.is_ascii() && DECIMAL.is_match(c.encode_utf8(&mut [0; 4])))
}

/// Digits that are not decimal: Unicode's Numeric_Type=Digit.
fn is_raised(c: char) -> bool {
    const RANGES: [(u32, u32); 20] = [
        (0xb2, 0xb3),
        (0xb9, 0xb9),
        (0x1369, 0x1371),
        (0x19da, 0x19da),
        (0x2070, 0x2070),
        (0x2074, 0x2079),
        (0x2080, 0x2089),
        (0x2460, 0x2468),
        (0x2474, 0x247c),
        (0x2488, 0x2490),
        (0x24ea, 0x24ea),
        (0x24f5, 0x24fd),
        (0x24ff, 0x24ff),
        (0x2776, 0x277e),
        (0x2780, 0x2788),
        (0x278a, 0x2792),
        (0x10a40, 0x10a43),
        (0x10e60, 0x10e68),
        (0x11052, 0x1105a),
        (0x1f100, 0x1f10a),
    ];
    RANGES.iter().any(|&(first, last)| (first..=last).contains(&(c as u32)))
}
