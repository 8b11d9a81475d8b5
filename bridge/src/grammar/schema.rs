//! JSON Schemas as llguidance takes them.

use serde_json::{Map, Value};

/// Keywords whose values are data, not schemas.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];

/// Patterns are ECMAScript's: there `\d` and `\w` are ASCII, in Rust they are not.
pub fn with_ascii_classes(schema: Value) -> Value {
    match schema {
        Value::Object(members) => Value::Object(members.into_iter().map(member).collect()),
        Value::Array(items) => items.into_iter().map(with_ascii_classes).collect(),
        other => other,
    }
}

fn member((key, value): (String, Value)) -> (String, Value) {
    match value {
        Value::String(pattern) if key == "pattern" => (key, ascii_classes(&pattern).into()),
        Value::Object(members) if key == "patternProperties" => {
            let renamed: Map<_, _> = members
                .into_iter()
                .map(|(pattern, each)| (ascii_classes(&pattern), with_ascii_classes(each)))
                .collect();
            (key, renamed.into())
        }
        value if DATA.contains(&key.as_str()) => (key, value),
        value => (key, with_ascii_classes(value)),
    }
}

fn ascii_classes(pattern: &str) -> String {
    let mut result = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            result.push(letter);
            continue;
        }
        match letters.next() {
            Some('d') => result.push_str("[0-9]"),
            Some('D') => result.push_str("[^0-9]"),
            Some('w') => result.push_str("[0-9A-Za-z_]"),
            Some('W') => result.push_str("[^0-9A-Za-z_]"),
            Some(other) => result.extend(['\\', other]),
            None => result.push('\\'),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn classes_are_ascii_where_patterns_stand() {
        let schema = json!({"type": "object", "const": {"pattern": r"\d"}, "properties": {
            "pattern": {"type": "string", "pattern": r"^\d\\d[\w.-]\D$"}},
            "patternProperties": {r"^\d$": {"enum": [r"\d"]}}, "anyOf": [{"pattern": r"\W"}]});
        let expected = json!({"type": "object", "const": {"pattern": r"\d"}, "properties": {
            "pattern": {"type": "string", "pattern": r"^[0-9]\\d[[0-9A-Za-z_].-][^0-9]$"}},
            "patternProperties": {"^[0-9]$": {"enum": [r"\d"]}},
            "anyOf": [{"pattern": "[^0-9A-Za-z_]"}]});
        assert_eq!(with_ascii_classes(schema), expected);
    }
}
