#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/package.h"
#include "anemone/result.h"

/// Reading a function's inputs and outputs by their role. Names differ between exporters in case
/// and underscores only, so names are compared without them.
namespace anemone::lm {

/// The parts of a language-model function that an adapter may feed or read; "" where absent.
struct Interface {
  std::string input_ids;
  std::string hidden_states;
  std::string position_ids;
  std::string causal_mask;
  std::string window_mask;  ///< the mask of layers that see only the last tokens.
  std::string current_pos;
  std::string update_mask;
  std::string targets;  ///< the token that follows each, whose score is wanted.
  /// Inputs of no known role that would not do with the zeros a buffer starts with.
  std::vector<std::string> unknown_inputs;

  std::string logits;                     ///< the one output that holds the whole vocabulary.
  std::vector<std::string> logits_parts;  ///< logits1, logits2 … in numeric order.
  std::string argmax_index;
  std::string argmax_value;
  std::string output_hidden_states;
  std::string max_logit;  ///< these four of every token: see models/graph.h.
  std::string log_sum;
  std::string target_gap;
  std::string argmax;

  int64_t rows = 0;  ///< tokens per call: last dimension of input_ids, of hidden_states [1, S, H]
                     ///< or [1, H, 1, S].
  int64_t mask_columns = 0;  ///< 0 without a mask.

  bool gives_logits() const { return !logits.empty() || !logits_parts.empty(); }
  bool gives_scores() const {
    return !targets.empty() && !max_logit.empty() && !log_sum.empty() && !target_gap.empty() &&
           !argmax.empty();
  }
};

Interface read_interface(const package::FunctionDescription& function);

/// True when a dimension of the input may vary.
bool is_flexible(const package::Feature& feature);

}  // namespace anemone::lm
