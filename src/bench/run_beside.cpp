#include <fmt/format.h>

#include "base/error.h"
#include "bench/beside.h"
#include "bench/campaign.h"

namespace anemone::bench {

Status Campaign::excuse(Status status, const std::string& item, std::string& reason) {
  if (status.ok()) return {};
  reason = status.error().to_string();
  if (status.error().code == ErrorCode::interrupted) return status;
  warn(item + ": " + reason);
  return {};
}

/// After all measurements: the memory that tasks take is in no peak.
void Campaign::add_qualities() {
  if (options_.quality.empty()) return;
  for (Configuration& one : report_.configurations)
    if (one.measurement &&
        !excuse(add_quality(one), one.id(), one.measurement->quality_reason).ok())
      report_.complete = false;
}

Status Campaign::add_quality(Configuration& one) {
  if (!report_.complete) return fail(ErrorCode::interrupted, "interrupted");
  const std::string key =
      one.artifact->hash + one.compute_units + std::to_string(one.artifact->context_tokens);
  auto found = qualities_.find(key);
  if (found == qualities_.end()) {
    const Variants::Choice& choice = choices_.at(&one);
    lm::LanguageModel::Options options = open_options(one, choice);
    options.runtime.backend = one.execution->backend;
    ANEMONE_TRY(const auto model, lm::LanguageModel::open(choice.path, options));
    const std::string item = one.id();
    const ProgressSink go_on = [&](const Progress&) { return tick_nothing(item); };
    // A task tells of its documents and their source for every model.
    const LogSink once = [&](LogLevel level, std::string_view words) {
      if (told_.emplace(words).second) log_(level, words);
    };
    ANEMONE_TRY(Quality quality, find_quality(*model, *tokenizer_, options_, go_on, once));
    found = qualities_.emplace(key, std::move(quality)).first;
  }
  const Quality& quality = found->second;
  one.measurement->quality = quality;
  one.measurement->quality_reason = quality.reason;
  if (!quality.reason.empty()) warn(one.id() + ": " + quality.reason);
  for (const std::string& remark : quality.remarks()) warn(one.id() + ": " + remark);
  return {};
}

Status Campaign::hold_against_cpu(Configuration& one, const std::vector<int32_t>& prompt,
                                  lm::LanguageModel& model) {
  const bool is_cpu = one.compute_units == "cpu";
  if (options_.compute_units.size() < 2) return {};
  const std::string asked = fmt::format("{} {} {}", one.artifact->hash, one.context_tokens,
                                        one.prefill_block_tokens.value_or(0));
  if (!is_cpu && asked != cpu_asked_) return {};
  Outputs& outputs = one.measurement->outputs;
  ANEMONE_TRY(Answer answer, read_answer(model, prompt, outputs.tokens));
  if (is_cpu) {
    cpu_answer_ = std::move(answer);
    cpu_asked_ = asked;
    return {};
  }
  outputs.beside_cpu = compare_with_cpu(cpu_answer_, answer);
  outputs.equal_to_cpu = !outputs.beside_cpu->first_difference.has_value();
  return {};
}

OpenedModel Campaign::open_reference() const {
  lm::LanguageModel::Options options;
  options.runtime.numerics = runtime::Numerics::fp32;
  options.runtime.isa = options_.isa;
  options.hash = false;
  return lm::LanguageModel::open(options_.reference, options);
}

/// All answers after all measurements: the reference's memory is in no peak.
void Campaign::hold_against_reference() {
  if (options_.reference.empty()) return;
  std::unique_ptr<lm::LanguageModel> reference;
  std::map<std::vector<int32_t>, Reference> known;  // by prompt and answer
  for (Configuration& one : report_.configurations) {
    if (!one.measurement) continue;
    Outputs& outputs = one.measurement->outputs;
    const std::string item = one.id();
    const auto work = [&]() -> Status {
      if (!report_.complete) return fail(ErrorCode::interrupted, "interrupted");
      if (reference == nullptr) {
        ANEMONE_TRY(reference, open_reference());
      }
      ANEMONE_TRY(const Prompt prompt, prompt_of(one));
      std::vector<int32_t> whole = prompt.ids;
      whole.insert(whole.end(), outputs.tokens.begin(), outputs.tokens.end());
      auto found = known.find(whole);
      if (found == known.end()) {
        ANEMONE_TRY(auto held, hold_against(*reference, prompt.ids, outputs.tokens,
                                            [&] { return tick_nothing(item); }));
        found = known.emplace(std::move(whole), std::move(held)).first;
      }
      outputs.reference = found->second;
      return {};
    };
    if (!excuse(work(), item, outputs.reference_reason).ok()) report_.complete = false;
  }
}

}  // namespace anemone::bench
