//! Grammars that say which tokens may come next; llguidance does the work.

mod refusal;
mod schema;
mod token_bytes;
mod vocabulary;

use std::sync::Arc;

use llguidance::api::{GrammarWithLexer, StopReason, TopLevelGrammar};
use llguidance::toktrie::{InferenceCapabilities, TokEnv};
use llguidance::{JsonCompileOptions, ParserFactory};
use serde_json::Value;

use crate::error::{Code, Error, Result};
use crate::tokenizer::Tokenizer;
use vocabulary::Vocabulary;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    JsonSchema,
    Regex,
    Lark,
    /// A JSON list of texts.
    Choice,
}

/// States of a matcher, each of 1 to 2 kB.
const MOST_STATES: usize = 100_000;

/// Compiles grammars for one tokenizer.
pub struct Compiler {
    factory: ParserFactory,
    vocab_size: usize,
    drops_first_blank: bool,
}

impl Compiler {
    pub fn new(tokenizer: &Arc<Tokenizer>, vocab_size: usize, stop_ids: &[u32]) -> Result<Self> {
        let vocabulary = Vocabulary::new(tokenizer, vocab_size, stop_ids)?;
        let (drops_first_blank, writes_all) = (vocabulary.drops_first_blank, vocabulary.writes_all);
        let env: TokEnv = Arc::new(vocabulary);
        let capabilities = InferenceCapabilities { ff_tokens: writes_all, ..Default::default() };
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut factory = ParserFactory::new(&env, capabilities, &slices)
            .map_err(|e| Error::new(Code::Internal, e.to_string()))?;
        factory.quiet();
        let limits = factory.limits_mut();
        limits.verbose_errors = false;
        limits.max_lexer_states = MOST_STATES;
        Ok(Self { factory, vocab_size, drops_first_blank })
    }

    pub fn compile(&self, kind: Kind, text: &str) -> Result<Matcher> {
        let grammar = match kind {
            Kind::JsonSchema => GrammarWithLexer::from_json_schema(json_schema(text)?),
            Kind::Regex => GrammarWithLexer::from_regex(text),
            Kind::Lark => GrammarWithLexer::from_lark(text.to_owned()),
            Kind::Choice => GrammarWithLexer::from_lark(choice(text)?),
        };
        let whole = if self.drops_first_blank && kind != Kind::Lark {
            after_blank(grammar)
        } else {
            TopLevelGrammar::from_grammar(grammar)
        };
        let parser =
            self.factory.create_parser(whole).map_err(|e| refused(kind, &e.to_string()))?;
        let inner = llguidance::Matcher::new(Ok(parser));
        if let Some(message) = inner.get_error() {
            return Err(refused(kind, &message));
        }
        Ok(Matcher { inner, vocab_size: self.vocab_size, ahead: Vec::new() })
    }
}

/// Decoding drops the first blank of a text, so that the grammar's text comes behind one.
fn after_blank(mut grammar: GrammarWithLexer) -> TopLevelGrammar {
    grammar.name = Some("text".to_owned());
    let outer = GrammarWithLexer::from_lark("start: \" \" @text".to_owned());
    TopLevelGrammar { grammars: vec![outer, grammar], max_tokens: None }
}

fn json_schema(text: &str) -> Result<Value> {
    let schema: Value = serde_json::from_str(text).map_err(|e| {
        let words = e.to_string();
        let words = words.split_once(" at line ").map_or(words.as_str(), |(before, _)| before);
        Error::new(Code::InvalidData, format!("this is no JSON: {words}")).at_line(e.line())
    })?;
    let schema = schema::with_bounded_blanks(schema::with_ascii_classes(schema));
    if let Some(options) = schema.get("x-guidance") {
        if let Err(e) = serde_json::from_value::<JsonCompileOptions>(options.clone()) {
            return Err(Error::new(Code::InvalidData, format!("x-guidance: {e}")));
        }
    }
    Ok(schema)
}

fn choice(text: &str) -> Result<String> {
    let texts: Vec<String> = serde_json::from_str(text)
        .map_err(|e| Error::new(Code::InvalidData, format!("choices: {e}")))?;
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(Error::new(Code::InvalidData, "a choice of no texts, or an empty one"));
    }
    let quoted: Vec<_> = texts.iter().map(|each| Value::from(each.as_str()).to_string()).collect();
    Ok(format!("start: {}", quoted.join(" | ")))
}

fn refused(kind: Kind, message: &str) -> Error {
    Error::new(Code::InvalidData, refusal::words(message, kind == Kind::Lark))
}

/// A place in a text under a grammar.
pub struct Matcher {
    inner: llguidance::Matcher,
    vocab_size: usize,
    /// Tokens that are known to come next: a long text that is forced is written only once.
    ahead: Vec<u32>,
}

impl Matcher {
    /// An independent copy, which takes no lock with this one.
    pub fn copy(&self) -> Self {
        Self {
            inner: self.inner.deep_clone(),
            vocab_size: self.vocab_size,
            ahead: self.ahead.clone(),
        }
    }

    /// Sets bit `id % 32` of word `id / 32` for each token that may come next.
    pub fn mask(&mut self, words: &mut [u32]) -> Result<()> {
        let wanted = self.vocab_size.div_ceil(32);
        if words.len() != wanted {
            let message = format!("words: {} of them, expected {wanted}", words.len());
            return Err(Error::new(Code::InvalidArgument, message));
        }
        if let Some(&next) = self.ahead.first() {
            words.fill(0);
            words[next as usize / 32] |= 1 << (next % 32);
            return Ok(());
        }
        let allowed = self.inner.compute_mask().map_err(|e| failed(&e))?;
        words.copy_from_slice(&allowed.as_slice()[..wanted]);
        if self.vocab_size % 32 != 0 {
            words[wanted - 1] &= (1 << (self.vocab_size % 32)) - 1;
        }
        Ok(())
    }

    pub fn accept(&mut self, tokens: &[u32]) -> Result<()> {
        let taken = self.inner.consume_tokens(tokens).map_err(|e| failed(&e));
        let is_known = taken.is_ok() && self.ahead.starts_with(tokens);
        self.ahead.drain(..if is_known { tokens.len() } else { self.ahead.len() });
        taken
    }

    /// How many of `tokens` may follow, one after the other.
    pub fn valid_prefix(&mut self, tokens: &[u32]) -> Result<usize> {
        self.inner.validate_tokens(tokens).map_err(|e| failed(&e))
    }

    pub fn take_back(&mut self, count: usize) -> Result<()> {
        self.ahead.clear();
        self.inner.rollback(count).map_err(|e| failed(&e))
    }

    /// The tokens that must come next, as the tokenizer would write them.
    pub fn forced(&mut self) -> Result<&[u32]> {
        if self.ahead.is_empty() {
            let tokens = self.inner.compute_ff_tokens();
            if let Some(message) = self.inner.get_error() {
                return Err(Error::new(Code::Limit, refusal::one_line(&message)));
            }
            self.ahead = tokens;
        }
        Ok(&self.ahead)
    }

    /// The text is complete and nothing may follow.
    pub fn complete(&self) -> bool {
        self.inner.is_stopped() && !self.inner.is_error()
    }
}

fn failed(error: &anyhow::Error) -> Error {
    let message = refusal::one_line(&error.to_string());
    if message == StopReason::NoExtensionBias.to_string() {
        let words = "no token may follow: the tokenizer cannot write what the grammar wants here";
        return Error::new(Code::Limit, words);
    }
    Error::new(Code::Limit, message)
}

#[cfg(test)]
mod tests;
