//! JSON Schemas as llguidance takes them.

use serde_json::{Map, Value};

/// Keywords whose values are data, not schemas.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];

/// What of `x-guidance` says which blanks there are.
const BLANKS: [&str; 4] =
    ["whitespace_flexible", "whitespace_pattern", "item_separator", "key_separator"];

/// Blanks as Python's `json.dumps` writes them, unless the schema says which: where any are allowed,
/// as llguidance has it, a small model may write nothing else.
pub fn with_bounded_blanks(schema: Value) -> Value {
    let mut members = match schema {
        Value::Object(members) => members,
        Value::Bool(true) => Map::new(),
        other => return other,
    };
    let options = members.entry("x-guidance").or_insert_with(|| Map::new().into());
    if let Value::Object(options) = options {
        if !BLANKS.iter().any(|key| options.contains_key(*key)) {
            options.insert("whitespace_flexible".to_owned(), false.into());
            options.insert("item_separator".to_owned(), ", ".into());
            options.insert("key_separator".to_owned(), ": ".into());
        }
    }
    Value::Object(members)
}

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

    #[test]
    fn blanks_are_pythons_where_the_schema_says_nothing_of_them() {
        let python = json!({"whitespace_flexible": false, "item_separator": ", ",
            "key_separator": ": "});
        for schema in [json!(true), json!({}), json!({"x-guidance": {}})] {
            assert_eq!(with_bounded_blanks(schema), json!({"x-guidance": python}));
        }
        let lenient = with_bounded_blanks(json!({"x-guidance": {"lenient": true}}));
        assert_eq!(lenient["x-guidance"]["lenient"], true);
        assert_eq!(lenient["x-guidance"]["whitespace_flexible"], false);
        for options in [
            json!({"whitespace_flexible": true}),
            json!({"whitespace_flexible": false}),
            json!({"whitespace_pattern": " ?"}),
            json!({"item_separator": ","}),
            json!({"key_separator": ":"}),
            json!([1]),
        ] {
            let schema = json!({"type": "object", "x-guidance": options});
            assert_eq!(with_bounded_blanks(schema.clone()), schema);
        }
        for other in [json!(false), json!([1])] {
            assert_eq!(with_bounded_blanks(other.clone()), other);
        }
    }
}
