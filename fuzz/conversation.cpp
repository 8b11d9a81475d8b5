#include "anemone/conversation.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>

namespace {

using namespace anemone;

generate::Conversation conversation() {
  static const auto folder =
      std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
  static const auto model = lm::LanguageModel::open(folder, {});
  static const auto tokenizer = text::Tokenizer::load(folder);
  if (!model.ok() || !tokenizer.ok()) std::abort();
  auto begun = generate::Conversation::start(**model, *tokenizer, {}, "");
  if (!begun.ok()) std::abort();
  return *std::move(begun);
}

}  // namespace

/// A saved conversation is refused and changes nothing, or read and saved as it is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static generate::Conversation read = conversation();
  static generate::Conversation again = conversation();
  const std::string before = read.to_json();
  const bool is_read = read.read({reinterpret_cast<const char*>(data), size}).ok();
  const std::string after = read.to_json();
  if (!is_read && after != before) __builtin_trap();
  if (is_read && (!again.read(after).ok() || again.to_json() != after)) __builtin_trap();
  return 0;
}
