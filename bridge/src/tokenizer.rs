//! Hugging Face tokenizers: encoding, decoding and incremental decoding.

use std::fmt::Write;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokenizers::Tokenizer as HfTokenizer;

use crate::error::{catch, Code, Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetUnit {
    None,
    Bytes,
    Chars,
}

#[derive(Debug)]
pub struct Encoding {
    pub ids: Vec<u32>,
    /// Begin and end of each token, empty when encoded without offsets.
    pub offsets: Vec<usize>,
}

pub struct Tokenizer {
    hf: HfTokenizer,
    /// Bytes without a token of their own are spelled `<0x00>` … `<0xFF>`.
    byte_fallback: bool,
}

fn failure(error: tokenizers::Error) -> Error {
    Error::new(Code::InvalidData, error.to_string())
}

impl Tokenizer {
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(json).map_err(|e| {
            let offset = e.valid_up_to();
            Error::new(Code::InvalidData, format!("tokenizer.json: not UTF-8 at offset {offset}"))
        })?;
        // The library's reader panics on some malformed files.
        let mut hf = catch(|| HfTokenizer::from_str(text).map_err(|e| e.to_string()))
            .and_then(|result| result)
            .map_err(|e| Error::new(Code::InvalidData, format!("tokenizer.json: {e}")))?;
        hf.with_truncation(None).map_err(failure)?;
        hf.with_padding(None);
        let byte_fallback = hf.get_decoder().is_some_and(|decoder| {
            serde_json::to_string(decoder).is_ok_and(|json| json.contains("\"ByteFallback\""))
        });
        Ok(Self { hf, byte_fallback })
    }

    pub fn hf(&self) -> &HfTokenizer {
        &self.hf
    }

    /// This one with another Hugging Face tokenizer, whose decoder is the same.
    pub fn with(&self, hf: HfTokenizer) -> Self {
        Self { hf, byte_fallback: self.byte_fallback }
    }

    pub fn encode(&self, text: &str, add_special: bool, unit: OffsetUnit) -> Result<Encoding> {
        let encoded = match unit {
            OffsetUnit::None => self.hf.encode_fast(text, add_special),
            OffsetUnit::Bytes => self.hf.encode(text, add_special),
            OffsetUnit::Chars => self.hf.encode_char_offsets(text, add_special),
        }
        .map_err(failure)?;
        let offsets = match unit {
            OffsetUnit::None => Vec::new(),
            _ => encoded.get_offsets().iter().flat_map(|&(begin, end)| [begin, end]).collect(),
        };
        Ok(Encoding { ids: encoded.get_ids().to_vec(), offsets })
    }

    /// Encodes all texts on up to `threads` threads (0: one a core), results in order.
    pub fn encode_batch(
        &self,
        texts: &[&str],
        add_special: bool,
        unit: OffsetUnit,
        threads: usize,
    ) -> Result<Vec<Encoding>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = if threads == 0 { cores } else { threads.min(cores * 4) };
        let next = AtomicUsize::new(0);
        let done = Mutex::new((0..texts.len()).map(|_| None).collect::<Vec<_>>());
        std::thread::scope(|scope| {
            for _ in 0..wanted.min(texts.len()) {
                scope.spawn(|| loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(text) = texts.get(index) else { break };
                    let encoded = self.encode(text, add_special, unit);
                    done.lock().expect("no holder panics")[index] = Some(encoded);
                });
            }
        });
        let results = done.into_inner().expect("no holder panics");
        let mut encodings = Vec::with_capacity(results.len());
        for (index, result) in results.into_iter().enumerate() {
            let encoding = result.expect("every index was claimed").map_err(|mut e| {
                e.message = format!("text {index}: {}", e.message);
                e
            })?;
            encodings.push(encoding);
        }
        Ok(encodings)
    }

    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        self.hf.decode(ids, skip_special).map_err(failure)
    }

    pub fn id_to_token(&self, id: u32) -> Result<String> {
        self.hf
            .id_to_token(id)
            .ok_or_else(|| Error::new(Code::InvalidArgument, format!("no token has the id {id}")))
    }

    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.hf.token_to_id(token)
    }

    pub fn vocab_size(&self, with_added: bool) -> usize {
        self.hf.get_vocab_size(with_added)
    }

    pub fn added_tokens_json(&self) -> String {
        let mut tokens: Vec<_> = self.hf.get_added_tokens_decoder().into_iter().collect();
        tokens.sort_by_key(|(id, _)| *id);
        let mut json = String::from("[");
        for (index, (id, token)) in tokens.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let content = serde_json::Value::from(token.content.as_str());
            write!(
                json,
                "{separator}{{\"id\":{id},\"content\":{content},\"special\":{},\
                 \"single_word\":{},\"lstrip\":{},\"rstrip\":{},\"normalized\":{}}}",
                token.special, token.single_word, token.lstrip, token.rstrip, token.normalized
            )
            .expect("writing to a string");
        }
        json.push(']');
        json
    }

    fn spells_a_byte(&self, token: &str) -> bool {
        self.byte_fallback && token.len() == 6 && token.starts_with("<0x") && token.ends_with('>')
    }
}

