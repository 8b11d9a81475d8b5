use serde_json::Value as Json;

use super::{Clock, Dialect, Limits, Template};
use crate::error::{Code, Error};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");

fn golden(path: &str) -> Json {
    let text = std::fs::read_to_string(format!("{GOLDEN}/{path}.json")).expect(path);
    serde_json::from_str(&text).expect("a sound golden file")
}

fn leap_day() -> Clock {
    Clock { year: 2024, month: 2, day: 29, hour: 7, minute: 5, second: 9, microsecond: 1234 }
}

fn render(dialect: Dialect, source: &str, context: &str) -> Result<String, Error> {
    Template::compile(dialect, source)?.render(context, Some(leap_day()), Limits::default())
}

/// Compares one rendering with the reference's; a difference is described.
fn difference(case: &Json, result: &Result<String, Error>) -> Option<String> {
    let expected = match case["error"].as_str() {
        None => Ok(case["rendered"].as_str().expect("rendered").to_owned()),
        Some("syntax") => Err(Code::InvalidData),
        Some("raised") => Err(Code::Raised),
        Some(_) => Err(Code::Render),
    };
    let same = match (&expected, result) {
        (Ok(expected), Ok(got)) => expected == got,
        // An unknown filter or test is found when the template is compiled by the one, when it
        // runs by the other.
        (Err(Code::InvalidData | Code::Render), Err(got)) => {
            matches!(got.code, Code::InvalidData | Code::Render)
        }
        (Err(expected), Err(got)) => *expected == got.code && case["message"] == got.message,
        _ => false,
    };
    (!same).then(|| {
        format!(
            "{}\n  expected {expected:?} {}\n  got      {result:?}",
            case["name"], case["message"]
        )
    })
}

