//! Exported functions of the tokenizer.

use std::sync::Arc;

use super::{borrow, borrow_mut, bytes, free, guard, items, null, utf8, Buffer, Out, Text};
use crate::error::{Code, Error, Result};
use crate::tokenizer::{Encoding, OffsetUnit, Stream, Tokenizer};

type Handle = Arc<Tokenizer>;

fn offset_unit(number: i32) -> Result<OffsetUnit> {
    match number {
        0 => Ok(OffsetUnit::None),
        1 => Ok(OffsetUnit::Bytes),
        2 => Ok(OffsetUnit::Chars),
        _ => Err(Error::new(Code::InvalidArgument, format!("offsets: no unit {number}"))),
    }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_new(
    json: *const u8,
    json_size: usize,
    tokenizer: *mut *mut Handle,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(tokenizer, "tokenizer")?;
        let parsed = Tokenizer::from_json(bytes(json, json_size, "json")?)?;
        out.set_handle(Arc::new(parsed));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_free(tokenizer: *mut Handle) {
    free(tokenizer);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_encode(
    tokenizer: *const Handle,
    text: *const u8,
    text_size: usize,
    add_special_tokens: i32,
    offsets: i32,
    encoding: *mut *mut Encoding,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(encoding, "encoding")?;
        let tokenizer = borrow(tokenizer, "tokenizer")?;
        let text = utf8(text, text_size, "text")?;
        out.set_handle(tokenizer.encode(text, add_special_tokens != 0, offset_unit(offsets)?)?);
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_encode_batch(
    tokenizer: *const Handle,
    texts: *const Text,
    count: usize,
    add_special_tokens: i32,
    offsets: i32,
    threads: usize,
    encodings: *mut *mut Encoding,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let tokenizer = borrow(tokenizer, "tokenizer")?;
        let unit = offset_unit(offsets)?;
        let texts = items(texts, count, "texts")?
            .iter()
            .enumerate()
            .map(|(i, text)| utf8(text.data, text.size, &format!("text {i}")))
            .collect::<Result<Vec<_>>>()?;
        if encodings.is_null() && count > 0 {
            return Err(null("encodings"));
        }
        let encoded = tokenizer.encode_batch(&texts, add_special_tokens != 0, unit, threads)?;
        for (i, encoding) in encoded.into_iter().enumerate() {
            encodings.add(i).write(Box::into_raw(Box::new(encoding)));
        }
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_encoding_size(encoding: *const Encoding) -> usize {
    encoding.as_ref().map_or(0, |e| e.ids.len())
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_encoding_ids(encoding: *const Encoding) -> *const u32 {
    encoding.as_ref().map_or(std::ptr::null(), |e| e.ids.as_ptr())
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_encoding_offsets(
    encoding: *const Encoding,
) -> *const usize {
    match encoding.as_ref() {
        Some(e) if !e.offsets.is_empty() => e.offsets.as_ptr(),
        _ => std::ptr::null(),
    }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_encoding_free(encoding: *mut Encoding) {
    free(encoding);
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_decode(
    tokenizer: *const Handle,
    ids: *const u32,
    count: usize,
    skip_special_tokens: i32,
    text: *mut Buffer,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(text, "text")?;
        let tokenizer = borrow(tokenizer, "tokenizer")?;
        let ids = items(ids, count, "ids")?;
        out.set(tokenizer.decode(ids, skip_special_tokens != 0)?.into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_id_to_token(
    tokenizer: *const Handle,
    id: u32,
    token: *mut Buffer,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(token, "token")?;
        out.set(borrow(tokenizer, "tokenizer")?.id_to_token(id)?.into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_token_to_id(
    tokenizer: *const Handle,
    token: *const u8,
    token_size: usize,
    id: *mut u32,
    found: *mut i32,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let (id, found) = (Out::new(id, "id")?, Out::new(found, "found")?);
        let tokenizer = borrow(tokenizer, "tokenizer")?;
        let result = tokenizer.token_to_id(utf8(token, token_size, "token")?);
        id.set(result.unwrap_or(0));
        found.set(i32::from(result.is_some()));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_vocab_size(
    tokenizer: *const Handle,
    with_added_tokens: i32,
    size: *mut usize,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(size, "size")?;
        out.set(borrow(tokenizer, "tokenizer")?.vocab_size(with_added_tokens != 0));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_tokenizer_added_tokens(
    tokenizer: *const Handle,
    json: *mut Buffer,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(json, "json")?;
        out.set(borrow(tokenizer, "tokenizer")?.added_tokens_json().into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_stream_new(
    tokenizer: *const Handle,
    skip_special_tokens: i32,
    stream: *mut *mut Stream,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(stream, "stream")?;
        let tokenizer = Arc::clone(borrow(tokenizer, "tokenizer")?);
        out.set_handle(Stream::new(tokenizer, skip_special_tokens != 0));
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_stream_step(
    stream: *mut Stream,
    id: u32,
    text: *mut Buffer,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(text, "text")?;
        out.set(borrow_mut(stream, "stream")?.step(id)?.into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_stream_finish(
    stream: *mut Stream,
    text: *mut Buffer,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        let out = Out::new(text, "text")?;
        out.set(borrow_mut(stream, "stream")?.finish()?.into());
        Ok(())
    })
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn anemone_bridge_stream_free(stream: *mut Stream) {
    free(stream);
}
