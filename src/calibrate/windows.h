#pragma once

#include <cstdint>
#include <vector>

#include "anemone/calibrate.h"

namespace anemone::calibrate {

/// Pieces of a text as a model takes them.
struct Windows {
  std::vector<std::vector<int32_t>> inputs;   ///< all of one length.
  std::vector<std::vector<int32_t>> targets;  ///< the token behind each.
};

/// Windows of the text, spread over all of it: whole multiples of the block in which the model
/// scores, so that no padding is run. Each begins with the BOS token where the tokenizer has one.
/// Errors: unsupported (no logits), corrupt (the text is no UTF-8), invalid_argument (it has no
/// window, or none is asked for).
Result<Windows> windows_of(const Options& options, const text::Tokenizer& tokenizer,
                           const lm::ModelInfo& info);

/// Runs all windows from an empty state. Errors: those of running, interrupted.
Status run_windows(lm::LanguageModel& model, const Windows& windows, const ProgressSink& progress);

/// The tokenizer beside a model. Errors: as Tokenizer::load.
Result<text::Tokenizer> tokenizer_of(const std::filesystem::path& model);

}  // namespace anemone::calibrate
