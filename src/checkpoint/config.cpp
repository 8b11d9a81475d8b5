#include "checkpoint/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json_document.h"

namespace anemone::checkpoint {
namespace {

constexpr size_t kMaxShownCharacters = 60;  ///< of a wrong value.

/// Fields of any config that say nothing about the function from tokens to logits: where it came
/// from, how it was trained (dropout, initialisation, losses), how it is stored, loaded and run,
/// what generation does with its logits, what heads for other tasks would do.
constexpr std::string_view kWithoutInfluence[] = {
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_commit_hash",
    "_name_or_path",
    "_num_labels",
    "architectures",
    "attention_dropout",
    "attn_implementation",
    "attn_pdrop",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "cache_implementation",
    "chunk_size_feed_forward",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "embd_pdrop",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "id2label",
    "initializer_range",
    "is_decoder",
    "label2id",
    "length_penalty",
    "max_length",
    "min_length",
    "model_type",
    "neftune_noise_alpha",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_labels",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "output_scores",
    "pad_token_id",
    "prefix",
    "pretraining_tp",
    "problem_type",
    "quantization",
    "quantization_config",
    "remove_invalid_values",
    "repetition_penalty",
    "resid_pdrop",
    "return_dict",
    "return_dict_in_generate",
    "router_aux_loss_coef",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers.js_config",
    "transformers_version",
    "typical_p",
    "unsloth_fixed",
    "unsloth_version",
    "use_bfloat16",
    "use_cache",
};

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= kMaxShownCharacters) return text;
  return fmt::format("{} of {} elements", value.type_name(), value.size());
}

std::optional<int64_t> as_integer(const Json& value, IntegerRange range) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()})
    return std::nullopt;
  const auto number = value.get<int64_t>();
  if (number < range.min || number > range.max) return std::nullopt;
  return number;
}

std::optional<double> as_number(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::string text_of(IntegerRange range) {
  return fmt::format("an integer from {} to {}", range.min, range.max);
}

/// The value of each element, or nothing if `convert` refuses one.
template <typename T, typename Convert>
std::optional<std::vector<T>> as_list(const Json& value, Convert convert) {
  if (!value.is_array()) return std::nullopt;
  std::vector<T> list;
  for (const Json& element : value) {
    auto converted = convert(element);
    if (!converted) return std::nullopt;
    list.push_back(std::move(*converted));
  }
  return list;
}

}  // namespace

struct ConfigReader::Collected {
  Json document;
  std::set<std::string, std::less<>> read;                  ///< dotted paths.
  std::vector<std::pair<std::string, const Json*>> opened;  ///< prefix and object.
  std::vector<std::string> wrong;
  std::vector<std::string> refused;
};

ConfigReader::ConfigReader(std::shared_ptr<Collected> collected, const Json* node,
                           std::string prefix)
    : collected_(std::move(collected)), node_(node), prefix_(std::move(prefix)) {}

Result<ConfigReader> ConfigReader::parse(std::string_view text) {
  ANEMONE_TRY(Json document, parse_json_object(text));
  auto collected = std::make_shared<Collected>();
  collected->document = std::move(document);
  const Json* root = &collected->document;
  collected->opened.emplace_back("", root);
  return ConfigReader(std::move(collected), root, "");
}

std::string ConfigReader::path(std::string_view key) const {
  return fmt::format("{}{}", prefix_, key);
}

const Json* ConfigReader::take(std::string_view key) {
  collected_->read.insert(path(key));
  const auto found = node_->find(key);
  return found == node_->end() ? nullptr : &*found;
}

void ConfigReader::wrong(std::string_view key, std::string_view expected, const Json* found) {
  collected_->wrong.push_back(
      fmt::format("{}: expected {}, got {}", path(key), expected, shown(*found)));
}

void ConfigReader::missing(std::string_view key) {
  collected_->wrong.push_back(fmt::format("{}: missing", path(key)));
}

bool ConfigReader::has(std::string_view key) const {
  const auto found = node_->find(key);
  return found != node_->end() && !found->is_null();
}

int64_t ConfigReader::integer(std::string_view key, std::optional<int64_t> fallback,
                              IntegerRange range) {
  const Json* value = take(key);
  if (value == nullptr && !fallback) missing(key);
  if (value == nullptr) return fallback.value_or(1);
  const auto number = as_integer(*value, range);
  if (!number) wrong(key, text_of(range), value);
  return number.value_or(1);
}

