use std::sync::Arc;

use serde_json::Value as Json;

use super::{OffsetUnit, Stream, Tokenizer};
use crate::error::Code;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{path}")).expect(path)
}

fn golden(name: &str) -> (Arc<Tokenizer>, Json) {
    let file = match name {
        "anemone-tiny" => "models/anemone-tiny/tokenizer.json".to_owned(),
        _ => format!("tests/golden/tokenizer/{name}/tokenizer.json"),
    };
    let tokenizer = Tokenizer::from_json(read(&file).as_bytes()).expect("a sound tokenizer");
    let golden = serde_json::from_str(&read(&format!("tests/golden/tokenizer/{name}.json")));
    (Arc::new(tokenizer), golden.expect("a sound golden file"))
}

fn ids_of(json: &Json) -> Vec<u32> {
    json.as_array().expect("ids").iter().map(|id| id.as_u64().expect("an id") as u32).collect()
}

fn pairs_of(json: &Json) -> Vec<usize> {
    let numbers =
        json.as_array().expect("offsets").iter().flat_map(|p| p.as_array().expect("pair"));
    numbers.map(|n| n.as_u64().expect("a number") as usize).collect()
}

fn check_decode(tokenizer: &Arc<Tokenizer>, case: &Json) {
    let ids = ids_of(&case["ids"]);
    for (skip, key) in [(false, "decoded"), (true, "decoded_without_special")] {
        let whole = case[key].as_str().expect(key);
        assert_eq!(tokenizer.decode(&ids, skip).unwrap(), whole, "{ids:?}");
        let mut stream = Stream::new(Arc::clone(tokenizer), skip);
        for round in 0..2 {
            let mut joined = String::new();
            for &id in &ids {
                joined.push_str(&stream.step(id).unwrap());
                assert!(whole.starts_with(&joined), "{ids:?} gave {joined:?} of {whole:?}");
            }
            joined.push_str(&stream.finish().unwrap());
            assert_eq!(joined, whole, "round {round} of {ids:?}");
        }
    }
}

fn check_golden(name: &str) {
    let (tokenizer, golden) = golden(name);
    assert_eq!(golden["vocab_size"], tokenizer.vocab_size(true));
    assert_eq!(golden["vocab_size_without_added"], tokenizer.vocab_size(false));
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() > 20);
    let mut texts = Vec::new();
    for case in cases {
        let (label, text) = (&case["name"], case["text"].as_str().expect("text"));
        texts.push(text);
        let bytes = tokenizer.encode(text, true, OffsetUnit::Bytes).unwrap();
        let chars = tokenizer.encode(text, true, OffsetUnit::Chars).unwrap();
        let plain = tokenizer.encode(text, false, OffsetUnit::None).unwrap();
        assert_eq!(bytes.ids, ids_of(&case["ids"]), "{label}");
        assert_eq!(chars.ids, bytes.ids, "{label}");
        assert_eq!(plain.ids, ids_of(&case["ids_without_special"]), "{label}");
        assert_eq!(chars.offsets, pairs_of(&case["char_offsets"]), "{label}");
        assert_eq!(bytes.offsets, pairs_of(&case["byte_offsets"]), "{label}");
        for (id, token) in bytes.ids.iter().zip(case["tokens"].as_array().expect("tokens")) {
            assert_eq!(token, &tokenizer.id_to_token(*id).unwrap());
            assert_eq!(tokenizer.token_to_id(token.as_str().unwrap()), Some(*id));
        }
        check_decode(&tokenizer, case);
    }
    for threads in [0, 1, 3] {
        let batch = tokenizer.encode_batch(&texts, true, OffsetUnit::Bytes, threads).unwrap();
        for (encoding, case) in batch.iter().zip(cases) {
            assert_eq!(encoding.ids, ids_of(&case["ids"]));
            assert_eq!(encoding.offsets, pairs_of(&case["byte_offsets"]));
        }
    }
    for case in golden["decode"].as_array().expect("decode") {
        check_decode(&tokenizer, case);
    }
}

#[test]
fn byte_level_bpe_equals_hugging_face() {
    check_golden("anemone-tiny");
}

#[test]
fn byte_fallback_bpe_equals_hugging_face() {
    check_golden("byte-fallback-bpe");
}

#[test]
fn unigram_equals_hugging_face() {
    check_golden("unigram");
}

#[test]
fn wordpiece_equals_hugging_face() {
    check_golden("wordpiece");
}

#[test]
fn text_is_given_out_no_later_than_by_hugging_face() {
    let (tokenizer, golden) = golden("anemone-tiny");
    for case in golden["cases"].as_array().unwrap() {
        let mut stream = Stream::new(Arc::clone(&tokenizer), false);
        let (mut ours, mut theirs) = (0, 0);
        for (id, piece) in ids_of(&case["ids"]).iter().zip(case["pieces"].as_array().unwrap()) {
            ours += stream.step(*id).unwrap().len();
            theirs += piece.as_str().unwrap().len();
            assert!(ours >= theirs, "{}", case["name"]);
        }
    }
}

#[test]
fn added_tokens_are_listed_in_order() {
    let (tokenizer, _) = golden("anemone-tiny");
    let tokens: Json = serde_json::from_str(&tokenizer.added_tokens_json()).unwrap();
    let contents: Vec<_> =
        tokens.as_array().unwrap().iter().map(|t| t["content"].clone()).collect();
    assert_eq!(
        contents,
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
    );
    assert!(tokens.as_array().unwrap().iter().all(|t| t["special"] == true));
}

#[test]
fn truncation_and_padding_of_the_file_are_dropped() {
    let mut json: Json = serde_json::from_str(&read("models/anemone-tiny/tokenizer.json")).unwrap();
    json["truncation"] = serde_json::json!(
        {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0});
    json["padding"] = serde_json::json!(
        {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null,
         "pad_id": 0, "pad_type_id": 0, "pad_token": "<|endoftext|>"});
    let tokenizer = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
    let count = tokenizer.encode("one two three", true, OffsetUnit::None).unwrap().ids.len();
    assert!(count > 2 && count < 64, "{count}");
}

#[test]
fn unknown_ids_are_errors_or_skipped() {
    let (tokenizer, _) = golden("anemone-tiny");
    assert_eq!(tokenizer.id_to_token(u32::MAX).unwrap_err().code, Code::InvalidArgument);
    assert_eq!(tokenizer.token_to_id("no such token at all"), None);
    assert_eq!(
        tokenizer.decode(&[u32::MAX, 40], false).unwrap(),
        tokenizer.decode(&[40], false).unwrap()
    );
    let mut stream = Stream::new(tokenizer, false);
    assert_eq!(stream.step(u32::MAX).unwrap(), "");
    assert_eq!(stream.finish().unwrap(), "");
}

#[test]
fn broken_files_are_errors() {
    let whole = read("tests/golden/tokenizer/unigram/tokenizer.json");
    for bad in ["", "{", "[]", "null", "{\"version\":\"1.0\"}", "{\"model\":{\"type\":\"BPE\"}}"] {
        assert_eq!(Tokenizer::from_json(bad.as_bytes()).err().unwrap().code, Code::InvalidData);
    }
    for cut in (0..whole.len() - 2).step_by(97).filter(|&cut| whole.is_char_boundary(cut)) {
        let error = Tokenizer::from_json(&whole.as_bytes()[..cut]).err().expect("cut");
        assert_eq!(error.code, Code::InvalidData);
        assert!(error.message.contains("tokenizer.json"), "{error}");
    }
    assert_eq!(Tokenizer::from_json(b"\xff\xfe{}").err().unwrap().code, Code::InvalidData);
}
