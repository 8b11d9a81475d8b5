#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/result.h"

/// Text to tokens and back, and conversations to text, exactly as Hugging Face's tokenizers and
/// transformers 4.57 do it.
namespace anemone::text {

/// The bytes of the encoded text that a token stands for: [begin, end). Tokens that hold parts of
/// one character all name the whole character; special tokens that were added have 0, 0.
struct TokenSpan {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const TokenSpan&) const = default;
};

struct Encoding {
  std::vector<int32_t> ids;
  std::vector<TokenSpan> spans;  ///< as many as ids.
};

/// A token that is matched in the text as it stands, before any splitting.
struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;  ///< left out by decode(…, skip_special_tokens = true).
};

/// The tokens with a role, by transformers' names: "bos_token", "eos_token", "pad_token", …
using SpecialTokens = std::map<std::string, std::string, std::less<>>;

class DetokenizeStream;

/// A Hugging Face fast tokenizer with its configuration. Cheap to copy; all methods may be called
/// from several threads at once. Text is UTF-8 (anything else: invalid_argument).
class Tokenizer {
 public:
  /// Reads `tokenizer.json` of a model directory (for a `.mlpackage` or `.mlmodelc`, of the folder
  /// that holds it) and, where they exist, `tokenizer_config.json`,
  /// `special_tokens_map.json`, `generation_config.json`, `config.json`, `chat_template.jinja` and
  /// `additional_chat_templates/`. Errors: not_found (no tokenizer.json), io, corrupt (which file
  /// and what is wrong), mismatch (a role names a token that the vocabulary lacks where that
  /// matters).
  static Result<Tokenizer> load(const std::filesystem::path& model);

  /// A tokenizer alone, from the content of a `tokenizer.json`. Errors: corrupt.
  static Result<Tokenizer> parse(std::string_view tokenizer_json);

  /// `add_special_tokens` adds what the model wants around a text (BOS, [CLS], …). Special tokens
  /// spelled in the text become those tokens. Never cuts or pads.
  Result<std::vector<int32_t>> encode(std::string_view text, bool add_special_tokens) const;
  /// `encode` into `ids`, whose memory is kept from call to call and grows only when it is too
  /// small. After an error `ids` is as before.
  Status encode_to(std::string_view text, bool add_special_tokens, std::vector<int32_t>& ids) const;
  Result<Encoding> encode_with_spans(std::string_view text, bool add_special_tokens) const;
  /// The same for many texts, on `threads` threads (0: one a core). An error names the text's
  /// index.
  Result<std::vector<std::vector<int32_t>>> encode_batch(std::span<const std::string> texts,
                                                         bool add_special_tokens,
                                                         size_t threads = 0) const;

  /// The text of tokens; bytes that are no UTF-8 become U+FFFD, ids without a token are left out.
  /// Errors: out_of_range (negative id).
  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens) const;
  /// Decodes token by token. `clean_up`: of blanks, as decode does it.
  DetokenizeStream stream(bool skip_special_tokens, bool clean_up = true) const;

  /// The vocabulary's spelling of a token (byte-level tokens in their printable alphabet).
  /// Errors: out_of_range.
  Result<std::string> token(int32_t id) const;
  std::optional<int32_t> find(std::string_view token) const;
  /// Number of tokens, added ones included. Logits may have more columns.
  size_t vocab_size() const;
  /// SHA-256 of the bytes of tokenizer.json followed by those of tokenizer_config.json, where it
  /// exists, as 64 hexadecimal digits. special_tokens_map.json, which some tokenizers take the
  /// tokens around a text from, is not part of it.
  const std::string& sha256() const;
  /// In order of id.
  const std::vector<AddedToken>& added_tokens() const;

  const SpecialTokens& special_tokens() const;
  /// Lists among the roles, such as "additional_special_tokens".
  const std::map<std::string, std::vector<std::string>, std::less<>>& special_token_lists() const;
  std::optional<int32_t> bos_id() const;
  std::optional<int32_t> eos_id() const;
  std::optional<int32_t> pad_id() const;
  /// Ids that end a generation, ascending: `eos_token_id` of generation_config.json, else of
  /// config.json, and the tokenizer's own EOS.
  const std::vector<int32_t>& stop_ids() const;

  /// Chat templates by name; the usual one is "default". Empty when the model has none.
  const std::map<std::string, std::string, std::less<>>& chat_templates() const;

  struct State;

 private:
  friend class GrammarCompiler;
  explicit Tokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Incremental decoding for streamed output: the pieces of all steps and of finish, joined, are
/// what Tokenizer::decode gives for all the ids. What later tokens can still change is held back,
/// such as the first bytes of a character. Keeps its tokenizer alive; one thread at a time.
class DetokenizeStream {
 public:
  DetokenizeStream(DetokenizeStream&&) noexcept;
  DetokenizeStream& operator=(DetokenizeStream&&) noexcept;
  ~DetokenizeStream();

  /// The text that has become certain with this token, often empty. Errors: out_of_range.
  Result<std::string> step(int32_t id);
  /// What was held back; the stream is then ready for another sequence.
  Result<std::string> finish();

 private:
  friend class Tokenizer;
  struct State;
  explicit DetokenizeStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Local time as a template sees it through `strftime_now`.
struct WallClock {
  int year = 1970, month = 1, day = 1;
  int hour = 0, minute = 0, second = 0, microsecond = 0;
  static WallClock now();
};

/// A conversation to render. All texts are JSON, as in the OpenAI and transformers interfaces.
struct ChatRequest {
  std::string messages;   ///< list of {"role", "content", …}, at least one.
  std::string tools;      ///< list of tool schemas; empty: none.
  std::string documents;  ///< list of {"title", "text"}; empty: none.
  std::string variables;  ///< object of further template variables; empty: none.
  /// End with what starts the assistant's answer.
  bool add_generation_prompt = false;
  /// End inside the last message, so that the model goes on with it. Excludes the above.
  bool continue_final_message = false;
  std::optional<WallClock> clock = {};  ///< default: now.
};

/// A compiled chat template. Cheap to copy; may be rendered from several threads.
class ChatTemplate {
 public:
  /// The tokenizer's template: the one called `name`, or without a name "tool_use" if there are
  /// tools and it exists, else "default". Errors: not_found (lists the names), corrupt (line).
  static Result<ChatTemplate> of(const Tokenizer& tokenizer, std::string_view name = {},
                                 bool with_tools = false);
  /// From Jinja source. Errors: corrupt (line and what is wrong).
  static Result<ChatTemplate> compile(std::string_view source, const Tokenizer& tokenizer);

  /// Errors: invalid_argument (which JSON text is wrong; the template refuses the conversation,
  /// with its own words), mismatch (the template failed: line), limit (steps or size).
  Result<std::string> render(const ChatRequest& request) const;

 private:
  struct State;
  explicit ChatTemplate(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace anemone::text