fn report(differences: Vec<String>) {
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn chat_templates_equal_transformers() {
    let names = [
        "anemone-tiny",
        "call_blocks",
        "clock",
        "content_blocks",
        "generation",
        "loop_controls",
        "namespace",
        "raise",
        "system_prompt",
        "tags_and_blanks",
        "tools",
    ];
    let mut differences = Vec::new();
    for name in names {
        let golden = golden(&format!("chat_template/{name}"));
        let source = golden["template"].as_str().expect("template");
        for case in golden["cases"].as_array().expect("cases") {
            if case["continue_final_message"] == true {
                continue;
            }
            let special = golden["special_tokens"].to_string();
            let context = format!(
                "{{\"messages\":{},\"tools\":{},\"documents\":null,\"add_generation_prompt\":{},{}",
                case["messages"].as_str().expect("messages"),
                case["tools"].as_str().expect("tools"),
                case["add_generation_prompt"],
                &special[1..]
            );
            let result = render(Dialect::Chat, source, &context);
            differences.extend(difference(case, &result).map(|d| format!("{name}: {d}")));
        }
    }
    report(differences);
}

fn check_expressions(dialect: Dialect, path: &str) {
    let golden = golden(path);
    let context = golden["context"].as_str().expect("context");
    let mut differences = Vec::new();
    for case in golden["cases"].as_array().expect("cases") {
        let result = render(dialect, case["template"].as_str().expect("template"), context);
        differences.extend(difference(case, &result));
    }
    report(differences);
}

#[test]
fn chat_expressions_equal_jinja() {
    check_expressions(Dialect::Chat, "chat_template/expressions");
}

#[test]
fn task_expressions_equal_jinja() {
    check_expressions(Dialect::Task, "task_template/expressions");
}

#[test]
fn task_templates_equal_jinja() {
    let mut differences = Vec::new();
    for case in golden("task_template/templates")["cases"].as_array().expect("cases") {
        let source = case["template"].as_str().expect("template");
        let result = render(Dialect::Task, source, case["context"].as_str().expect("context"));
        differences.extend(difference(case, &result));
    }
    report(differences);
}

#[test]
fn errors_name_their_line() {
    let error = render(Dialect::Chat, "a\nb\n{% if %}", "{}").unwrap_err();
    assert_eq!((error.code, error.line), (Code::InvalidData, 3), "{error}");
    let error = render(Dialect::Chat, "a\n{{ raise_exception('no: ' ~ 1) }}", "{}").unwrap_err();
    assert_eq!((error.code, error.line, error.message.as_str()), (Code::Raised, 2, "no: 1"));
    let error = render(Dialect::Task, "\n\n{{ doc.x }}", "{\"doc\":{}}").unwrap_err();
    assert_eq!((error.code, error.line), (Code::Render, 3), "{error}");
    let error = render(Dialect::Chat, "{{ x.y.z }}", "{\"x\":{}}").unwrap_err();
    assert_eq!((error.code, error.line), (Code::Render, 1), "{error}");
}

#[test]
fn endless_templates_end() {
    let loops =
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
    assert_eq!(render(Dialect::Chat, loops, "{}").unwrap_err().code, Code::Limit);
    let recursion = "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}";
    assert_eq!(render(Dialect::Chat, recursion, "{}").unwrap_err().code, Code::Render);
    let template = Template::compile(Dialect::Chat, "{{ 'abcd' * 100 }}").unwrap();
    let limits = Limits { output_bytes: 399, ..Limits::default() };
    let error = template.render("{}", None, limits).unwrap_err();
    assert_eq!(error.code, Code::Limit, "{error}");
    let limits = Limits { output_bytes: 400, ..limits };
    assert_eq!(template.render("{}", None, limits).unwrap().len(), 400);
    let nested = "{% set ns = namespace(x=[]) %}{% for i in range(2000) %}{% set ns.x = [ns.x] %}{% endfor %}";
    assert_eq!(render(Dialect::Chat, nested, "{}").unwrap(), "");
    let error = render(Dialect::Chat, &format!("{nested}{{{{ ns.x }}}}"), "{}").unwrap_err();
    assert_eq!(error.code, Code::Render, "{error}");
    let error =
        render(Dialect::Chat, &format!("{nested}{{{{ ns.x | tojson }}}}"), "{}").unwrap_err();
    assert_eq!(error.code, Code::Render, "{error}");
}

#[test]
fn a_clock_is_needed_only_where_it_is_used() {
    let template = Template::compile(Dialect::Chat, "{{ strftime_now('%Y') if now }}").unwrap();
    assert_eq!(template.render("{}", None, Limits::default()).unwrap(), "");
    let error = template.render("{\"now\":1}", None, Limits::default()).unwrap_err();
    assert_eq!(error.code, Code::Render);
    assert!(error.message.contains("clock"), "{error}");
}

#[test]
fn every_week_of_fifty_years_is_python_s() {
    // Check values of datetime(y, 1, 1) and (y, 12, 31): "%G-%V-%u %U %W %j".
    let expected = [
        ("2000-01-01", "1999-52-6 00 00 001"),
        ("2004-12-31", "2004-53-5 52 52 366"),
        ("2005-01-01", "2004-53-6 00 00 001"),
        ("2008-12-31", "2009-01-3 52 52 366"),
        ("2010-01-03", "2009-53-7 01 00 003"),
        ("2018-12-31", "2019-01-1 52 53 365"),
        ("2023-01-01", "2022-52-7 01 00 001"),
        ("2024-12-29", "2024-52-7 52 52 364"),
    ];
    for (date, text) in expected {
        let part = |range: std::ops::Range<usize>| date[range].parse().unwrap();
        let (year, month, day) = (part(0..4), part(5..7), part(8..10));
        let clock = Clock { year, month, day, hour: 0, minute: 0, second: 0, microsecond: 0 };
        assert_eq!(super::strftime::now(Some(clock), "%G-%V-%u %U %W %j").unwrap(), text, "{date}");
    }
    let bad = Clock { month: 2, day: 30, ..leap_day() };
    assert_eq!(bad.bad_field(), Some("day"));
    assert_eq!(leap_day().bad_field(), None);
}

#[test]
fn contexts_must_be_sound_json_objects() {
    let bad = [
        "",
        "[]",
        "1",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":\"\\q\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":tru}",
        "{} {}",
        "{\"a\":-}",
        "{\"a\":999999999999999999999999999999999999999999999}",
        "{'a':1}",
        "{\"a\":\"\\u12g4\"}",
    ];
    for context in bad {
        let error = render(Dialect::Chat, "x", context).expect_err(context);
        assert_eq!(error.code, Code::InvalidData, "{context}: {error}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(render(Dialect::Chat, "x", &deep).unwrap_err().code, Code::Limit);
    let context = r#"{"a":"\ud83d\ude00\u00e9\/","b":[1,1.0,-0.0,1E3,NaN],"c":1,"c":2}"#;
    let text = render(Dialect::Chat, "{{ a }} {{ b }} {{ c }}", context).unwrap();
    assert_eq!(text, "😀é/ [1, 1.0, -0.0, 1000.0, nan] 2");
}
