//! Exported functions of the grammars.

use std::sync::Arc;

use super::{borrow, borrow_mut, catch, free, guard, items, items_mut, utf8, Out};
use crate::error::{Code, Error, Result};
use crate::grammar::{Compiler, Kind, Matcher};
use crate::tokenizer::Tokenizer;

fn kind_of(number: i32) -> Result<Kind> {
    match number {
        0 => Ok(Kind::JsonSchema),
        1 => Ok(Kind::Regex),
        2 => Ok(Kind::Lark),
        3 => Ok(Kind::Choice),
        _ => Err(Error::new(Code::InvalidArgument, format!("kind: no kind {number}"))),
    }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_compiler_new(
    tokenizer: *const Arc<Tokenizer>,
    vocab_size: usize,
    stop_ids: *const u32,
    stop_count: usize,
    compiler: *mut *mut Compiler,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(compiler, "compiler")?;
        let tokenizer = borrow(tokenizer, "tokenizer")?;
        let stop_ids = items(stop_ids, stop_count, "stop_ids")?;
        out.set_handle(Compiler::new(tokenizer, vocab_size, stop_ids)?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_compiler_free(compiler: *mut Compiler) {
    free(compiler);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_new(
    compiler: *const Compiler,
    kind: i32,
    text: *const u8,
    text_size: usize,
    matcher: *mut *mut Matcher,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(matcher, "matcher")?;
        let compiler = borrow(compiler, "compiler")?;
        let text = utf8(text, text_size, "text")?;
        out.set_handle(compiler.compile(kind_of(kind)?, text)?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_copy(
    matcher: *const Matcher,
    copy: *mut *mut Matcher,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(copy, "copy")?;
        out.set_handle(borrow(matcher, "matcher")?.copy());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_mask(
    matcher: *mut Matcher,
    words: *mut u32,
    word_count: usize,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let matcher = borrow_mut(matcher, "matcher")?;
        matcher.mask(items_mut(words, word_count, "words")?)
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_accept(
    matcher: *mut Matcher,
    tokens: *const u32,
    count: usize,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || borrow_mut(matcher, "matcher")?.accept(items(tokens, count, "tokens")?))
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_valid_prefix(
    matcher: *mut Matcher,
    tokens: *const u32,
    count: usize,
    valid: *mut usize,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(valid, "valid")?;
        let tokens = items(tokens, count, "tokens")?;
        out.set(borrow_mut(matcher, "matcher")?.valid_prefix(tokens)?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_take_back(
    matcher: *mut Matcher,
    count: usize,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || borrow_mut(matcher, "matcher")?.take_back(count))
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_forced(
    matcher: *mut Matcher,
    tokens: *mut u32,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(count, "count")?;
        let tokens = items_mut(tokens, capacity, "tokens")?;
        let forced = borrow_mut(matcher, "matcher")?.forced()?;
        let given = forced.len().min(capacity);
        tokens[..given].copy_from_slice(&forced[..given]);
        out.set(given);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_complete(matcher: *const Matcher) -> i32 {
    catch(|| matcher.as_ref().map_or(0, |each| i32::from(each.complete()))).unwrap_or(0)
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_matcher_free(matcher: *mut Matcher) {
    free(matcher);
}
