#include "text/final_message.h"

#include <simdjson.h>

#include "base/error.h"
#include "text/python_strip.h"

namespace anemone::text {
namespace {

namespace ondemand = simdjson::ondemand;

/// transformers 4.57.1's own; a template that trims the message also trims the blank.
constexpr std::string_view kMark = "CONTINUE_FINAL_MESSAGE_TAG ";

struct FoundText {
  std::string_view raw;  ///< the string in the JSON, with its quotes.
  std::string text;
};

Result<FoundText> take_string(ondemand::value value) {
  FoundText found;
  found.raw = value.raw_json_token();
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS)
    return fail(ErrorCode::invalid_argument, "messages: the last message's content is no text");
  found.text = text;
  return found;
}

/// The text of the last block that has one.
Result<FoundText> last_text_block(ondemand::array blocks) {
  std::optional<FoundText> last;
  for (auto element : blocks) {
    ondemand::object block;
    if (element.get_object().get(block) != simdjson::SUCCESS) break;
    ondemand::value text;
    if (block.find_field_unordered("text").get(text) != simdjson::SUCCESS) continue;
    ANEMONE_TRY(last, take_string(text));
  }
  if (last) return *std::move(last);
  return fail(ErrorCode::invalid_argument, "messages: the last message has no text to continue");
}

Result<FoundText> content_text(ondemand::object message) {
  ondemand::value content;
  if (message.find_field_unordered("content").get(content) != simdjson::SUCCESS)
    return fail(ErrorCode::invalid_argument, "messages: the last message has no content");
  ondemand::array blocks;
  if (content.get_array().get(blocks) == simdjson::SUCCESS) return last_text_block(blocks);
  return take_string(content);
}

}  // namespace

Result<MarkedMessages> mark_final_message(std::string_view messages) {
  const simdjson::padded_string padded(messages);
  ondemand::parser parser;
  ondemand::document document;
  ondemand::array list;
  size_t count = 0;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_array().get(list) != simdjson::SUCCESS ||
      list.count_elements().get(count) != simdjson::SUCCESS || count == 0)
    return fail(ErrorCode::invalid_argument, "messages: not a list with at least one message");
  ondemand::object last;
  if (list.at(count - 1).get_object().get(last) != simdjson::SUCCESS)
    return fail(ErrorCode::invalid_argument, "messages: the last message is not an object");
  ANEMONE_TRY(FoundText found, content_text(last));
  const auto start = static_cast<size_t>(found.raw.data() - padded.data());
  const size_t quote = start + found.raw.rfind('"');
  MarkedMessages marked{std::string(messages), std::move(found.text)};
  marked.json.insert(quote, kMark);
  return marked;
}

Result<std::string> cut_at_mark(std::string rendered, std::string_view final_message) {
  const size_t mark = rendered.rfind(python_strip(kMark));
  if (mark == std::string::npos || rendered.find(python_strip(final_message)) == std::string::npos)
    return fail(ErrorCode::mismatch,
                "the chat template does not show the last message, so it cannot be continued");
  const bool blank_kept = rendered.compare(mark, kMark.size(), kMark) == 0;
  rendered.resize(mark);
  if (!blank_kept) rendered.resize(python_rstrip(rendered).size());
  return rendered;
}

}  // namespace anemone::text
