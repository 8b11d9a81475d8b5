use std::sync::Arc;

use super::token_bytes::TokenDecoder;
use super::{Compiler, Kind, Matcher};
use crate::error::Code;
use crate::tokenizer::Tokenizer;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const TOKENIZERS: [&str; 3] = [
    "models/anemone-tiny/tokenizer.json",
    "tests/golden/tokenizer/byte-fallback-bpe/tokenizer.json",
    "tests/golden/tokenizer/unigram/tokenizer.json",
];

fn tokenizer(file: &str) -> Arc<Tokenizer> {
    let json = std::fs::read(format!("{ROOT}/{file}")).expect(file);
    Arc::new(Tokenizer::from_json(&json).expect("a sound tokenizer"))
}

fn compiler(tokenizer: &Arc<Tokenizer>) -> Compiler {
    Compiler::new(tokenizer, tokenizer.vocab_size(true), &[0]).expect("a compiler")
}

fn allowed(matcher: &mut Matcher) -> Vec<u32> {
    let mut words = vec![0; matcher.vocab_size.div_ceil(32)];
    matcher.mask(&mut words).expect("a mask");
    (0..matcher.vocab_size as u32)
        .filter(|&id| words[id as usize / 32] >> (id % 32) & 1 == 1)
        .collect()
}

/// A place after `text`, byte by byte where the tokenizer allows no better.
fn after(compiler: &Compiler, kind: Kind, grammar: &str, ids: &[u32]) -> Matcher {
    let mut matcher = compiler.compile(kind, grammar).expect(grammar);
    matcher.accept(ids).expect("allowed tokens");
    matcher
}

#[test]
fn bytes_of_tokens_are_what_decode_adds() {
    for file in TOKENIZERS {
        let tokenizer = tokenizer(file);
        let description = serde_json::to_value(tokenizer.hf().get_decoder()).unwrap();
        let decoder = TokenDecoder::new(&description).expect(file);
        let anchor = (0..).find(|&id| {
            let token = tokenizer.hf().id_to_token(id).expect("a token");
            token.len() == 1 && token.as_bytes()[0].is_ascii_alphabetic()
        });
        let anchor = anchor.unwrap();
        let alone = tokenizer.decode(&[anchor], false).unwrap();
        for id in 0..tokenizer.vocab_size(true) as u32 {
            let token = tokenizer.hf().id_to_token(id).expect("a token");
            let text = tokenizer.decode(&[anchor, id], false).unwrap();
            let bytes = decoder.bytes(&token);
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(text, format!("{alone}{shown}"), "{file}: token {id}, {token:?}");
        }
    }
}

#[test]
fn tokens_without_bytes_of_their_own_are_refused() {
    let words = tokenizer("tests/golden/tokenizer/wordpiece/tokenizer.json");
    let error = Compiler::new(&words, words.vocab_size(true), &[0]).err().expect("refused");
    assert_eq!(error.code, Code::Unsupported);
    assert!(error.message.contains("WordPiece"), "{}", error.message);
}