std::optional<int64_t> ConfigReader::optional_integer(std::string_view key,
                                                      std::optional<int64_t> fallback,
                                                      IntegerRange range) {
  const Json* value = take(key);
  if (value == nullptr) return fallback;
  if (value->is_null()) return std::nullopt;
  return integer(key, fallback, range);
}

double ConfigReader::number(std::string_view key, std::optional<double> fallback) {
  const Json* value = take(key);
  if (value == nullptr && !fallback) missing(key);
  if (value == nullptr) return fallback.value_or(1);
  const auto number = as_number(*value);
  if (!number) wrong(key, "a finite number", value);
  return number.value_or(1);
}

double ConfigReader::positive_number(std::string_view key, std::optional<double> fallback) {
  const double value = number(key, fallback);
  if (value > 0) return value;
  wrong(key, "a number above 0", take(key));
  return 1;
}

std::optional<double> ConfigReader::optional_number(std::string_view key,
                                                    std::optional<double> fallback) {
  const Json* value = take(key);
  if (value == nullptr) return fallback;
  if (value->is_null()) return std::nullopt;
  return number(key, fallback);
}

bool ConfigReader::flag(std::string_view key, bool fallback) {
  const Json* value = take(key);
  if (value == nullptr) return fallback;
  if (value->is_null()) return false;
  if (!value->is_boolean()) wrong(key, "true or false", value);
  return value->is_boolean() && value->get<bool>();
}

std::string ConfigReader::word(std::string_view key, std::optional<std::string> fallback) {
  const Json* value = take(key);
  if (value == nullptr && !fallback) missing(key);
  if (value == nullptr) return fallback.value_or("");
  if (!value->is_string()) wrong(key, "a string", value);
  return value->is_string() ? value->get<std::string>() : "";
}

std::optional<std::vector<int64_t>> ConfigReader::integers(std::string_view key,
                                                           IntegerRange range) {
  const Json* value = take(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  auto list = as_list<int64_t>(*value, [&](const Json& e) { return as_integer(e, range); });
  if (!list) wrong(key, fmt::format("a list, each {}", text_of(range)), value);
  return list;
}

std::optional<std::vector<double>> ConfigReader::numbers(std::string_view key) {
  const Json* value = take(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  auto list = as_list<double>(*value, as_number);
  if (!list) wrong(key, "a list of finite numbers", value);
  return list;
}

std::optional<std::vector<std::string>> ConfigReader::words(std::string_view key) {
  const Json* value = take(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  auto list = as_list<std::string>(*value, [](const Json& e) {
    return e.is_string() ? std::optional(e.get<std::string>()) : std::nullopt;
  });
  if (!list) wrong(key, "a list of strings", value);
  return list;
}

std::optional<ConfigReader> ConfigReader::object(std::string_view key) {
  const Json* value = take(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_object()) {
    wrong(key, "an object", value);
    return std::nullopt;
  }
  const std::string prefix = path(key) + ".";
  const auto known =
      std::ranges::find(collected_->opened, prefix, [](const auto& e) { return e.first; });
  if (known == collected_->opened.end()) collected_->opened.emplace_back(prefix, value);
  return ConfigReader(collected_, value, prefix);
}

void ConfigReader::ignore(std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) collected_->read.insert(path(key));
}

void ConfigReader::refuse_if_true(std::string_view key) {
  if (flag(key, false)) refuse(key, "true is not supported here");
}

void ConfigReader::refuse(std::string_view key, std::string_view why) {
  collected_->refused.push_back(fmt::format("{}: {}", path(key), why));
}

void ConfigReader::reject(std::string_view key, std::string_view why) {
  collected_->wrong.push_back(fmt::format("{}: {}", path(key), why));
}

Status ConfigReader::finish() const {
  std::vector<std::string> problems = collected_->wrong;
  problems.insert(problems.end(), collected_->refused.begin(), collected_->refused.end());
  for (const auto& [prefix, object] : collected_->opened) {
    for (const auto& [key, value] : object->items()) {
      if (std::ranges::binary_search(kWithoutInfluence, std::string_view(key))) continue;
      const std::string field = prefix + key;
      if (collected_->read.contains(field) || value.is_null()) continue;
      problems.push_back(fmt::format("{}: unknown field ({})", field, shown(value)));
    }
  }
  if (problems.empty()) return {};
  const bool wrong = !collected_->wrong.empty();
  return with_hint(fail(wrong ? ErrorCode::corrupt : ErrorCode::unsupported, "config.json: {}",
                        fmt::join(problems, "; ")),
                   wrong ? ""
                         : "a field that may change the mathematics is never skipped; if it has no "
                           "influence on this model, remove it from config.json and tell us");
}

}  // namespace anemone::checkpoint
