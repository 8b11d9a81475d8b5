#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace anemone::eval {

/// Which question was asked: 128 bits of the SHA-256 of its canonical bytes. A change of those
/// bytes needs a new kAnswersVersion.
using AnswerKey = std::array<std::byte, 16>;

/// Of the log-likelihood of `continuation` after `context`.
AnswerKey key_of_score(std::span<const int32_t> context, std::span<const int32_t> continuation);

/// Of the text generated after `context`, at most `most_tokens` long and cut at `until`.
AnswerKey key_of_generation(std::span<const int32_t> context, std::span<const std::string> until,
                            int64_t most_tokens);

}  // namespace anemone::eval
