//! A tokenizer as llguidance sees it: the bytes of its tokens as a tree, and how text is encoded.

use std::sync::Arc;

use tokenizers::{NormalizerWrapper, PreTokenizerWrapper};
use toktrie::{TokRxInfo, TokTrie, TokenId, TokenizerEnv, INVALID_TOKEN};

use super::token_bytes::{without_first_blank, TokenDecoder};
use crate::error::{Code, Error, Result};
use crate::tokenizer::Tokenizer;

/// Longer tokens do not fit the tree; no grammar misses them.
const MOST_TOKEN_BYTES: usize = 1000;

pub struct Vocabulary {
    tokenizer: Arc<Tokenizer>,
    trie: TokTrie,
    /// Each byte of UTF-8 has a token of its own, so that any text can be written.
    pub writes_all: bool,
    pub drops_first_blank: bool,
}

impl Vocabulary {
    /// Tokens from `vocab_size` on, which the model cannot give, do not occur.
    pub fn new(tokenizer: &Arc<Tokenizer>, vocab_size: usize, stop_ids: &[u32]) -> Result<Self> {
        let size = u32::try_from(vocab_size).ok().filter(|&n| n > 0 && n < 1 << 24);
        let size = size.ok_or_else(|| {
            let message = format!("vocab_size: {vocab_size}, expected 1 to {}", (1 << 24) - 1);
            Error::new(Code::InvalidArgument, message)
        })?;
        let description = serde_json::to_value(tokenizer.hf().get_decoder())
            .map_err(|e| Error::new(Code::InvalidData, e.to_string()))?;
        let decoder = TokenDecoder::new(&description)?;
        let words: Vec<_> = (0..size).map(|id| token_bytes(tokenizer, &decoder, id)).collect();
        let stop_ids: Vec<_> = stop_ids.iter().copied().filter(|&id| id < size).collect();
        let first = stop_ids.first().copied().unwrap_or(INVALID_TOKEN);
        let mut trie = TokTrie::from(&TokRxInfo::new(size, first), &words);
        if stop_ids.len() > 1 {
            trie = trie.with_eos_tokens(&stop_ids);
        }
        let drops_first_blank = decoder.drops_first_blank;
        let never_in_utf8 = |byte: u8| matches!(byte, 0xc0 | 0xc1 | 0xf5..);
        let writes_all = (0..=u8::MAX)
            .all(|byte| never_in_utf8(byte) || trie.token_id_at_bytes(&[byte]).is_some());
        Ok(Self { tokenizer: encoder_of(tokenizer)?, trie, writes_all, drops_first_blank })
    }

    fn encode(&self, text: &str) -> Vec<TokenId> {
        let encoded = self.tokenizer.hf().encode_fast(text, false);
        let ids = encoded.map(|e| e.get_ids().to_vec()).unwrap_or_default();
        // A normalizer changes text, a special token's name is read as that token.
        if self.spell(&ids, text) {
            return ids;
        }
        self.trie.greedy_tokenize(text.as_bytes())
    }

    fn spell(&self, ids: &[TokenId], text: &str) -> bool {
        ids.iter().all(|&id| (id as usize) < self.trie.vocab_size())
            && ids.iter().flat_map(|&id| self.trie.token(id)).eq(text.as_bytes())
    }
}

/// Special tokens carry the tree's mark, so that no text contains them.
fn token_bytes(tokenizer: &Tokenizer, decoder: &TokenDecoder, id: u32) -> Vec<u8> {
    let marked = |name: &str| [&[TokTrie::SPECIAL_TOKEN_MARKER], name.as_bytes()].concat();
    let Some(token) = tokenizer.hf().id_to_token(id) else {
        return marked(&format!("<[{id}]>"));
    };
    if tokenizer.hf().get_added_vocabulary().is_special_token(&token) {
        return marked(&token);
    }
    let bytes = decoder.bytes(&token);
    if bytes.len() > MOST_TOKEN_BYTES || bytes.first() == Some(&TokTrie::SPECIAL_TOKEN_MARKER) {
        return marked(&format!("<[{id}]>"));
    }
    bytes
}

/// The tokenizer itself, or a copy that puts no blank before a text.
fn encoder_of(tokenizer: &Arc<Tokenizer>) -> Result<Arc<Tokenizer>> {
    let invalid = |e: serde_json::Error| Error::new(Code::InvalidData, e.to_string());
    let normalizer = serde_json::to_value(tokenizer.hf().get_normalizer()).map_err(invalid)?;
    let splitter = serde_json::to_value(tokenizer.hf().get_pre_tokenizer()).map_err(invalid)?;
    let (plain_normalizer, plain_splitter) =
        (without_first_blank(&normalizer), without_first_blank(&splitter));
    if plain_normalizer == normalizer && plain_splitter == splitter {
        return Ok(Arc::clone(tokenizer));
    }
    let mut copy = tokenizer.hf().clone();
    let normalizer: Option<NormalizerWrapper> =
        serde_json::from_value(plain_normalizer).map_err(invalid)?;
    copy.with_normalizer(normalizer).map_err(|e| Error::new(Code::InvalidData, e.to_string()))?;
    let splitter: Option<PreTokenizerWrapper> =
        serde_json::from_value(plain_splitter).map_err(invalid)?;
    copy.with_pre_tokenizer(splitter);
    Ok(Arc::new(tokenizer.with(copy)))
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, text: &[u8]) -> Vec<TokenId> {
        self.trie.tokenize_with_greedy_fallback(text, |text| self.encode(text))
    }

    /// Text that cannot be written must not be forced.
    fn tokenize_is_canonical(&self) -> bool {
        self.writes_all
    }
}
