#pragma once

/// C ABI of the Rust static library: tokenizers, grammars, Jinja templates, Parquet and Arrow rows.
///
/// Strings and bytes going in are a pointer and a length, need no terminating zero and are not kept
/// after the call; a null pointer is allowed only with length 0. Text must be UTF-8.
/// Text coming out is UTF-8 in an `anemone_bridge_buffer` that the caller frees.
/// Functions return a code; every failure also stores an error through `error` unless that pointer
/// is null, and leaves the other out parameters untouched. No call panics, throws or exits.
/// Handles may be shared between threads for reading: only `anemone_bridge_stream_*`,
/// `anemone_bridge_rows_next` and what takes a matcher that is not const change their handle. A
/// free function takes null and does nothing.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  ANEMONE_BRIDGE_OK = 0,
  ANEMONE_BRIDGE_INVALID_ARGUMENT = 1,  // null pointer, text that is not UTF-8, value out of range
  ANEMONE_BRIDGE_INVALID_DATA = 2,      // a file, template or JSON text that cannot be understood
  ANEMONE_BRIDGE_IO = 3,                // a file that cannot be opened or read
  ANEMONE_BRIDGE_UNSUPPORTED = 4,       // understood, but not supported or left out of this build
  ANEMONE_BRIDGE_RAISED = 5,            // the template called raise_exception
  ANEMONE_BRIDGE_RENDER = 6,            // the template failed while it ran
  ANEMONE_BRIDGE_LIMIT = 7,             // a bound on steps, size or depth was exceeded
  ANEMONE_BRIDGE_INTERNAL = 8           // a fault of this library
} anemone_bridge_code;

typedef struct anemone_bridge_error anemone_bridge_error;
typedef struct anemone_bridge_tokenizer anemone_bridge_tokenizer;
typedef struct anemone_bridge_encoding anemone_bridge_encoding;
typedef struct anemone_bridge_stream anemone_bridge_stream;
typedef struct anemone_bridge_template anemone_bridge_template;
typedef struct anemone_bridge_rows anemone_bridge_rows;
typedef struct anemone_bridge_compiler anemone_bridge_compiler;
typedef struct anemone_bridge_matcher anemone_bridge_matcher;

/// Bytes owned by the caller; free with anemone_bridge_buffer_free. Empty: {NULL, 0}.
typedef struct {
  char* data;
  size_t size;
} anemone_bridge_buffer;

/// Borrowed bytes.
typedef struct {
  const char* data;
  size_t size;
} anemone_bridge_text;

/// Frees the bytes and sets the buffer to {NULL, 0}.
void anemone_bridge_buffer_free(anemone_bridge_buffer* buffer);

/// Code of an error; ANEMONE_BRIDGE_OK for null.
anemone_bridge_code anemone_bridge_error_code(const anemone_bridge_error* error);
/// Message of an error, valid until the error is freed.
anemone_bridge_text anemone_bridge_error_message(const anemone_bridge_error* error);
/// Line (1-based) of the template or JSON text that the error is about; 0 when there is none.
uint32_t anemone_bridge_error_line(const anemone_bridge_error* error);
void anemone_bridge_error_free(anemone_bridge_error* error);

/// Version of this interface; changes when a signature or a meaning changes.
uint32_t anemone_bridge_version(void);

// ------------------------------------------------------------------------------------ tokenizer

/// What the two numbers of a token's offset count in the text that was encoded.
typedef enum {
  ANEMONE_BRIDGE_OFFSETS_NONE = 0,   // no offsets: the fastest
  ANEMONE_BRIDGE_OFFSETS_BYTES = 1,  // UTF-8 bytes
  ANEMONE_BRIDGE_OFFSETS_CHARS = 2   // Unicode code points, as Python counts
} anemone_bridge_offsets;

/// A tokenizer from the bytes of a `tokenizer.json`. Truncation and padding set in the file are
/// dropped: encode never cuts or pads, as transformers does by default.
anemone_bridge_code anemone_bridge_tokenizer_new(const char* json, size_t json_size,
                                                 anemone_bridge_tokenizer** tokenizer,
                                                 anemone_bridge_error** error);
void anemone_bridge_tokenizer_free(anemone_bridge_tokenizer* tokenizer);

/// Encodes one text. `add_special_tokens` != 0 runs the post-processor (BOS and such).
anemone_bridge_code anemone_bridge_tokenizer_encode(const anemone_bridge_tokenizer* tokenizer,
                                                    const char* text, size_t text_size,
                                                    int32_t add_special_tokens,
                                                    anemone_bridge_offsets offsets,
                                                    anemone_bridge_encoding** encoding,
                                                    anemone_bridge_error** error);
