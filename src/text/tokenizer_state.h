#pragma once

#include "anemone/text.h"
#include "text/bridge_call.h"
#include "text/tokenizer_config.h"

namespace anemone::text {

struct Tokenizer::State {
  BridgeTokenizer bridge;
  TokenizerConfig config;
  std::vector<AddedToken> added_tokens;
  size_t vocab_size = 0;
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
  std::optional<int32_t> pad_id;
  std::vector<int32_t> stop_ids;
  std::string sha256;

  std::optional<int32_t> find(std::string_view token) const;
  std::optional<int32_t> id_of_role(std::string_view role) const;
};

}  // namespace anemone::text