#[test]
fn a_mask_holds_the_tokens_that_may_follow_and_no_other() {
    for file in TOKENIZERS {
        let tokenizer = tokenizer(file);
        let compiler = compiler(&tokenizer);
        for (kind, grammar) in [
            (Kind::Regex, r"[a-z]+( [a-z]+)*\.?"),
            (Kind::Regex, r"(\d{2,4}-)+\d|[^x]{0,9}"),
            (Kind::JsonSchema, r#"{"type":"array","items":{"type":["string","number"]}}"#),
            (Kind::Lark, "start: \"(\" start* \")\"\n"),
        ] {
            // Its vocabulary has no brackets and no digits.
            if file.contains("unigram") && grammar != r"[a-z]+( [a-z]+)*\.?" {
                continue;
            }
            let mut matcher = compiler.compile(kind, grammar).expect(grammar);
            for step in 0..12 {
                if matcher.complete() {
                    break;
                }
                let mask = allowed(&mut matcher);
                assert!(!mask.is_empty(), "{grammar}: a dead end");
                let forced = matcher.forced().unwrap().to_vec();
                if forced.is_empty() {
                    for id in 1..tokenizer.vocab_size(true) as u32 {
                        let valid = matcher.valid_prefix(&[id]).unwrap() == 1;
                        assert_eq!(
                            mask.contains(&id),
                            valid,
                            "{file}: {grammar}: step {step}, token {id}"
                        );
                    }
                } else {
                    assert_eq!(mask, forced[..1]);
                }
                let next = mask[(step * 7919 + 13) % mask.len()];
                if next == 0 {
                    break;
                }
                matcher.accept(&[next]).unwrap();
            }
        }
    }
}

#[test]
fn what_no_token_can_write_is_an_error() {
    let tokenizer = tokenizer(TOKENIZERS[2]);
    let mut matcher =
        compiler(&tokenizer).compile(Kind::JsonSchema, r#"{"type":"array"}"#).unwrap();
    let mut words = vec![0; matcher.vocab_size.div_ceil(32)];
    matcher.mask(&mut words).expect("a blank before all");
    matcher.accept(&[tokenizer.token_to_id("▁").unwrap()]).unwrap();
    let mut error = None;
    for _ in 0..2 {
        error = matcher.mask(&mut words).err();
    }
    let error = error.expect("an error, and again");
    assert_eq!(error.code, Code::Limit);
}

#[test]
fn patterns_of_schemas_are_ecmascript() {
    let tokenizer = tokenizer(TOKENIZERS[0]);
    let compiler = compiler(&tokenizer);
    let ids =
        |text: &str| tokenizer.encode(text, false, crate::tokenizer::OffsetUnit::None).unwrap().ids;
    let schema = r#"{"type":"string","pattern":"^[\\d.]\\d\\w$"}"#;
    for (text, fits) in
        [(r#"".1_""#, true), (r#""11z""#, true), ("\"1\u{663}z\"", false), (r#""11é""#, false)]
    {
        let mut matcher = compiler.compile(Kind::JsonSchema, schema).unwrap();
        let ids = ids(text);
        assert_eq!(matcher.valid_prefix(&ids).unwrap() == ids.len(), fits, "{text}");
    }
}

#[test]
fn taking_back_and_copying_lead_to_the_same_masks() {
    let tokenizer = tokenizer(TOKENIZERS[0]);
    let compiler = compiler(&tokenizer);
    let schema = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#;
    let ids = tokenizer.encode(r#"{"a": "some text"#, false, crate::tokenizer::OffsetUnit::None);
    let ids = ids.unwrap().ids;
    let mut matcher = after(&compiler, Kind::JsonSchema, schema, &ids[..ids.len() - 2]);
    let before = allowed(&mut matcher);
    let mut copy = matcher.copy();
    matcher.accept(&ids[ids.len() - 2..]).unwrap();
    assert_eq!(allowed(&mut copy), before);
    let later = allowed(&mut matcher);
    matcher.take_back(2).unwrap();
    assert_eq!(allowed(&mut matcher), before);
    copy.accept(&ids[ids.len() - 2..]).unwrap();
    assert_eq!(allowed(&mut copy), later);
}

#[test]
fn what_is_forced_is_written_as_the_tokenizer_writes_it() {
    let tokenizer = tokenizer(TOKENIZERS[0]);
    let compiler = compiler(&tokenizer);
    let schema = r#"{"type":"object","properties":{"temperature":{"type":"integer"}},
        "required":["temperature"],"additionalProperties":false,
        "x-guidance":{"whitespace_flexible":false}}"#;
    let mut matcher = compiler.compile(Kind::JsonSchema, schema).unwrap();
    let forced = matcher.forced().unwrap().to_vec();
    let text = tokenizer.decode(&forced, false).unwrap();
    assert!(r#"{"temperature":"#.starts_with(&text) && text.len() > 8, "{text:?}");
    let plain = tokenizer.encode(r#"{"temperature":"#, false, crate::tokenizer::OffsetUnit::None);
    assert!(plain.unwrap().ids.starts_with(&forced));
}

#[test]
fn a_long_text_that_is_forced_is_written_as_in_pieces() {
    let tokenizer = tokenizer(TOKENIZERS[0]);
    let compiler = compiler(&tokenizer);
    let schema = format!(
        r#"{{"type":"array","prefixItems":[{{"const":"{}"}},{{"enum":[1,2]}}],
        "items":false,"minItems":2,"x-guidance":{{"whitespace_flexible":false}}}}"#,
        "some words. ".repeat(200)
    );
    let mut whole = compiler.compile(Kind::JsonSchema, &schema).unwrap();
    let forced = whole.forced().unwrap().to_vec();
    assert!(forced.len() > 400);
    whole.accept(&forced).unwrap();
    let mut pieces = compiler.compile(Kind::JsonSchema, &schema).unwrap();
    let mut taken = Vec::new();
    while let Some(&next) = pieces.forced().unwrap().first() {
        let mut known = pieces.copy();
        assert_eq!(known.forced().unwrap(), &forced[taken.len()..]);
        assert_eq!(allowed(&mut pieces), [next]);
        pieces.accept(&[next]).unwrap();
        taken.push(next);
    }
    assert_eq!(taken, forced);
    assert_eq!(allowed(&mut pieces), allowed(&mut whole));
    pieces.take_back(3).unwrap();
    assert_eq!(pieces.forced().unwrap(), &forced[forced.len() - 3..]);
}

#[test]
fn blanks_are_bounded_unless_the_schema_says_otherwise() {
    let tokenizer = tokenizer(TOKENIZERS[0]);
    let compiler = compiler(&tokenizer);
    let allows = |schema: &str, text: &str| {
        let ids = tokenizer.encode(text, false, crate::tokenizer::OffsetUnit::None).unwrap().ids;
        let mut matcher = compiler.compile(Kind::JsonSchema, schema).unwrap();
        matcher.valid_prefix(&ids).unwrap() == ids.len()
    };
    let [python, compact, blanks] =
        [r#"{"a": [1, 2], "b": 3}"#, r#"{"a":[1,2],"b":3}"#, "{\n  \"a\" : [1 , 2],\t\"b\": 3}"];
    let with = |options: &str| format!(r#"{{"type":"object","x-guidance":{{{options}}}}}"#);
    for (schema, expected) in [
        (r#"{"type":"object"}"#, [true, false, false]),
        ("true", [true, false, false]),
        (&with(r#""lenient":true"#), [true, false, false]),
        (&with(r#""whitespace_flexible":true"#), [true, true, true]),
        (&with(r#""whitespace_flexible":false"#), [false, true, false]),
        (&with(r#""whitespace_pattern":" ""#), [true, true, false]),
    ] {
        assert_eq!(
            [python, compact, blanks].map(|text| allows(schema, text)),
            expected,
            "{schema}"
        );
    }
}

#[test]
fn special_tokens_are_no_text_and_stop_ids_end_it() {
    let tokenizer = tokenizer(TOKENIZERS[0]);
    let compiler = Compiler::new(&tokenizer, tokenizer.vocab_size(true) + 70, &[2, 0]).unwrap();
    let mut matcher = compiler.compile(Kind::Regex, r"(?s:.)*").unwrap();
    let mask = allowed(&mut matcher);
    assert!(mask.contains(&0) && mask.contains(&2) && !mask.contains(&1) && !mask.contains(&3));
    assert!(mask.iter().all(|&id| (id as usize) < tokenizer.vocab_size(true)));
    let mut named = compiler.compile(Kind::Lark, "start: <tool_call> /a+/").unwrap();
    assert_eq!(allowed(&mut named), [3]);
    let mut numbered = compiler.compile(Kind::Lark, "start: <[4]>").unwrap();
    assert_eq!(numbered.forced().unwrap(), [4]);
    numbered.accept(&[4]).unwrap();
    assert!(numbered.complete());
}

#[test]
fn a_text_behind_a_dropped_blank_is_the_text_that_was_asked_for() {
    for file in &TOKENIZERS[1..] {
        let tokenizer = tokenizer(file);
        let compiler = compiler(&tokenizer);
        let mut matcher = compiler.compile(Kind::Choice, r#"["yes, of course"," no"]"#).unwrap();
        let mut ids = Vec::new();
        while !matcher.complete() {
            let mask = allowed(&mut matcher);
            let next = *mask.last().expect("no dead end");
            matcher.accept(&[next]).unwrap();
            ids.push(next);
        }
        let text = tokenizer.decode(&ids, true).unwrap();
        assert!(["yes, of course", " no"].contains(&text.as_str()), "{file}: {text:?}");
    }
}

#[test]
fn what_cannot_be_compiled_says_why() {
    let tokenizer = tokenizer(TOKENIZERS[0]);
    let compiler = compiler(&tokenizer);
    for (kind, grammar, part) in [
        (Kind::JsonSchema, r#"{"type":"#, "EOF"),
        (Kind::JsonSchema, r#"{"type":"strange"}"#, r#"there is no type "strange""#),
        (
            Kind::JsonSchema,
            r#"{"type":"string","format":"odd"}"#,
            r#"format "odd" cannot be enforced"#,
        ),
        (Kind::JsonSchema, r#"{"uniqueItems":true}"#, r#""uniqueItems" cannot be enforced"#),
        (Kind::JsonSchema, r#"{"x-guidance":{"odd":1}}"#, "x-guidance: unknown field `odd`"),
        (Kind::JsonSchema, r#"{"x-guidance":[1]}"#, "x-guidance: "),
        (
            Kind::JsonSchema,
            r#"{"type":"string","pattern":"x(?=a)"}"#,
            "pattern x(?=a), character 2: look-",
        ),
        (Kind::JsonSchema, "[1]", "a schema is an object, true or false"),
        (Kind::JsonSchema, r##"{"$ref":"#/$defs/none"}"##, "none"),
        (Kind::JsonSchema, r#"{"$ref":"https://example.com/schema.json"}"#, "example.com"),
        (Kind::JsonSchema, r#"{"type":"string","minLength":5,"maxLength":2}"#, ""),
        (Kind::Regex, "b/(a", "character 4: unclosed group"),
        (Kind::Regex, r"(?=a)b", "regular expression (?=a)b, character 1: look-around"),
        (Kind::Lark, "start: other", r#"line 1, column 8: unknown name: "other""#),
        (Kind::Lark, "start: \"a", "line 1, column "),
        (Kind::Lark, "start: <|no_such_token|>", "no_such_token"),
        (Kind::Choice, "[]", "no texts"),
        (Kind::Choice, r#"["a",""]"#, "empty"),
    ] {
        let error = compiler.compile(kind, grammar).err().expect(grammar);
        println!("{grammar}: {error}");
        assert_eq!(error.code, Code::InvalidData, "{grammar}");
        assert!(error.message.contains(part), "{grammar}: {}", error.message);
        assert!(!error.message.contains('\n') && !error.message.contains(" | "), "{error}");
    }
}
