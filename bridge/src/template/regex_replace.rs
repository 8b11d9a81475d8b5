//! lm-evaluation-harness' filter: Python's `re.sub`.

use minijinja::value::{Kwargs, Value};
use minijinja::Error;

use super::filters::invalid;

/// `re.sub(pattern, replacement, text, count)`.
pub fn regex_replace(
    text: &Value,
    pattern: &str,
    replacement: &str,
    count: Option<usize>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let count = match count {
        Some(given) => given,
        None => kwargs.get::<Option<usize>>("count")?.unwrap_or(0),
    };
    kwargs.assert_all_used()?;
    let subject = text.as_str().ok_or_else(|| invalid("regex_replace: not a string".to_owned()))?;
    let regex = fancy_regex::Regex::new(pattern)
        .map_err(|e| invalid(format!("regex_replace: pattern {pattern:?}: {e}")))?;
    let template = Replacement::parse(replacement)?;
    let mut out = String::new();
    let mut copied = 0;
    for (index, found) in regex.captures_iter(subject).enumerate() {
        if count > 0 && index == count {
            break;
        }
        let found = found.map_err(|e| invalid(format!("regex_replace: {e}")))?;
        let whole = found.get(0).expect("group 0 always takes part");
        out.push_str(&subject[copied..whole.start()]);
        template.write(&mut out, &found)?;
        copied = whole.end();
    }
    out.push_str(&subject[copied..]);
    Ok(out)
}

enum Piece {
    Text(String),
    Group(usize),
    Name(String),
}

/// A replacement in Python's syntax: `\1`, `\g<1>`, `\g<name>` and the usual escapes.
struct Replacement(Vec<Piece>);

impl Replacement {
    fn parse(source: &str) -> Result<Self, Error> {
        let mut pieces = vec![Piece::Text(String::new())];
        let push_char = |pieces: &mut Vec<Piece>, c: char| match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => pieces.push(Piece::Text(c.to_string())),
        };
        let mut rest = source;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            if c != '\\' {
                push_char(&mut pieces, c);
                continue;
            }
            let bad = || invalid(format!("regex_replace: bad escape in {source:?}"));
            let escaped = rest.chars().next().ok_or_else(bad)?;
            rest = &rest[escaped.len_utf8()..];
            match escaped {
                'g' => {
                    let (name, after) =
                        rest.strip_prefix('<').and_then(|r| r.split_once('>')).ok_or_else(bad)?;
                    pieces.push(match name.parse() {
                        Ok(number) => Piece::Group(number),
                        Err(_) => Piece::Name(name.to_owned()),
                    });
                    rest = after;
                }
                '1'..='9' => {
                    let second = rest.chars().next().and_then(|d| d.to_digit(10));
                    let mut number = escaped as usize - '0' as usize;
                    if let Some(digit) = second {
                        number = number * 10 + digit as usize;
                        rest = &rest[1..];
                    }
                    pieces.push(Piece::Group(number));
                }
                'n' => push_char(&mut pieces, '\n'),
                'r' => push_char(&mut pieces, '\r'),
                't' => push_char(&mut pieces, '\t'),
                '\\' => push_char(&mut pieces, '\\'),
                c if c.is_ascii_alphanumeric() => return Err(bad()),
                c => {
                    push_char(&mut pieces, '\\');
                    push_char(&mut pieces, c);
                }
            }
        }
        Ok(Self(pieces))
    }

    fn write(&self, out: &mut String, found: &fancy_regex::Captures) -> Result<(), Error> {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(number) if *number >= found.len() => {
                    return Err(invalid(format!("regex_replace: no group {number}")));
                }
                Piece::Group(number) => out.push_str(found.get(*number).map_or("", |m| m.as_str())),
                Piece::Name(name) => out.push_str(found.name(name).map_or("", |m| m.as_str())),
            }
        }
        Ok(())
    }
}
