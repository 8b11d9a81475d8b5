#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "anemone/text.h"

namespace anemone::text {

/// What the files beside tokenizer.json say.
struct TokenizerConfig {
  SpecialTokens special_tokens;
  std::map<std::string, std::vector<std::string>, std::less<>> special_token_lists;
  std::map<std::string, std::string, std::less<>> chat_templates;
  /// Blanks before punctuation and contractions are taken out of decoded text.
  bool clean_up_spaces = false;
  /// The tokenizer classes of Llama and Gemma ignore the file's post-processor: BOS and EOS are
  /// added by two flags of the configuration.
  bool added_by_flags = false;
  bool add_bos = true;
  bool add_eos = false;
  /// `eos_token_id` of the model, ascending.
  std::vector<int32_t> model_eos_ids;
};

/// Reads the configuration files of a model directory; each may be absent.
/// Errors: io, corrupt (file and key).
Result<TokenizerConfig> read_tokenizer_config(const std::filesystem::path& directory);

}  // namespace anemone::text
