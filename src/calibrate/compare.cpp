#include "calibrate/compare.h"

#include <algorithm>

#include "base/error.h"
#include "calibrate/divergence.h"

namespace anemone::calibrate {
namespace {

constexpr int64_t kTokensAtOnce = 16;  ///< whose logits are held, of each window.
constexpr size_t kMostLanes = 16;      ///< windows that run side by side.
/// Of both models, where more than one window runs: whole windows of the layout plain may need
/// more.
constexpr uint64_t kLogitsBytes = uint64_t{256} << 20;

/// A model and its windows that run.
struct Side {
  std::unique_ptr<lm::LanguageModel> model;
  std::vector<std::unique_ptr<lm::Sequence>> sequences;
  std::vector<std::vector<float>> logits;

  Status extend(const Windows& windows, size_t first, size_t at, size_t count) {
    std::vector<lm::Extension> extensions(sequences.size());
    const auto vocab = static_cast<size_t>(model->info().vocab_size);
    logits.resize(sequences.size());
    for (size_t lane = 0; lane < sequences.size(); ++lane) {
      logits[lane].resize(count * vocab);
      extensions[lane] = {sequences[lane].get(),
                          std::span(windows.inputs[first + lane]).subspan(at, count), lm::Rows::all,
                          logits[lane], Status()};
    }
    model->extend_many(extensions);
    for (lm::Extension& extension : extensions)
      if (!extension.status.ok()) return std::move(extension.status);
    return {};
  }
};

Result<Side> open_side(const std::filesystem::path& path, const Options& options) {
  lm::LanguageModel::Options opened;
  opened.runtime = options.runtime;
  opened.hash = false;
  Side side;
  ANEMONE_TRY(side.model, lm::LanguageModel::open(path, opened));
  return side;
}

Result<Comparison> run_sides(Side before, Side after, const Windows& windows,
                             const Options& options) {
  const lm::ModelInfo& info = before.model->info();
  if (info.vocab_size != after.model->info().vocab_size)
    return fail(ErrorCode::mismatch, "{} has {} tokens, {} has {}", info.path.string(),
                info.vocab_size, after.model->info().path.string(), after.model->info().vocab_size);
  const auto vocab = static_cast<size_t>(info.vocab_size);
  const size_t length = windows.inputs[0].size();
  // A model without a state computes all of a window each time.
  const size_t slice =
      info.form == "plain" ? length : std::min(length, static_cast<size_t>(kTokensAtOnce));
  const size_t lanes =
      std::clamp<size_t>(kLogitsBytes / (2 * sizeof(float) * vocab * slice), 1, kMostLanes);
  Comparison sums;
  for (size_t first = 0; first < windows.inputs.size(); first += lanes) {
    const size_t count = std::min(lanes, windows.inputs.size() - first);
    for (Side* side : {&before, &after}) {
      side->sequences.clear();
      for (size_t lane = 0; lane < count; ++lane)
        side->sequences.push_back(side->model->new_sequence());
    }
    for (size_t at = 0; at < length; at += slice) {
      if (options.progress && !options.progress({"measure", first * length + at * count,
                                                 windows.inputs.size() * length, "tokens"}))
        return fail(ErrorCode::interrupted, "interrupted");
      const size_t tokens = std::min(slice, length - at);
      ANEMONE_RETURN_IF_ERROR(before.extend(windows, first, at, tokens));
      ANEMONE_RETURN_IF_ERROR(after.extend(windows, first, at, tokens));
      for (size_t lane = 0; lane < count; ++lane)
        for (size_t t = 0; t < tokens; ++t) {
          Status added = add_token(std::span(before.logits[lane]).subspan(t * vocab, vocab),
                                   std::span(after.logits[lane]).subspan(t * vocab, vocab),
                                   windows.targets[first + lane][at + t], sums);
          if (!added.ok())
            return std::move(added)
                .in(fmt::format("{} beside {}, window {}, token {}",
                                after.model->info().path.string(), info.path.string(), first + lane,
                                at + t))
                .error();
        }
    }
  }
  const auto total = static_cast<double>(sums.tokens);
  for (double* sum : {&sums.dense_loss, &sums.loss, &sums.top1_agreement, &sums.kl_divergence})
    *sum /= total;
  return sums;
}

}  // namespace

Status check_comparable(const std::filesystem::path& model, const Options& options) {
  ANEMONE_TRY(const Side side, open_side(model, options));
  ANEMONE_TRY(const auto tokenizer, tokenizer_of(model));
  ANEMONE_TRY(const Windows windows, windows_of(options, tokenizer, side.model->info()));
  return {};
}

Result<Comparison> compare_over(const Windows& windows, const std::filesystem::path& dense,
                                const std::filesystem::path& compressed, const Options& options) {
  ANEMONE_TRY(Side before, open_side(dense, options));
  ANEMONE_TRY(Side after, open_side(compressed, options));
  return run_sides(std::move(before), std::move(after), windows, options);
}

Result<Comparison> compare(const std::filesystem::path& dense,
                           const std::filesystem::path& compressed, const Options& options) {
  ANEMONE_TRY(const auto tokenizer, tokenizer_of(dense));
  ANEMONE_TRY(Side before, open_side(dense, options));
  ANEMONE_TRY(Side after, open_side(compressed, options));
  ANEMONE_TRY(const Windows windows, windows_of(options, tokenizer, before.model->info()));
  return run_sides(std::move(before), std::move(after), windows, options);
}

}  // namespace anemone::calibrate