/// Encodes `count` texts on up to `threads` threads (0: as many as there are cores) and stores
/// `count` encodings in order. On failure none is stored; the message names the text's index.
anemone_bridge_code anemone_bridge_tokenizer_encode_batch(
    const anemone_bridge_tokenizer* tokenizer, const anemone_bridge_text* texts, size_t count,
    int32_t add_special_tokens, anemone_bridge_offsets offsets, size_t threads,
    anemone_bridge_encoding** encodings, anemone_bridge_error** error);

/// Number of tokens.
size_t anemone_bridge_encoding_size(const anemone_bridge_encoding* encoding);
/// Token ids, `size` of them, valid until the encoding is freed.
const uint32_t* anemone_bridge_encoding_ids(const anemone_bridge_encoding* encoding);
/// Begin and end of each token, 2 * `size` numbers; null when encoded without offsets.
const size_t* anemone_bridge_encoding_offsets(const anemone_bridge_encoding* encoding);
void anemone_bridge_encoding_free(anemone_bridge_encoding* encoding);

/// Text of `count` ids. Ids that name no token are skipped, as Hugging Face does.
/// `skip_special_tokens` != 0 leaves special tokens out.
anemone_bridge_code anemone_bridge_tokenizer_decode(const anemone_bridge_tokenizer* tokenizer,
                                                    const uint32_t* ids, size_t count,
                                                    int32_t skip_special_tokens,
                                                    anemone_bridge_buffer* text,
                                                    anemone_bridge_error** error);

/// The vocabulary's own spelling of a token (byte-level tokens in their printable alphabet).
/// An id that names no token is INVALID_ARGUMENT.
anemone_bridge_code anemone_bridge_tokenizer_id_to_token(const anemone_bridge_tokenizer* tokenizer,
                                                         uint32_t id, anemone_bridge_buffer* token,
                                                         anemone_bridge_error** error);
/// Id of a token spelled as in the vocabulary; `*found` is 0 when there is none.
anemone_bridge_code anemone_bridge_tokenizer_token_to_id(const anemone_bridge_tokenizer* tokenizer,
                                                         const char* token, size_t token_size,
                                                         uint32_t* id, int32_t* found,
                                                         anemone_bridge_error** error);
/// Number of distinct tokens, with or without the added ones.
anemone_bridge_code anemone_bridge_tokenizer_vocab_size(const anemone_bridge_tokenizer* tokenizer,
                                                        int32_t with_added_tokens, size_t* size,
                                                        anemone_bridge_error** error);
/// Added tokens in order of id, as JSON: [{"id":0,"content":"<s>","special":true,
/// "single_word":false,"lstrip":false,"rstrip":false,"normalized":false}, …].
anemone_bridge_code anemone_bridge_tokenizer_added_tokens(const anemone_bridge_tokenizer* tokenizer,
                                                          anemone_bridge_buffer* json,
                                                          anemone_bridge_error** error);

/// Incremental decoding: the pieces of all steps and of finish, joined, are the text that
/// anemone_bridge_tokenizer_decode gives for all the ids at once. Text that later tokens can still
/// change (part of a UTF-8 sequence) is held back. The stream keeps its tokenizer alive.
/// A stream belongs to one thread at a time.
anemone_bridge_code anemone_bridge_stream_new(const anemone_bridge_tokenizer* tokenizer,
                                              int32_t skip_special_tokens,
                                              anemone_bridge_stream** stream,
                                              anemone_bridge_error** error);
/// Adds one token and gives the text that has become certain, often empty.
anemone_bridge_code anemone_bridge_stream_step(anemone_bridge_stream* stream, uint32_t id,
                                               anemone_bridge_buffer* text,
                                               anemone_bridge_error** error);
/// Gives what was held back and makes the stream ready for a new sequence.
anemone_bridge_code anemone_bridge_stream_finish(anemone_bridge_stream* stream,
                                                 anemone_bridge_buffer* text,
                                                 anemone_bridge_error** error);
void anemone_bridge_stream_free(anemone_bridge_stream* stream);

// -------------------------------------------------------------------------------------- grammar

