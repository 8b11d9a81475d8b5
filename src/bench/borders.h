#pragma once

#include <string>
#include <string_view>

#include "anemone/package.h"

namespace anemone::bench {

/// Values of a function at which a request goes from one stage to the next; empty where the
/// function has none.
struct Borders {
  std::string begin;     ///< an input, which is there when a run begins.
  std::string embedded;  ///< what the table of embeddings gives for the tokens.
  std::string to_head;   ///< what the first product that makes logits reads; may be `begin`.
  std::string end;       ///< the output that is made last.
  bool takes_tokens = false;
};

/// Reads the borders off the program: the first gather whose indices come from the tokens, and the
/// first product (conv, linear, matmul) on the way back from an output that is no hidden state.
Borders find_borders(const package::Package& package, std::string_view function);

}  // namespace anemone::bench
