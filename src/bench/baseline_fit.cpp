#include "bench/baseline_fit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "bench/baseline_document.h"
#include "bench/judgement.h"

namespace anemone::bench {
namespace {

constexpr const char* kCompareShows = "anemone compare shows different models beside each other";

/// Whether the options of this run ask for it in `one`, whose own blocks and chunks are what was
/// found, where no flag names them.
bool is_asked_for(const Json& before, const Configuration& one, const Options& options) {
  const auto is = [&](const char* key, const Json& own) {
    const Json* found = member(before, key);
    return found != nullptr && *found == own;
  };
  return is("context_tokens", one.context_tokens) && is("compute_units", one.compute_units) &&
         is("threads", one.threads) && text_of(before, "quantize") == one.quantize &&
         (options.prefill.empty() || !one.prefill_block_tokens ||
          is("prefill_block_tokens", *one.prefill_block_tokens)) &&
         (options.chunks.empty() || !one.chunks || is("chunks", *one.chunks));
}

const Configuration* find_pair(const Json& before, const Report& report) {
  const auto found = std::ranges::find_if(report.configurations, [&](const Configuration& one) {
    return one.id() == text_of(before, "id");
  });
  return found == report.configurations.end() ? nullptr : &*found;
}

Status check_kind(const Json& document, const Report& report) {
  const Json* model = member(document, "model");
  const Model& own = report.model;
  const auto differ = [&](const char* key, const std::string& mine) -> Status {
    const std::string found = model == nullptr ? "" : text_of(*model, key);
    if (found.empty() || mine.empty() || found == mine) return {};
    return with_hint(fail(ErrorCode::mismatch,
                          "the baseline's model has the {} '{}', this one '{}'", key, found, mine),
                     kCompareShows);
  };
  ANEMONE_RETURN_IF_ERROR(differ("numerics", to_string(own.numerics)));
  ANEMONE_RETURN_IF_ERROR(differ("form", own.form));
  ANEMONE_RETURN_IF_ERROR(differ("architecture", own.architecture));
  const Json* vocabulary = model == nullptr ? nullptr : member(*model, "vocabulary");
  if (vocabulary == nullptr || !vocabulary->is_number() || *vocabulary == 0 ||
      own.vocabulary == 0 || *vocabulary == own.vocabulary)
    return {};
  return with_hint(
      fail(ErrorCode::mismatch, "the baseline's model has a vocabulary of {}, this one of {}",
           vocabulary->dump(), own.vocabulary),
      kCompareShows);
}

/// What a package computes in a step depends on its own context, of which the id has nothing.
Status check_context(const Json& before, const Configuration& after) {
  const Json* artifact = member(before, "artifact");
  const Json* tokens = artifact == nullptr ? nullptr : member(*artifact, "context_tokens");
  if (tokens == nullptr || !tokens->is_number_unsigned() || !after.artifact ||
      *tokens == after.artifact->context_tokens)
    return {};
  return with_hint(fail(ErrorCode::mismatch,
                        "the baseline's {} ran on a model with a context of {} tokens, this one "
                        "on one of {}",
                        text_of(before, "id"), tokens->dump(), after.artifact->context_tokens),
                   "a step takes as long as the model's context needs: convert with the same");
}

/// Weights of about the same size may be what a changed conversion made of the same checkpoint:
/// they are compared and told, for nothing says whether they are another compression.
Status check_weights(const Json& before, const Configuration& after) {
  const auto bytes = weight_bytes_of(before);
  if (!bytes || !after.artifact || weights_of(before, after) == Weights::same) return {};
  const uint64_t own = after.artifact->weight_bytes;
  const auto [least, most] = std::minmax(*bytes, own);
  if (static_cast<double>(most - least) <= kMostOtherWeights * static_cast<double>(most)) return {};
  return with_hint(
      fail(ErrorCode::mismatch,
           "the baseline's {} has {} bytes of weights, this one {}: more than {:.0f} % "
           "apart, so another model or compression",
           text_of(before, "id"), *bytes, own, 100 * kMostOtherWeights),
      kCompareShows);
}

}  // namespace

Status check_settings(const Json& document, const Report& report) {
  const Json* settings = member(document, "settings");
  if (settings == nullptr) return {};
  const std::string prompt =
      report.options.prompt_name.empty() ? "built-in text" : report.options.prompt_name;
  for (const auto& [key, own] :
       {std::pair("answer_tokens", Json(report.options.answer_tokens)),
        std::pair("prompt", Json(prompt)), std::pair("isa", Json(report.isa)),
        std::pair("warmup", Json(report.options.warmup))}) {
    const Json* found = member(*settings, key);
    if (found == nullptr || found->is_null() || own == "" || *found == own) continue;
    return with_hint(
        fail(ErrorCode::mismatch, "the baseline was measured with {} {}, this run with {}", key,
             found->dump(), own.dump()),
        "speeds of different settings are not compared");
  }
  return {};
}

Status check_model(const Json& document, const Report& report) {
  ANEMONE_RETURN_IF_ERROR(check_kind(document, report));
  ANEMONE_TRY(const auto measured, measured_of(document));
  bool has_pair = false;
  for (const Json* before : measured) {
    if (const Configuration* after = find_pair(*before, report)) {
      ANEMONE_RETURN_IF_ERROR(check_context(*before, *after));
      ANEMONE_RETURN_IF_ERROR(check_weights(*before, *after));
      has_pair = true;
    }
    has_pair = has_pair || std::ranges::any_of(report.configurations, [&](const auto& one) {
                 return is_asked_for(*before, one, report.options);
               });
  }
  if (has_pair) return {};
  if (measured.empty())
    return fail(ErrorCode::mismatch, "the baseline has no configuration that was measured");
  return with_hint(
      fail(ErrorCode::mismatch, "it has no configuration of this sweep"),
      fmt::format("it has {}{}: sweep what it has, or measure a baseline of this sweep",
                  text_of(*measured[0], "id"),
                  measured.size() > 1 ? fmt::format(" and {} more", measured.size() - 1) : ""));
}

std::optional<uint64_t> weight_bytes_of(const Json& before) {
  const Json* artifact = member(before, "artifact");
  const Json* bytes = artifact == nullptr ? nullptr : member(*artifact, "weight_bytes");
  if (bytes == nullptr || !bytes->is_number_unsigned()) return {};
  return bytes->get<uint64_t>();
}

Weights weights_of(const Json& before, const Configuration& after) {
  const Json* artifact = member(before, "artifact");
  if (artifact == nullptr || !artifact->is_object() || !after.artifact) return Weights::same;
  const auto bytes = weight_bytes_of(before);
  const bool has_size = !bytes || *bytes == after.artifact->weight_bytes;
  const std::string hash = text_of(*artifact, "hash");
  const bool are_known = !hash.empty() && !after.artifact->hash.empty();
  if (are_known ? hash == after.artifact->hash : has_size) return Weights::same;
  return has_size ? Weights::other : Weights::of_other_size;
}

std::string remark_on_weights(const Json& document, const Report& report) {
  const auto measured = measured_of(document);
  ANEMONE_CHECK(measured.ok(), "check_model reads them too");
  size_t others = 0;
  std::string first;
  for (const Json* before : *measured) {
    const Configuration* after = find_pair(*before, report);
    if (after == nullptr || weights_of(*before, *after) == Weights::same) continue;
    if (others++ > 0) continue;
    first = after->id();
    if (weights_of(*before, *after) == Weights::of_other_size)
      first += fmt::format(", of {} bytes of weights, here {}", *weight_bytes_of(*before),
                           after->artifact->weight_bytes);
  }
  if (others == 0) return {};
  const Json* model = member(document, "model");
  const std::string name = model == nullptr ? "" : text_of(*model, "name");
  return fmt::format(
      "the baseline{} was measured on other packages ({}{}): they are compared; "
      "whether in another compression is not known",
      name == report.model.name ? "" : fmt::format(" of '{}'", name), first,
      others > 1 ? fmt::format(" and {} more", others - 1) : "");
}

bool ran_alike(const Json& before, const Configuration& after) {
  const Json* execution = member(before, "execution");
  if (execution == nullptr || !execution->is_object() || !after.execution) return true;
  const Json* fell_back = member(*execution, "fell_back");
  return text_of(*execution, "backend") == to_string(after.execution->backend) &&
         (fell_back == nullptr || *fell_back == has_fallen_back(*after.execution));
}

bool is_lost(const Json& before, const std::vector<const Json*>& baseline, const Report& report) {
  const auto is_better = [&](const Configuration& one) {
    const Json* execution = member(before, "execution");
    const Json* fell_back = execution == nullptr ? nullptr : member(*execution, "fell_back");
    return one.execution && fell_back != nullptr && *fell_back == true &&
           !has_fallen_back(*one.execution) &&
           text_of(*execution, "backend") == to_string(one.execution->backend);
  };
  const auto is_new = [&](const Configuration& one) {
    return std::ranges::none_of(
        baseline, [&](const Json* entry) { return text_of(*entry, "id") == one.id(); });
  };
  return std::ranges::any_of(report.configurations, [&](const Configuration& one) {
    if (one.is_measured() && one.id() == text_of(before, "id")) return !is_better(one);
    return (!one.is_measured() || is_new(one)) && is_asked_for(before, one, report.options);
  });
}

}  // namespace anemone::bench
