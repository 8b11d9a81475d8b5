#include <algorithm>

#include "anemone/probe.h"
#include "base/error.h"
#include "probe/point_names.h"
#include "probe/recorder.h"

namespace anemone::probe {

const Tensor* Trace::find(std::string_view name) const {
  const auto found = std::ranges::find(points, name, &NamedTensor::name);
  return found == points.end() ? nullptr : &found->tensor;
}

std::vector<int32_t> random_ids(int64_t count, int64_t vocab_size, uint64_t seed) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) {
    // SplitMix64 (Steele, Lea, Flood 2014).
    uint64_t word = seed += 0x9e3779b97f4a7c15U;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
    word ^= word >> 31;
    ids.push_back(static_cast<int32_t>(word % static_cast<uint64_t>(vocab_size)));
  }
  return ids;
}

Result<lm::ModelInfo> describe_model(const std::filesystem::path& model,
                                     lm::LanguageModel::Options options) {
  options.hash = false;
  options.runtime.observer = nullptr;
  ANEMONE_TRY(const auto opened, lm::LanguageModel::open(model, options));
  return opened->info();
}

Result<Trace> trace_model(const std::filesystem::path& model, lm::LanguageModel::Options options,
                          std::span<const int32_t> ids, const ProgressSink& progress) {
  const auto recorder = std::make_shared<Recorder>();
  options.hash = false;
  options.single_steps = true;
  options.runtime.observer = recorder;
  ANEMONE_TRY(const auto opened, lm::LanguageModel::open(model, options));
  const lm::ModelInfo& info = opened->info();
  if (info.context_length > 0 && ids.size() > static_cast<size_t>(info.context_length))
    return with_hint(fail(ErrorCode::mismatch, "{}: {} tokens, its context holds {}",
                          model.string(), ids.size(), info.context_length),
                     fmt::format("run {} at most", info.context_length));
  const auto vocab = static_cast<size_t>(info.gives_logits ? info.vocab_size : 0);
  const auto sequence = opened->new_sequence();
  Tensor logits =
      Tensor::zeros(DType::fp32, {static_cast<int64_t>(ids.size()), static_cast<int64_t>(vocab)});
  // A model without a state computes all tokens of a sequence in each call.
  const size_t at_once = info.form == "plain" ? ids.size() : 1;
  for (size_t at = 0; at < ids.size(); at += at_once) {
    if (progress && !progress({"probing", at, ids.size(), "tokens"}))
      return fail(ErrorCode::interrupted, "interrupted");
    recorder->begin_pass(static_cast<int64_t>(at_once));
    ANEMONE_RETURN_IF_ERROR(opened->extend(
        *sequence, ids.subspan(at, at_once), vocab > 0 ? lm::Rows::all : lm::Rows::none,
        logits.mutable_values<float>().subspan(at * vocab, at_once * vocab)));
    recorder->end_pass();
  }
  Trace trace{{ids.begin(), ids.end()}, recorder->points()};
  trace.layers = layers_in(trace);
  if (vocab > 0) trace.points.push_back({"logits", std::move(logits)});
  return trace;
}

}  // namespace anemone::probe
