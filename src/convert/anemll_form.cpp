#include "convert/anemll_form.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json_document.h"

namespace anemone::converter {
namespace {

using models::FunctionSpec;
using Prefill = AnemllFamily::Prefill;

constexpr std::array kFamilies = {
    AnemllFamily{"llama", "llama", 8, 512, Prefill::last_logits},
    AnemllFamily{"qwen2", "qwen25", 16, 256, Prefill::all_logits},
    AnemllFamily{"qwen3", "qwen", 16, 256, Prefill::all_logits},
    AnemllFamily{"gemma3", "gemma3", 16, 256, Prefill::last_hidden, true},
    AnemllFamily{"gemma3_text", "gemma3", 16, 256, Prefill::last_hidden, true}};
constexpr const char* kVersion = "0.3.5";  ///< of the directory's form.

std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

/// As a YAML scalar; JSON's strings are YAML's.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string tokenizer_class(const std::filesystem::path& folder) {
  if (const auto document = read_json_object(folder / "tokenizer_config.json"); document.ok())
    if (const auto found = document->find("tokenizer_class");
        found != document->end() && found->is_string())
      return found->get<std::string>();
  return "PreTrainedTokenizerFast";
}

}  // namespace

Result<AnemllForm> AnemllForm::make(const Source& source, const Settings& settings) {
  const auto family =
      std::ranges::find(kFamilies, source.decoder.architecture, &AnemllFamily::architecture);
  if (family == kFamilies.end())
    return with_hint(
        fail(ErrorCode::unsupported, "ANEMLL's tools know no {}", source.decoder.architecture),
        "use --layout anemone");
  if (settings.dtype != DType::fp16)
    return fail(ErrorCode::invalid_argument, "the layout anemll is fp16, not {}",
                to_string(settings.dtype));
  ANEMONE_RETURN_IF_ERROR(check_blocks(settings));
  if (settings.prefill.size() > 1)
    return fail(ErrorCode::invalid_argument, "the layout anemll has one size of blocks, not {}",
                settings.prefill.size());
  ANEMONE_TRY(const int64_t window, models::window_of(source.decoder, settings.context));
  if (window > 0 && !family->rotates)
    return with_hint(
        fail(ErrorCode::unsupported, "ANEMLL's tools know no windows of {}, this one has {} tokens",
             source.decoder.architecture, window),
        fmt::format("use --layout anemone, or a context of {} or less", window));
  return AnemllForm{source, settings, *family, window,
                    std::min(settings.prefill.at(0), window > 0 ? window : settings.context)};
}

std::optional<compress::PaletteSize> AnemllForm::lut(compress::Part part) const {
  const compress::Scheme* scheme = settings.quantize.scheme(part);
  return scheme == nullptr ? std::nullopt : scheme->palette();
}

std::string AnemllForm::lut_lines(std::string_view key, compress::Part part) const {
  const auto palette = lut(part);
  if (!palette) return fmt::format("    {}: none\n", key);
  const std::string_view base = key == "lut_bits" ? "lut" : key;
  return fmt::format("    {}: {}\n    {}_per_channel: {}\n", key, palette->bits, base,
                     palette->group);
}

std::string AnemllForm::file(std::string_view name, compress::Part part) const {
  const auto palette = lut(part);
  return fmt::format("{}_{}{}", family.prefix, name,
                     palette ? fmt::format("_lut{}", palette->bits) : "");
}

PlannedPackage AnemllForm::start(const std::string& name, std::string_view words,
                                 compress::Part part) const {
  auto planned = new_package(name + ".mlpackage", source, settings);
  auto& metadata = planned.package.metadata;
  metadata["com.anemll.info"] = fmt::format("Anemone: {}", words);
  if (const auto palette = lut(part))
    metadata["com.anemll.lut_bits"] = std::to_string(palette->bits);
  metadata["com.anemll.context_length"] = std::to_string(settings.context);
  planned.package.default_function = "main";
  return planned;
}

FunctionSpec AnemllForm::spec() const {
  FunctionSpec spec = base_spec(settings);
  spec.embedding = false;
  spec.final_norm = false;
  spec.head = FunctionSpec::Head::none;
  spec.layer_count = 0;
  spec.hidden_rows_first = true;
  spec.state = "model_model_kv_cache_0";
  spec.whole_state = true;
  if (window == 0) {
    spec.state_rows = std::max(settings.context, family.least_state_rows);
    return spec;
  }
  spec.state = "model_model_kv_cache_global";
  spec.window_state = "model_model_kv_cache_local";
  spec.window_cache = FunctionSpec::WindowCache::fills;
  return spec;
}

std::vector<int64_t> AnemllForm::head_sizes() const {
  return models::split_vocabulary(source.decoder.vocab_size, family.head_parts);
}

void AnemllForm::describe_head(PlannedPackage& planned) const {
  auto& metadata = planned.package.metadata;
  metadata["com.anemll.vocab_size"] = std::to_string(source.decoder.vocab_size);
  metadata["com.anemll.lm_head_chunk_sizes"] = fmt::format("{}", fmt::join(head_sizes(), ","));
}

void AnemllForm::finish(Plan& plan, std::string_view kind, std::string_view parameters,
                        std::string_view last_parameters) const {
  plan.manifest = {{"vocab_size", source.decoder.vocab_size},
                   {"context_length", settings.context},
                   {"prefill_tokens", block}};
  plan.blocks = {block};
  plan.texts = {{"meta.yaml", meta(kind, parameters) + std::string(last_parameters)},
                {"config.json", config()}};
  plan.copies_config = false;
}

/// File names end as ANEMLL's own do, after compiling; its loaders take the packages as well.
std::string AnemllForm::meta(std::string_view kind, std::string_view parameters) const {
  const std::string name = name_of(source.checkpoint);
  std::string text = fmt::format(
      "model_info:\n"
      "  name: {}\n"
      "  version: {}\n"
      "  description: |\n"
      "    {} on the Apple Neural Engine\n"
      "    Context length: {}\n"
      "    Batch size: {}\n"
      "    {}\n",
      quoted(fmt::format("anemll-{}-ctx{}{}", name, settings.context,
                         settings.monolith ? "-monolithic" : "")),
      kVersion, one_line(name), settings.context, block, kind);
  text += fmt::format(
      "  license: that of the source model\n"
      "  author: Anemone\n"
      "  framework: Core ML\n"
      "  language: C++\n"
      "  architecture: {}\n"
      "{}"
      "  parameters:\n"
      "    context_length: {}\n"
      "    batch_size: {}\n"
      "{}",
      source.decoder.architecture, settings.monolith ? "  model_type: monolithic\n" : "",
      settings.context, block, parameters);
  text += fmt::format(
      "    split_lm_head: {}\n"
      "{}"
      "    vocab_size: {}\n"
      "    lm_head_chunk_sizes: [{}]\n"
      "{}"
      "    prefill_dynamic_slice: true\n",
      family.head_parts, settings.argmax ? "    argmax_in_model: true\n" : "",
      source.decoder.vocab_size, fmt::join(head_sizes(), ", "),
      window > 0 ? fmt::format("    sliding_window: {}\n", window) : "");
  return text;
}

/// What ANEMLL leaves of config.json: enough to find the tokenizer.
std::string AnemllForm::config() const {
  nlohmann::ordered_json config = {{"tokenizer_class", tokenizer_class(source.checkpoint.path)}};
  config["model_type"] = source.decoder.architecture;
  return config.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::converter
