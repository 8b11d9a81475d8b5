#include "models/architectures.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"

namespace anemone::models {
namespace {

constexpr const Architecture* kArchitectures[] = {
#define MODEL_ARCHITECTURE(name) &k_##name,
#include "models/architectures.inc"
#undef MODEL_ARCHITECTURE
};

/// A classifier has the layers of its family, but no logits of a next token.
bool is_language_model(std::string_view architecture) {
  return architecture.ends_with("ForCausalLM") || architecture.ends_with("LMHeadModel") ||
         architecture.ends_with("ForConditionalGeneration");
}

Status check_purpose(const std::vector<std::string>& named) {
  if (named.empty() || std::ranges::any_of(named, is_language_model)) return {};
  return with_hint(fail(ErrorCode::unsupported, "config.json: architectures: {}, no language model",
                        fmt::join(named, ", ")),
                   "language models end in ForCausalLM, LMHeadModel or ForConditionalGeneration");
}

}  // namespace

std::span<const Architecture* const> architectures() { return kArchitectures; }

Result<Decoder> read_decoder(std::string_view config_json,
                             const checkpoint::TensorSource& weights) {
  auto parsed = checkpoint::ConfigReader::parse(config_json);
  ANEMONE_TRY(auto config, std::move(parsed).in("config.json"));
  std::vector<std::string_view> known;
  for (const Architecture* architecture : kArchitectures)
    known.insert(known.end(), architecture->model_types.begin(), architecture->model_types.end());
  const std::string hint = fmt::format("known: {}", fmt::join(known, ", "));
  if (!config.has("model_type"))
    return with_hint(fail(ErrorCode::corrupt, "config.json: model_type: missing"), hint);
  const std::string type = config.word("model_type");
  for (const Architecture* architecture : kArchitectures) {
    if (std::ranges::find(architecture->model_types, type) == architecture->model_types.end())
      continue;
    ANEMONE_RETURN_IF_ERROR(
        check_purpose(config.words("architectures").value_or(std::vector<std::string>())));
    ANEMONE_TRY(Decoder decoder, architecture->read(config, weights));
    decoder.architecture = type;
    return decoder;
  }
  return with_hint(
      fail(ErrorCode::unsupported, "config.json: model_type \"{}\" is not supported", type), hint);
}

}  // namespace anemone::models
