//! Rewrites of the template source that the engine's own syntax needs.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Jinja splits its source at `\r\n`, `\r` and `\n` and joins it with `\n`.
pub fn unix_newlines(source: &str) -> Cow<'_, str> {
    if !source.contains('\r') {
        return Cow::Borrowed(source);
    }
    Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"))
}

/// `{% generation %}` … `{% endgeneration %}` marks the assistant's text and, as a call block,
/// makes a scope. `with` is that scope, so the tag keeps its place, line and blanks control.
/// Comments and raw blocks are left alone.
pub fn scope_generation(source: &str) -> Cow<'_, str> {
    static TAGS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?s)\{#.*?#\}|\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}|(?P<open>\{%[-+]?\s*)(?P<end>end)?generation(?P<close>\s*[-+]?%\})",
        )
        .expect("a constant pattern")
    });
    TAGS.replace_all(source, |found: &Captures| match found.name("open") {
        Some(open) => {
            let end = found.name("end").map_or("", |m| m.as_str());
            format!("{}{end}with{}", open.as_str(), &found["close"])
        }
        None => found[0].to_owned(),
    })
}
