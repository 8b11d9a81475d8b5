#include "eval/codec.h"

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "eval/python_format.h"

namespace anemone::eval {
namespace {

Value without_system(const Value& messages) {
  Value kept = Value::array();
  for (const Value& message : messages)
    if (message.value("role", Value()) != "system") kept.push_back(message);
  return kept;
}

/// Schemas of one tokenizer, each compiled once.
class Schemas {
 public:
  explicit Schemas(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  Result<text::GrammarMatcher> start(const std::string& schema, size_t vocab_size) {
    if (!compiler_) {
      ANEMONE_TRY(auto compiler,
                  text::GrammarCompiler::make(tokenizer_, static_cast<int64_t>(vocab_size)));
      compiler_ = std::move(compiler);
    }
    auto known = compiled_.find(schema);
    if (known == compiled_.end()) {
      ANEMONE_TRY(auto matcher, compiler_->compile(text::GrammarCompiler::Kind::json_schema, schema)
                                    .in("generation_kwargs: json_schema"));
      known = compiled_.emplace(schema, std::move(matcher)).first;
    }
    return known->second.copy();
  }

 private:
  const text::Tokenizer& tokenizer_;
  std::optional<text::GrammarCompiler> compiler_;
  std::map<std::string, text::GrammarMatcher, std::less<>> compiled_;
};

}  // namespace

Result<Codec> codec_of(const text::Tokenizer& tokenizer) {
  Codec codec;
  const auto prefix = tokenizer.bos_id() ? tokenizer.bos_id() : tokenizer.eos_id();
  if (!prefix)
    return fail(
        ErrorCode::unsupported,
        "the tokenizer has neither a BOS nor an EOS token, which would stand before a text");
  codec.prefix_token = *prefix;
  ANEMONE_TRY(codec.prefix_text, tokenizer.decode(std::span(&codec.prefix_token, 1), false));
  if (const auto end = tokenizer.eos_id()) {
    const int32_t id = *end;
    ANEMONE_TRY(codec.end_text, tokenizer.decode(std::span(&id, 1), false));
  }
  codec.stop_ids = tokenizer.stop_ids();
  codec.encode = [&tokenizer](std::string_view content, bool add_special_tokens) {
    return tokenizer.encode(content, add_special_tokens);
  };
  codec.decode = [&tokenizer](std::span<const int32_t> tokens, bool skip_special_tokens) {
    return tokenizer.decode(tokens, skip_special_tokens);
  };
  codec.constrain = [schemas = std::make_shared<Schemas>(tokenizer)](const std::string& schema,
                                                                     size_t vocab_size) {
    return schemas->start(schema, vocab_size);
  };
  return codec;
}

Result<RenderChat> chat_of(const text::Tokenizer& tokenizer, const std::string& name,
                           const LogSink& log) {
  ANEMONE_TRY(auto chat, text::ChatTemplate::of(tokenizer, name));
  return RenderChat([chat = std::move(chat), log, warned = false](const Value& messages,
                                                                  bool continue_last) mutable {
    text::ChatRequest request;
    request.messages = python::dumps(messages);
    request.add_generation_prompt = !continue_last;
    request.continue_final_message = continue_last;
    auto rendered = chat.render(request);
    if (rendered.ok()) return rendered;
    const Value kept = without_system(messages);
    if (kept.size() == messages.size()) return rendered;
    log(std::exchange(warned, true) ? LogLevel::debug : LogLevel::warning,
        fmt::format("the chat template refuses the conversation, so its system message is left "
                    "out: {}",
                    rendered.error().to_string()));
    request.messages = python::dumps(kept);
    return chat.render(request);
  });
}

}  // namespace anemone::eval
