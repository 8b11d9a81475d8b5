#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/float16.h"
#include "lm/cached_sequence.h"
#include "lm/forms.h"
#include "lm/greedy.h"
#include "lm/loader.h"
#include "lm/logits_row.h"
#include "lm/row_sink.h"
#include "lm/token_check.h"

namespace anemone::lm {
namespace {

/// Most tokens of one call: bounds the memory of logits [T, V].
constexpr int64_t kMostTokensPerCall = 64;

/// Exports with flexible input_ids [1, T] and causal_mask [1, 1, T, S + T] and states, in Apple's
/// manner: the program derives positions from the mask's width.
class FlexibleStateModel : public LanguageModel {
 public:
  FlexibleStateModel(ModelInfo info, std::shared_ptr<runtime::Model> package,
                     const package::FunctionDescription& function, std::vector<int64_t> counts)
      : info_(std::move(info)),
        package_(std::move(package)),
        function_(function.name),
        interface_(read_interface(function)),
        counts_(std::move(counts)) {}

  const ModelInfo& info() const override { return info_; }
  runtime::Execution execution() const override { return join_executions(std::span(&package_, 1)); }
  WorkCounters counters() const override { return counters_; }
  std::unique_ptr<Sequence> new_sequence() override {
    return std::make_unique<CachedSequence>(package_->new_state(), -1, false, info_.context_length);
  }

  Status extend(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                std::span<float> logits) override {
    ANEMONE_RETURN_IF_ERROR(check_tokens(info_, sequence.length(), tokens));
    const auto count = static_cast<int64_t>(tokens.size());
    KeptRows kept(logits, info_.vocab_size);
    return carry(sequence, tokens, rows == Rows::last ? count - 1 : 0,
                 rows == Rows::none ? nullptr : &kept);
  }

  Status score(Sequence& sequence, std::span<const int32_t> tokens,
               std::span<const int32_t> targets, std::span<TokenScore> scores, ScoreBy) override {
    ANEMONE_RETURN_IF_ERROR(check_tokens(info_, sequence.length(), tokens));
    ANEMONE_RETURN_IF_ERROR(check_targets(info_, tokens, targets, scores));
    std::vector<float> row(static_cast<size_t>(info_.vocab_size));
    ScoredRows scored(row, targets, scores);
    return carry(sequence, tokens, 0, &scored);
  }

  Result<int32_t> extend_greedy(Sequence& sequence, std::span<const int32_t> tokens) override {
    return extend_by_logits(*this, sequence, tokens);
  }

 private:
  /// Appends the tokens; the rows of those from `first_new` on go to `sink`, if any.
  Status carry(Sequence& sequence, std::span<const int32_t> tokens, int64_t first_new,
               RowSink* sink) {
    if (tokens.empty()) return {};
    auto& cached = static_cast<CachedSequence&>(sequence);
    const int64_t before = cached.length();
    cached.append(tokens);
    while (cached.cached() < cached.length()) {
      const Status status = call(cached, before + first_new, sink);
      if (status.ok()) continue;
      cached.truncate(before);
      return status;
    }
    return {};
  }

  Status call(CachedSequence& sequence, int64_t first_row, RowSink* sink) {
    const int64_t start = sequence.cached();
    const int64_t left = sequence.length() - start;
    const int64_t count = *std::prev(std::ranges::upper_bound(counts_, left));
    const int64_t end = start + count;
    const runtime::Model::InputShape shapes[] = {{interface_.input_ids, Shape{1, count}},
                                                 {interface_.causal_mask, Shape{1, 1, count, end}}};
    ANEMONE_TRY(const auto runner, package_->prepare(function_, shapes));
    const auto tokens =
        sequence.tokens().subspan(static_cast<size_t>(start), static_cast<size_t>(count));
    std::memcpy(runner->input(interface_.input_ids)->mutable_values<int32_t>().data(),
                tokens.data(), tokens.size_bytes());
    Tensor& mask = *runner->input(interface_.causal_mask);
    for (int64_t row = 0; row < count; ++row)
      for (int64_t column = 0; column < end; ++column)
        mask.set(row * end + column,
                 column <= start + row ? 0 : -std::numeric_limits<double>::infinity());
    ANEMONE_RETURN_IF_ERROR(runner->run(&sequence.state()).in(function_));
    const Tensor& rows = *runner->output(interface_.logits);
    if (rows.element_count() != count * info_.vocab_size)
      return fail(ErrorCode::mismatch,
                  "logits of {} tokens have shape {}, expected {} values per token", count,
                  rows.shape().to_string(), info_.vocab_size);
    for (int64_t row = std::max(first_row, start); row < end && sink != nullptr; ++row) {
      copy_logits_row(rows, row - start, info_.vocab_size, sink->place(row - first_row));
      ANEMONE_RETURN_IF_ERROR(sink->take(row - first_row));
    }
    (count == 1 ? counters_.step_tokens : counters_.prefill_tokens) += static_cast<uint64_t>(count);
    ++counters_.calls;
    sequence.set_cached(end);
    return {};
  }