/// Decodes token by token. Only a short window of tokens is decoded again at each step: the last
/// tokens whose text is certain and those after them.
pub struct Stream {
    tokenizer: Arc<Tokenizer>,
    skip_special: bool,
    all: Vec<u32>,
    given: String,
    /// `all[window..]` is decoded at each step.
    window: usize,
    /// `all[..clean]` had no uncertain text when its last token came.
    clean: usize,
    /// Bytes of the window's text that were given out already.
    window_given: usize,
}

impl Stream {
    pub fn new(tokenizer: Arc<Tokenizer>, skip_special: bool) -> Self {
        Self {
            tokenizer,
            skip_special,
            all: Vec::new(),
            given: String::new(),
            window: 0,
            clean: 0,
            window_given: 0,
        }
    }

    pub fn step(&mut self, id: u32) -> Result<String> {
        let Some(token) = self.tokenizer.hf.id_to_token(id) else { return Ok(String::new()) };
        let added = self.tokenizer.hf.get_added_vocabulary();
        if self.skip_special && added.is_special_token(&token) {
            return Ok(String::new());
        }
        self.all.push(id);
        // A run of byte tokens is valid or invalid as a whole, so it waits for its end.
        if self.tokenizer.spells_a_byte(&token) {
            return Ok(String::new());
        }
        let text = self.tokenizer.decode(&self.all[self.window..], false)?;
        // Only the last replacement character can still become part of a real one.
        let certain = text.strip_suffix(char::REPLACEMENT_CHARACTER).unwrap_or(&text);
        let Some(piece) = certain.get(self.window_given..) else { return Ok(String::new()) };
        let piece = piece.to_owned();
        self.given.push_str(&piece);
        self.window_given += piece.len();
        if certain.len() == text.len() {
            self.advance()?;
        }
        Ok(piece)
    }

    /// Moves the window up to the previous clean point. What remains must decode to some text, or
    /// the next token would be taken for the first one and lose its leading blank.
    fn advance(&mut self) -> Result<()> {
        let remaining = self.tokenizer.decode(&self.all[self.clean..], false)?;
        if !remaining.is_empty() {
            self.window = self.clean;
            self.window_given = remaining.len();
            self.clean = self.all.len();
        }
        Ok(())
    }

    /// Gives what is still missing from the text of all tokens and starts anew.
    pub fn finish(&mut self) -> Result<String> {
        let full = self.tokenizer.decode(&self.all, false)?;
        let rest = full.strip_prefix(self.given.as_str()).map(str::to_owned);
        *self = Self::new(Arc::clone(&self.tokenizer), self.skip_special);
        rest.ok_or_else(|| {
            Error::new(
                Code::Unsupported,
                "this tokenizer's decoder changes text after it was given out",
            )
        })
    }
}

#[cfg(test)]
mod tests;