typedef enum {
  ANEMONE_BRIDGE_GRAMMAR_JSON_SCHEMA = 0,
  ANEMONE_BRIDGE_GRAMMAR_REGEX = 1,  // of the whole text, in the dialect of Rust's crate regex
  ANEMONE_BRIDGE_GRAMMAR_LARK = 2,   // llguidance's dialect of Lark
  ANEMONE_BRIDGE_GRAMMAR_CHOICE = 3  // a JSON list of texts
} anemone_bridge_grammar;

/// The tokens of a tokenizer as a tree of bytes, for grammars. Tokens from `vocab_size` on do not
/// occur, special ones only where a grammar names them; `stop_ids` are allowed where the text may
/// end. UNSUPPORTED: a decoder under which a token has no bytes of its own. Keeps its tokenizer
/// alive. About 4 µs a token, once.
anemone_bridge_code anemone_bridge_compiler_new(const anemone_bridge_tokenizer* tokenizer,
                                                size_t vocab_size, const uint32_t* stop_ids,
                                                size_t stop_count,
                                                anemone_bridge_compiler** compiler,
                                                anemone_bridge_error** error);
void anemone_bridge_compiler_free(anemone_bridge_compiler* compiler);

/// A place in a text under a grammar, at its beginning. INVALID_DATA: the grammar, in llguidance's
/// words. A matcher belongs to one thread at a time and keeps what it needs of its compiler alive.
/// After the error of a function that changes it, it gives the same error again.
anemone_bridge_code anemone_bridge_matcher_new(const anemone_bridge_compiler* compiler,
                                               anemone_bridge_grammar kind, const char* text,
                                               size_t text_size, anemone_bridge_matcher** matcher,
                                               anemone_bridge_error** error);
/// An independent matcher at the same place, without compiling again.
anemone_bridge_code anemone_bridge_matcher_copy(const anemone_bridge_matcher* matcher,
                                                anemone_bridge_matcher** copy,
                                                anemone_bridge_error** error);
/// Writes `word_count` = (vocab_size + 31) / 32 words: bit `id % 32` of word `id / 32` says whether
/// token `id` may come next. LIMIT: it would take too much work, or no token may.
anemone_bridge_code anemone_bridge_matcher_mask(anemone_bridge_matcher* matcher, uint32_t* words,
                                                size_t word_count, anemone_bridge_error** error);
/// Goes on behind `count` tokens. LIMIT: one of them must not come.
anemone_bridge_code anemone_bridge_matcher_accept(anemone_bridge_matcher* matcher,
                                                  const uint32_t* tokens, size_t count,
                                                  anemone_bridge_error** error);
/// How many of the tokens may come, one after the other; the place stays.
anemone_bridge_code anemone_bridge_matcher_valid_prefix(anemone_bridge_matcher* matcher,
                                                        const uint32_t* tokens, size_t count,
                                                        size_t* valid,
                                                        anemone_bridge_error** error);
/// Goes back by `count` tokens.
anemone_bridge_code anemone_bridge_matcher_take_back(anemone_bridge_matcher* matcher, size_t count,
                                                     anemone_bridge_error** error);
/// The tokens that must come next, as the tokenizer would write that text, at most `capacity` of
/// them; none where there is a choice. The place stays.
anemone_bridge_code anemone_bridge_matcher_forced(anemone_bridge_matcher* matcher, uint32_t* tokens,
                                                  size_t capacity, size_t* count,
                                                  anemone_bridge_error** error);
/// 1 when the text is complete and nothing but its end may follow.
int32_t anemone_bridge_matcher_complete(const anemone_bridge_matcher* matcher);
void anemone_bridge_matcher_free(anemone_bridge_matcher* matcher);

// ------------------------------------------------------------------------------------- template

typedef enum {
  /// Chat templates as transformers renders them: trim_blocks, lstrip_blocks, last newline dropped,
  /// loop controls, lenient undefined values, tojson as json.dumps(ensure_ascii=False),
  /// raise_exception, strftime_now, generation blocks.
  ANEMONE_BRIDGE_DIALECT_CHAT = 0,
  /// Task templates as lm-evaluation-harness renders them: strict undefined values, last newline
  /// kept, nothing trimmed, filter regex_replace, Jinja's own tojson.
  ANEMONE_BRIDGE_DIALECT_TASK = 1
} anemone_bridge_dialect;

/// Local time that strftime_now formats.
typedef struct {
  int32_t year, month, day;      // month 1-12, day 1-31
  int32_t hour, minute, second;  // second 0-59
  int32_t microsecond;
} anemone_bridge_clock;

