//! What each token adds to the decoded text, read from the decoder's own description.

use serde_json::Value;

use crate::error::{Code, Error, Result};

/// How the decoder of a tokenizer makes bytes of one token, whatever stands around it.
#[derive(Debug, Default, PartialEq)]
pub struct TokenDecoder {
    /// Text in a token and what stands for it, in this order.
    replaced: Vec<(String, String)>,
    /// `<0x41>` is the byte 0x41.
    byte_fallback: bool,
    /// Each character is a byte of GPT-2's printable alphabet.
    byte_level: bool,
    /// The first blank of a text is dropped.
    pub drops_first_blank: bool,
    fused: bool,
}

impl TokenDecoder {
    pub fn new(decoder: &Value) -> Result<Self> {
        let mut result = Self::default();
        result.add(decoder)?;
        Ok(result)
    }

    fn add(&mut self, decoder: &Value) -> Result<()> {
        let kind = decoder["type"].as_str().unwrap_or("null");
        let text = |key: &str| decoder[key].as_str().map(str::to_owned);
        match kind {
            "Sequence" => {
                for each in decoder["decoders"].as_array().into_iter().flatten() {
                    self.add(each)?;
                }
                return Ok(());
            }
            "ByteLevel" => self.byte_level = true,
            "ByteFallback" => self.byte_fallback = true,
            "Fuse" => self.fused = true,
            "Metaspace" => {
                let mark = text("replacement").unwrap_or_default();
                self.replaced.push((mark, " ".to_owned()));
                self.drops_first_blank = decoder["prepend_scheme"] != "never";
            }
            "Replace" if !self.fused => {
                match (decoder["pattern"]["String"].as_str(), text("content")) {
                    (Some(pattern), Some(content)) => {
                        self.replaced.push((pattern.to_owned(), content));
                    }
                    _ => return Err(unknown("Replace with a regular expression")),
                }
            }
            "Strip" if self.fused && decoder["stop"] == 0 && decoder["content"] == " " => {
                match decoder["start"].as_u64() {
                    Some(0) => {}
                    Some(1) => self.drops_first_blank = true,
                    _ => return Err(unknown("Strip of several blanks")),
                }
            }
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    pub fn bytes(&self, token: &str) -> Vec<u8> {
        let mut text = token.to_owned();
        for (pattern, content) in &self.replaced {
            text = text.replace(pattern, content);
        }
        if self.byte_level {
            let bytes: Option<Vec<u8>> = text.chars().map(byte_of_letter).collect();
            return bytes.unwrap_or_else(|| text.into_bytes());
        }
        if self.byte_fallback && text.len() == 6 && text.starts_with("<0x") && text.ends_with('>') {
            if let Ok(byte) = u8::from_str_radix(&text[3..5], 16) {
                return vec![byte];
            }
        }
        text.into_bytes()
    }
}

fn unknown(decoder: &str) -> Error {
    let message = format!(
        "tokenizer.json: decoder {decoder}: the bytes of a token depend on the tokens around it"
    );
    Error::new(Code::Unsupported, message)
}

/// GPT-2's alphabet: printable bytes stand for themselves, the others follow from U+0100 in order.
fn byte_of_letter(letter: char) -> Option<u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let code = u32::from(letter);
    if let Ok(byte) = u8::try_from(code) {
        return printable(byte).then_some(byte);
    }
    let rank = usize::try_from(code.checked_sub(0x100)?).ok()?;
    (0..=u8::MAX).filter(|&byte| !printable(byte)).nth(rank)
}

/// A copy of a normalizer or pre-tokenizer that puts no blank before a text.
pub fn without_first_blank(part: &Value) -> Value {
    let mut part = part.clone();
    match part["type"].as_str() {
        Some("Prepend") => return Value::Null,
        Some("Metaspace") => part["prepend_scheme"] = "never".into(),
        Some("ByteLevel") => part["add_prefix_space"] = false.into(),
        Some("Sequence") => {
            for list in ["normalizers", "pretokenizers"] {
                if let Some(parts) = part[list].as_array() {
                    let kept: Vec<_> =
                        parts.iter().map(without_first_blank).filter(|p| !p.is_null()).collect();
                    part[list] = kept.into();
                }
            }
        }
        _ => {}
    }
    part
}
