#include "eval/store/answer_key.h"

#include <string_view>

#include "base/sha256.h"

namespace anemone::eval {
namespace {

/// Canonical bytes: numbers of fixed size, the lowest byte first; lists and texts behind their
/// length.
class Canonical {
 public:
  void add(uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
  }
  void add(std::span<const int32_t> tokens) {
    add(tokens.size(), 8);
    for (const int32_t token : tokens) add(static_cast<uint32_t>(token), 4);
  }
  void add(std::string_view text) {
    add(text.size(), 8);
    bytes_.append(text);
  }

  AnswerKey digest() const {
    const std::string hexadecimal = sha256(bytes_);
    const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
    AnswerKey key;
    for (size_t i = 0; i < key.size(); ++i)
      key[i] =
          static_cast<std::byte>(16 * value(hexadecimal[2 * i]) + value(hexadecimal[2 * i + 1]));
    return key;
  }

 private:
  std::string bytes_;
};

}  // namespace

AnswerKey key_of_score(std::span<const int32_t> context, std::span<const int32_t> continuation) {
  Canonical bytes;
  bytes.add("score");
  bytes.add(context);
  bytes.add(continuation);
  return bytes.digest();
}

AnswerKey key_of_generation(std::span<const int32_t> context, std::span<const std::string> until,
                            int64_t most_tokens) {
  Canonical bytes;
  bytes.add("generate");
  bytes.add(context);
  bytes.add(static_cast<uint64_t>(most_tokens), 8);
  bytes.add(until.size(), 8);
  for (const std::string& stop : until) bytes.add(std::string_view(stop));
  return bytes.digest();
}

}  // namespace anemone::eval