  ModelInfo info_;
  std::shared_ptr<runtime::Model> package_;
  std::string function_;
  Interface interface_;
  std::vector<int64_t> counts_;
  WorkCounters counters_;
};

int64_t lower_bound(const package::Feature& feature, size_t axis) {
  if (axis < feature.ranges.size()) return feature.ranges[axis].lower;
  return axis < feature.shape.size() ? feature.shape[axis] : 0;
}

/// The most a flexible dimension may be; `fallback` when unbounded.
int64_t upper_bound(const package::Feature& feature, size_t axis, int64_t fallback) {
  int64_t bound = 0;
  if (axis < feature.ranges.size())
    return feature.ranges[axis].upper < 0 ? fallback : feature.ranges[axis].upper;
  for (const auto& shape : feature.enumerated_shapes)
    if (axis < shape.size()) bound = std::max(bound, shape[axis]);
  return bound == 0 && axis < feature.shape.size() ? feature.shape[axis] : bound;
}

/// The counts of tokens that calls are cut into, ascending from 1: what input_ids lists, or every
/// count up to its bound. Empty when single tokens are not allowed.
std::vector<int64_t> token_counts(const package::Feature& ids, bool single_steps) {
  const int64_t most = single_steps ? 1 : kMostTokensPerCall;
  std::set<int64_t> counts;
  if (!ids.enumerated_shapes.empty()) {
    for (const auto& shape : ids.enumerated_shapes)
      if (shape.size() == 2 && shape[1] <= most) counts.insert(shape[1]);
  } else {
    for (int64_t count = lower_bound(ids, 1); count <= std::min(most, upper_bound(ids, 1, most));
         ++count)
      counts.insert(count);
  }
  counts.erase(counts.begin(), counts.lower_bound(1));
  if (!counts.contains(1)) return {};
  return {counts.begin(), counts.end()};
}

/// Positions the caches hold: the second last dimension of [L, B, Hkv, S, D].
int64_t state_positions(const runtime::State& state) {
  int64_t positions = 0;
  for (const NamedTensor& tensor : state.tensors()) {
    const Shape& shape = tensor.tensor.shape();
    if (shape.rank() < 2) continue;
    const int64_t own = shape[shape.rank() - 2];
    positions = positions == 0 ? own : std::min(positions, own);
  }
  return positions;
}

}  // namespace

bool is_flexible_state(const package::Package& package) {
  if (package.functions.size() != 1) return false;
  const auto& function = package.functions[0];
  const Interface interface = read_interface(function);
  const package::Feature* ids = function.find_input(interface.input_ids);
  const package::Feature* mask = function.find_input(interface.causal_mask);
  return ids != nullptr && mask != nullptr && is_flexible(*mask) && interface.current_pos.empty() &&
         interface.unknown_inputs.empty() && !interface.logits.empty() && !function.states.empty();
}

OpenedModel open_flexible_state(std::shared_ptr<runtime::Model> model,
                                const LanguageModel::Options& options) {
  const package::Package& package = model->package();
  const auto& function = package.functions[0];
  const Interface interface = read_interface(function);
  const runtime::State state = model->new_state();
  const package::Feature& mask = *function.find_input(interface.causal_mask);
  const package::Feature& ids = *function.find_input(interface.input_ids);
  ModelInfo info;
  info.name = model_name_of(package.path);
  info.path = package.path;
  info.form = "stateful";
  info.numerics = options.runtime.numerics;
  info.execution = join_executions(std::span(&model, 1));
  info.weight_bytes = package.weight_file_bytes;
  info.context_length = std::min(state_positions(state),
                                 upper_bound(mask, mask.shape.size() - 1, state_positions(state)));
  auto counts = token_counts(ids, options.single_steps);
  if (counts.empty() || !mask.enumerated_shapes.empty())
    return fail(ErrorCode::unsupported,
                "{}: expected an input_ids that may be [1, 1] and a causal_mask of any width up to "
                "the context",
                package.path.filename().string());
  info.prefill_block_tokens = counts.back();
  // The vocabulary shows only in a result: plan one token.
  const runtime::Model::InputShape one[] = {{interface.input_ids, Shape{1, 1}},
                                            {interface.causal_mask, Shape{1, 1, 1, 1}}};
  ANEMONE_TRY(const auto runner, model->prepare(function.name, one));
  const Tensor* one_ids = runner->input(interface.input_ids);
  const Tensor* one_mask = runner->input(interface.causal_mask);
  if (one_ids == nullptr || one_ids->dtype() != DType::int32 || one_mask == nullptr ||
      one_mask->element_count() != 1 || !is_float(one_mask->dtype()))
    return fail(ErrorCode::unsupported,
                "{}: expected int32 input_ids [1, T] and a float causal_mask [1, 1, T, S]",
                package.path.filename().string());
  const Shape& logits = runner->output(interface.logits)->shape();
  if (logits.rank() == 0 || logits[logits.rank() - 1] < 1)
    return fail(ErrorCode::unsupported, "{}: output {} has shape {}, expected [.., V]",
                package.path.filename().string(), interface.logits, logits.to_string());
  info.vocab_size = logits[logits.rank() - 1];
  if (options.hash) {
    const std::shared_ptr<runtime::Model> packages[] = {model};
    ANEMONE_TRY(info.hash, hash_packages(packages));
  }
  return std::unique_ptr<LanguageModel>(
      std::make_unique<FlexibleStateModel>(std::move(info), model, function, std::move(counts)));
}

}  // namespace anemone::lm
