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

/// Whether a class is the language model of a family: a classifier has the same layers, but no
/// logits of a next token, and a variant of another name may have other layers.
bool is_language_model(std::string_view name, const Architecture& family) {
  constexpr std::string_view kEndings[] = {"ForCausalLM", "LMHeadModel",
                                           "ForConditionalGeneration"};
  const auto ending = std::ranges::find_if(
      kEndings, [&](std::string_view candidate) { return name.ends_with(candidate); });
  if (ending == std::end(kEndings)) return false;
  std::string stem(name.substr(0, name.size() - ending->size()));  // "Qwen3Moe" of "qwen3_moe"
  std::ranges::transform(stem, stem.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return std::ranges::any_of(family.model_types, [&](std::string_view type) {
    std::string spelled(type);
    std::erase(spelled, '_');
    return spelled == stem;
  });
}

Status check_purpose(const std::vector<std::string>& named, const Architecture& family) {
  const auto fits = [&](const std::string& name) { return is_language_model(name, family); };
  if (named.empty() || std::ranges::any_of(named, fits)) return {};
  return with_hint(
      fail(ErrorCode::unsupported, "config.json: architectures: {}, no language model of {}",
           fmt::join(named, ", "), family.model_types.front()),
      "the class of a language model is its model_type with ForCausalLM, LMHeadModel or "
      "ForConditionalGeneration behind it");
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
    ANEMONE_RETURN_IF_ERROR(check_purpose(
        config.words("architectures").value_or(std::vector<std::string>()), *architecture));
    ANEMONE_TRY(Decoder decoder, architecture->read(config, weights));
    decoder.architecture = type;
    return decoder;
  }
  return with_hint(
      fail(ErrorCode::unsupported, "config.json: model_type \"{}\" is not supported", type), hint);
}

}  // namespace anemone::models
