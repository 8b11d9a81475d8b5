//! Why a grammar is refused, said of what the user wrote: llguidance speaks of what it made of it.

/// What a schema may hold where not all of it can be enforced.
const LENIENT: &str =
    r#"with "x-guidance": {"lenient": true} the schema is kept as far as it can be"#;

/// One line on why a grammar is refused, of llguidance's `message`. `keeps_place`: the lines and
/// columns that it names are those of the user's text.
pub fn words(message: &str, keeps_place: bool) -> String {
    let message = message.replace("<non-verbose/>", "");
    let (place, rest) = without_place(message.trim());
    let reason = match (rest.strip_prefix("failed to compile JSON schema: "), place) {
        (Some(schema), _) => format!("JSON Schema: {}", of_schema(schema)),
        (None, Some(_)) => of_pattern(rest).unwrap_or_else(|| first_line(rest).to_owned()),
        (None, None) => of_schema(rest),
    };
    match place {
        Some((line, column)) if keeps_place => format!("line {line}, column {column}: {reason}"),
        _ => reason,
    }
}

/// One line on why an answer cannot go on under a grammar.
pub fn one_line(message: &str) -> String {
    let message = message.replace("<non-verbose/>", "");
    let lines: Vec<_> = message.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let line = lines.join("; ");
    match line.strip_prefix("lexer error: ") {
        Some(rest) => format!("it is too large: {rest}"),
        None => line,
    }
}

/// `at 1(8): ` or `1(8): ` at the beginning of a message, and what follows.
fn without_place(message: &str) -> (Option<(u32, u32)>, &str) {
    let place = || {
        let begin = message.strip_prefix("at ").unwrap_or(message);
        let (line, rest) = begin.split_once('(')?;
        let (column, rest) = rest.split_once("): ")?;
        Some(((line.parse().ok()?, column.parse().ok()?), rest))
    };
    match place() {
        Some((place, rest)) => (Some(place), rest),
        None => (None, message),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

/// Of the lines in a report of the parser of regular expressions.
const INDENT: &str = "    ";

/// Such a report: the pattern, carets below it and `error: `.
fn of_pattern(message: &str) -> Option<String> {
    let of_schema = !message.starts_with("invalid regex");
    let what = if of_schema { "pattern" } else { "regular expression" };
    let (_, report) = message.split_once("regex parse error:\n")?;
    let (shown, reason) = report.split_once("\nerror: ")?;
    let reason = first_line(reason);
    let lines: Vec<_> = shown.lines().collect();
    if let [pattern, carets] = lines[..] {
        if let (Some(pattern), Some(at)) = (pattern.strip_prefix(INDENT), carets.find('^')) {
            let character = at.saturating_sub(INDENT.len()) + 1;
            return Some(format!("{what} {pattern}, character {character}: {reason}"));
        }
    }
    Some(format!("{what}: {reason}"))
}

fn of_schema(message: &str) -> String {
    if let Some(pattern) = of_pattern(message) {
        return pattern;
    }
    let line = first_line(message);
    let quoted = |prefix: &str, suffix: &str| line.strip_prefix(prefix)?.strip_suffix(suffix);
    if let Some(format) = line.strip_prefix("Unknown format: ") {
        return format!("the format {format:?} cannot be enforced; {LENIENT}");
    }
    if let Some(keys) = quoted("Unimplemented keys: [", "]") {
        return format!("{keys} cannot be enforced; {LENIENT}");
    }
    if let Some(name) = line.strip_prefix("Invalid type: ") {
        return format!("there is no type {name:?}");
    }
    if let Some(place) = quoted("Pointer '", "' does not exist") {
        return format!("$ref names {place:?}, which is not there");
    }
    if let Some(reason) = line.strip_prefix("Unsatisfiable schema: ") {
        let reason = match reason.starts_with("Regex is empty") {
            true => "pattern, format and length exclude each other",
            false => reason,
        };
        return format!("no JSON can satisfy it: {reason}");
    }
    if line == "schema must be an object or boolean" {
        return "a schema is an object, true or false".to_owned();
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_about_what_the_user_wrote() {
        for (message, expected) in [
            ("Invalid type: strange", r#"there is no type "strange""#),
            ("Pointer '/$defs/no' does not exist", r#"$ref names "/$defs/no", which is not there"#),
            ("Unsatisfiable schema: minLength (5) is greater than maxLength (2)",
             "no JSON can satisfy it: minLength (5) is greater than maxLength (2)"),
            ("Unsatisfiable schema: Regex is empty:  (And (SearchRegex /a/))",
             "no JSON can satisfy it: pattern, format and length exclude each other"),
            ("regex parse error:\n    x(?=a)b\n     ^^^\nerror: look-around is not supported",
             "pattern x(?=a)b, character 2: look-around is not supported"),
            ("at 1(8): invalid regex \"(a\" (in regex): regex parse error:\n    (a\n    ^\nerror: \
              unclosed group\n1 | start: /(a/\n           ^",
             "regular expression (a, character 1: unclosed group"),
            ("regex parse error:\n~~~\n1: (\n2: a\n~~~\nerror: unclosed group", "pattern: unclosed group"),
            ("something else\nbelow", "something else"),
        ] {
            assert_eq!(words(message, false), expected, "{message}");
        }
        for (message, expected) in [
            (
                "at 2(8): unknown name: \"other\"\n2 | start: other\n ^",
                "line 2, column 8: unknown name: \"other\"",
            ),
            ("1(10): lexer error\n1 | start: \"a", "line 1, column 10: lexer error"),
            (
                "at 1(8): failed to compile JSON schema: Invalid type: x\n1 | start: %json",
                "line 1, column 8: JSON Schema: there is no type \"x\"",
            ),
            ("no start rule found", "no start rule found"),
        ] {
            assert_eq!(words(message, true), expected, "{message}");
        }
        let format = words("Unknown format: nonsense", false);
        assert!(format.starts_with("the format \"nonsense\" cannot be enforced; "), "{format}");
        let keys = words(r#"Unimplemented keys: ["a", "b"]"#, false);
        assert!(keys.starts_with(r#""a", "b" cannot be enforced; "#), "{keys}");
    }
}
