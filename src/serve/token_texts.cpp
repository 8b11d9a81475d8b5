#include "serve/token_texts.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace anemone::serve {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

struct Spelling {
  std::string text;
  bool whole = true;  ///< false: a part of a character.
};

Spelling spell(const text::Tokenizer& tokenizer, int32_t id) {
  // A decoder may treat the first token of a text differently, so the second one is looked at.
  const std::array<int32_t, 2> twice = {id, id};
  const auto one = tokenizer.decode(std::span(twice).first(1), false);
  const auto two = tokenizer.decode(twice, false);
  if (one.ok() && two.ok() && two->starts_with(*one)) {
    std::string text = two->substr(one->size());
    if (text.find(kReplacement) == std::string::npos) return {std::move(text), true};
  }
  auto name = tokenizer.token(id);
  return {name.ok() ? *std::move(name) : std::string(), false};
}

Json bytes_of(const Spelling& spelling) {
  if (!spelling.whole) return nullptr;
  Json bytes = Json::array();
  for (const char c : spelling.text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

Json ranked(const text::Tokenizer& tokenizer, int32_t id, double log_probability) {
  const Spelling spelling = spell(tokenizer, id);
  return {{"token", spelling.text}, {"logprob", log_probability}, {"bytes", bytes_of(spelling)}};
}

}  // namespace

int64_t characters(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; });
}

std::string token_text(const text::Tokenizer& tokenizer, int32_t id) {
  return spell(tokenizer, id).text;
}

Json chat_logprobs(const text::Tokenizer& tokenizer, const std::vector<TokenLogprobs>& tokens) {
  Json content = Json::array();
  for (const TokenLogprobs& told : tokens) {
    Json entry = ranked(tokenizer, told.token, told.log_probability.value_or(0));
    entry["top_logprobs"] = Json::array();
    for (const RankedToken& top : told.top)
      entry["top_logprobs"].push_back(ranked(tokenizer, top.token, top.log_probability));
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json completion_logprobs(const text::Tokenizer& tokenizer, const std::vector<TokenLogprobs>& tokens,
                         int64_t& offset) {
  Json json = {{"tokens", Json::array()},
               {"token_logprobs", Json::array()},
               {"top_logprobs", Json::array()},
               {"text_offset", Json::array()}};
  for (const TokenLogprobs& told : tokens) {
    const std::string text = token_text(tokenizer, told.token);
    Json top = Json::object();
    for (const RankedToken& each : told.top)
      top[token_text(tokenizer, each.token)] = each.log_probability;
    if (told.log_probability && !top.contains(text)) top[text] = *told.log_probability;
    json["tokens"].push_back(text);
    json["token_logprobs"].push_back(told.log_probability ? Json(*told.log_probability) : Json());
    json["top_logprobs"].push_back(told.log_probability ? std::move(top) : Json());
    json["text_offset"].push_back(offset);
    offset += characters(text);
  }
  return json;
}

}  // namespace anemone::serve