/// Bounds of one rendering; 0 takes the default.
typedef struct {
  uint64_t steps;         // template instructions, default 5 million
  uint64_t output_bytes;  // default 256 MiB
} anemone_bridge_limits;

/// Compiles a template. The handle may be rendered from several threads at once.
anemone_bridge_code anemone_bridge_template_new(anemone_bridge_dialect dialect, const char* source,
                                                size_t source_size,
                                                anemone_bridge_template** compiled,
                                                anemone_bridge_error** error);
void anemone_bridge_template_free(anemone_bridge_template* compiled);

/// Renders with a JSON object as context: order of keys and the difference between 1 and 1.0 are
/// kept, integers have up to 127 bits. `clock` may be null: then strftime_now fails.
/// `limits` may be null.
anemone_bridge_code anemone_bridge_template_render(const anemone_bridge_template* compiled,
                                                   const char* context_json, size_t context_size,
                                                   const anemone_bridge_clock* clock,
                                                   const anemone_bridge_limits* limits,
                                                   anemone_bridge_buffer* text,
                                                   anemone_bridge_error** error);

// ----------------------------------------------------------------------------------------- rows

typedef enum {
  ANEMONE_BRIDGE_ROWS_PARQUET = 0,
  ANEMONE_BRIDGE_ROWS_ARROW_STREAM = 1  // IPC stream: the `.arrow` files of the datasets cache
} anemone_bridge_rows_format;

/// Opens a file of rows by path (UTF-8). The file must not change while it is open.
anemone_bridge_code anemone_bridge_rows_open(anemone_bridge_rows_format format, const char* path,
                                             size_t path_size, anemone_bridge_rows** rows,
                                             anemone_bridge_error** error);
/// The same from memory; the bytes are copied.
anemone_bridge_code anemone_bridge_rows_open_bytes(anemone_bridge_rows_format format,
                                                   const char* bytes, size_t bytes_size,
                                                   anemone_bridge_rows** rows,
                                                   anemone_bridge_error** error);
/// Number of rows when the format states it (Parquet), else -1.
int64_t anemone_bridge_rows_count(const anemone_bridge_rows* rows);
/// Schema as JSON: {"columns":[{"name":"text","type":"Utf8","nullable":true}, …],
/// "metadata":{"huggingface":"…"}}.
anemone_bridge_code anemone_bridge_rows_schema(const anemone_bridge_rows* rows,
                                               anemone_bridge_buffer* json,
                                               anemone_bridge_error** error);
/// The next rows as JSON Lines: one object a row, keys in schema order, no blanks, NaN and
/// infinities as Python writes them, bytes as base64, dates and times as ISO 8601 text, decimals
/// as text, maps as objects. `*row_count` is 0 and the text empty at the end.
/// After an error the same error comes again.
anemone_bridge_code anemone_bridge_rows_next(anemone_bridge_rows* rows,
                                             anemone_bridge_buffer* jsonl, size_t* row_count,
                                             anemone_bridge_error** error);
void anemone_bridge_rows_free(anemone_bridge_rows* rows);

/// SHA-256 of bytes given in pieces.
typedef struct anemone_bridge_sha256 anemone_bridge_sha256;
anemone_bridge_sha256* anemone_bridge_sha256_new(void);
anemone_bridge_code anemone_bridge_sha256_update(anemone_bridge_sha256* hasher, const void* data,
                                                 size_t data_size, anemone_bridge_error** error);
/// Writes the 32 bytes of the digest of what was given so far.
anemone_bridge_code anemone_bridge_sha256_finish(const anemone_bridge_sha256* hasher,
                                                 unsigned char digest[32],
                                                 anemone_bridge_error** error);
void anemone_bridge_sha256_free(anemone_bridge_sha256* hasher);

/// BLAKE3 of bytes given in pieces; pieces of 64 KiB and more are hashed faster than small ones.
typedef struct anemone_bridge_blake3 anemone_bridge_blake3;
anemone_bridge_blake3* anemone_bridge_blake3_new(void);
anemone_bridge_code anemone_bridge_blake3_update(anemone_bridge_blake3* hasher, const void* data,
                                                 size_t data_size, anemone_bridge_error** error);
/// Writes the 32 bytes of the digest of what was given so far.
anemone_bridge_code anemone_bridge_blake3_finish(const anemone_bridge_blake3* hasher,
                                                 unsigned char digest[32],
                                                 anemone_bridge_error** error);
void anemone_bridge_blake3_free(anemone_bridge_blake3* hasher);

#ifdef __cplusplus
}
#endif
