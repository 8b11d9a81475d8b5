#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "anemone/text.h"
#include "command.h"
#include "input_text.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string model;
  bool decode = false;
  bool skip_special_tokens = false;
  bool no_special_tokens = false;
  std::string chat;
  std::string tools;
  std::string chat_template;
  std::string chat_template_kwargs;
  bool add_generation_prompt = false;
  bool continue_final_message = false;
};

/// What the library calls a bad argument came from a file or the standard input here: the command
/// failed, it was not used wrongly.
Error about_data(Error error) {
  if (error.code == ErrorCode::invalid_argument) error.code = ErrorCode::corrupt;
  return error;
}

Status print_json(const Json& json) {
  return write_stdout(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

/// Numbers between blanks and commas.
Result<std::vector<int32_t>> parse_ids(std::string_view text) {
  constexpr std::string_view kSeparators = " \t\r\n,[]";
  std::vector<int32_t> ids;
  for (size_t begin = text.find_first_not_of(kSeparators); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    int32_t id = 0;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || rest != word.data() + word.size() || id < 0)
      return Error{ErrorCode::corrupt,
                   fmt::format("'{}' (number {} of the input) is not a token id",
                               word.substr(0, 40), ids.size() + 1),
                   {},
                   {}};
    ids.push_back(id);
    begin = text.find_first_not_of(kSeparators, end);
  }
  return ids;
}

Status print_encoding(const text::Tokenizer& tokenizer, const std::string& text,
                      bool add_special_tokens, bool with_text) {
  const auto encoded = tokenizer.encode_with_spans(text, add_special_tokens);
  if (!encoded.ok()) return about_data(encoded.error());
  const text::Encoding& encoding = *encoded;
  Json json = {{"version", 1}};
  if (with_text) json["text"] = text;
  json["ids"] = encoding.ids;
  json["tokens"] = Json::array();
  json["offsets"] = Json::array();
  for (size_t i = 0; i < encoding.ids.size(); ++i) {
    ANEMONE_TRY(auto token, tokenizer.token(encoding.ids[i]));
    json["tokens"].push_back(std::move(token));
    json["offsets"].push_back({encoding.spans[i].begin, encoding.spans[i].end});
  }
  return print_json(json);
}

Status encode(const text::Tokenizer& tokenizer, const Flags& flags, const CommonFlags& common) {
  ANEMONE_TRY(const std::string text, read_stdin());
  const bool add_special_tokens = !flags.no_special_tokens;
  if (common.json) return print_encoding(tokenizer, text, add_special_tokens, false);
  const auto ids = tokenizer.encode(text, add_special_tokens);
  if (!ids.ok()) return about_data(ids.error());
  return write_stdout(fmt::format("{}\n", fmt::join(*ids, " ")));
}

Status decode(const text::Tokenizer& tokenizer, const Flags& flags, const CommonFlags& common) {
  ANEMONE_TRY(const std::string input, read_stdin());
  ANEMONE_TRY(const auto ids, parse_ids(input));
  for (const int32_t id : ids) ANEMONE_RETURN_IF_ERROR(tokenizer.token(id));
  ANEMONE_TRY(const std::string text, tokenizer.decode(ids, flags.skip_special_tokens));
  if (!common.json) return write_stdout(text);
  return print_json({{"version", 1}, {"ids", ids}, {"text", text}});
}

Status chat(const text::Tokenizer& tokenizer, const Flags& flags, const CommonFlags& common) {
  text::ChatRequest request;
  ANEMONE_TRY(request.messages, read_text(flags.chat));
  if (!flags.tools.empty()) {
    ANEMONE_TRY(request.tools, read_text(flags.tools));
  }
  request.variables = flags.chat_template_kwargs;
  if (!request.variables.empty() && !Json::parse(request.variables, nullptr, false).is_object())
    return Error{ErrorCode::invalid_argument, "--chat-template-kwargs: not a JSON object", {}, {}};
  request.add_generation_prompt = flags.add_generation_prompt;
  request.continue_final_message = flags.continue_final_message;
  ANEMONE_TRY(const auto compiled,
              text::ChatTemplate::of(tokenizer, flags.chat_template, !flags.tools.empty()));
  auto rendered = compiled.render(request);
  if (!rendered.ok()) return about_data(std::move(rendered).in(flags.chat).error());
  if (common.json) return print_encoding(tokenizer, *rendered, false, true);
  return write_stdout(*rendered);
}

}  // namespace

Action add_tokenize(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description(
      "Ids of the text on the standard input, text of ids, or a conversation as the model's chat "
      "template writes it");
  app.add_option("model", flags->model, "Model directory with a tokenizer.json")->required();
  auto* decode_flag = app.add_flag("--decode", flags->decode, "Read ids, write their text");
  app.add_flag("--skip-special-tokens", flags->skip_special_tokens,
               "Leave special tokens out of decoded text")
      ->needs(decode_flag);
  app.add_flag("--no-special-tokens", flags->no_special_tokens,
               "Encode without the tokens that the model wants around a text (BOS, EOS)");
  auto* chat_flag = app.add_option("--chat", flags->chat,
                                   "JSON file: list of messages; writes the rendered text, with "
                                   "--json its ids too")
                        ->excludes(decode_flag);
  app.add_option("--tools", flags->tools, "JSON file: list of tool schemas")->needs(chat_flag);
  app.add_option("--chat-template", flags->chat_template,
                 "Name of the template, where the model has several")
      ->needs(chat_flag);
  app.add_option("--chat-template-kwargs", flags->chat_template_kwargs,
                 "JSON object: further variables of the template")
      ->needs(chat_flag);
  auto* prompt = app.add_flag("--add-generation-prompt", flags->add_generation_prompt,
                              "End with what starts the assistant's answer")
                     ->needs(chat_flag);
  app.add_flag("--continue-final-message", flags->continue_final_message,
               "End inside the last message")
      ->needs(chat_flag)
      ->excludes(prompt);
  app.footer(
      "Text is taken as it is: echo adds a newline, printf does not. Offsets count bytes.\n"
      "Example: printf 'Hello' | anemone tokenize models/anemone-tiny --json");
  return [flags, &common]() -> Status {
    ANEMONE_TRY(const auto tokenizer, text::Tokenizer::load(flags->model));
    if (flags->decode) return decode(tokenizer, *flags, common);
    if (!flags->chat.empty()) return chat(tokenizer, *flags, common);
    return encode(tokenizer, *flags, common);
  };
}

}  // namespace anemone::tools
