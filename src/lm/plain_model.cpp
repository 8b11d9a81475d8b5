#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"
#include "lm/cached_sequence.h"
#include "lm/forms.h"
#include "lm/greedy.h"
#include "lm/loader.h"
#include "lm/logits_row.h"
#include "lm/row_sink.h"
#include "lm/token_check.h"

namespace anemone::lm {
namespace {

/// The lengths that one function accepts.
struct Lengths {
  int64_t least = 0;
  int64_t most = 0;
  std::string function;
  std::string input_ids;
  std::string logits;
};

/// Bound of an unbounded range: longer inputs would need memory quadratic in their length.
constexpr int64_t kUnboundedContext = 4096;
/// Runners kept for reuse; a ranged model makes one per length.
constexpr size_t kMostRunners = 8;

Result<std::unique_ptr<runtime::Runner>> make_runner(runtime::Model& model, const Lengths& lengths,
                                                     int64_t tokens) {
  const runtime::Model::InputShape shapes[] = {{lengths.input_ids, Shape{1, tokens}}};
  ANEMONE_TRY(auto made, model.prepare(lengths.function, shapes));
  const Tensor* ids = made->input(lengths.input_ids);
  if (ids == nullptr || ids->dtype() != DType::int32 || ids->element_count() != tokens)
    return fail(ErrorCode::unsupported, "{}: expected int32 {} [1, {}]", lengths.function,
                lengths.input_ids, tokens);
  return made;
}

/// `input_ids -> logits` without a memory: every call runs the whole sequence, padded on the right
/// to the next length that the package has. Later tokens cannot reach earlier rows, which
/// `check_causal` tries at open, so padding changes nothing. Of several functions that give the
/// same length the package's default function runs, else the first in the description's order.
class PlainModel : public LanguageModel {
 public:
  PlainModel(ModelInfo info, std::shared_ptr<runtime::Model> package, std::vector<Lengths> lengths)
      : info_(std::move(info)), package_(std::move(package)), lengths_(std::move(lengths)) {}

  const ModelInfo& info() const override { return info_; }
  runtime::Execution execution() const override { return join_executions(std::span(&package_, 1)); }
  WorkCounters counters() const override { return counters_; }
  std::unique_ptr<Sequence> new_sequence() override {
    return std::make_unique<CachedSequence>(runtime::State(), -1, false, info_.context_length);
  }

  Status extend(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                std::span<float> logits) override {
    ANEMONE_RETURN_IF_ERROR(check_tokens(info_, sequence.length(), tokens));
    KeptRows kept(logits, info_.vocab_size);
    const auto count = static_cast<int64_t>(tokens.size());
    return carry(sequence, tokens, rows == Rows::all ? 0 : count - 1,
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
  Result<runtime::Runner*> runner(const Lengths& lengths, int64_t tokens) {
    if (const auto found = runners_.find(tokens); found != runners_.end())
      return found->second.get();
    ANEMONE_TRY(auto made, make_runner(*package_, lengths, tokens));
    if (runners_.size() >= kMostRunners) runners_.erase(runners_.begin());
    return runners_.emplace(tokens, std::move(made)).first->second.get();
  }

  /// Appends the tokens; the rows of those from `first_new` on go to `sink`, if any.
  Status carry(Sequence& sequence, std::span<const int32_t> tokens, int64_t first_new,
               RowSink* sink) {
    auto& own = static_cast<CachedSequence&>(sequence);
    const int64_t before = own.length();
    own.append(tokens);
    if (tokens.empty() || sink == nullptr) return {};
    const Status status = call(own, before + first_new, *sink);
    if (!status.ok()) own.truncate(before);
    return status;
  }

  Status call(const CachedSequence& sequence, int64_t first_row, RowSink& sink) {
    const int64_t count = sequence.length();
    const Lengths* chosen = nullptr;
    int64_t tokens = 0;
    for (const Lengths& lengths : lengths_) {
      if (lengths.most < count) continue;
      const int64_t own = std::max(count, lengths.least);
      if (chosen != nullptr && own >= tokens) continue;
      chosen = &lengths;
      tokens = own;
    }
    ANEMONE_CHECK(chosen != nullptr, "the context is the longest length");
    ANEMONE_TRY(runtime::Runner * runner, this->runner(*chosen, tokens));
    const auto ids = runner->input(chosen->input_ids)->mutable_values<int32_t>();
    std::ranges::fill(ids, 0);
    std::ranges::copy(sequence.tokens(), ids.begin());
    ANEMONE_RETURN_IF_ERROR(runner->run(nullptr).in(chosen->function));
    counters_.prefill_tokens += static_cast<uint64_t>(tokens);
    ++counters_.calls;
    const Tensor& rows = *runner->output(chosen->logits);
    if (rows.shape() != Shape{1, tokens, info_.vocab_size})
      return fail(ErrorCode::unsupported, "logits of {} tokens have shape {}, expected [1, {}, {}]",
                  tokens, rows.shape().to_string(), tokens, info_.vocab_size);
    for (int64_t row = first_row; row < count; ++row) {
      copy_logits_row(rows, row, info_.vocab_size, sink.place(row - first_row));
      ANEMONE_RETURN_IF_ERROR(sink.take(row - first_row));
    }
    return {};
  }

  ModelInfo info_;
  std::shared_ptr<runtime::Model> package_;
  std::vector<Lengths> lengths_;
  std::map<int64_t, std::unique_ptr<runtime::Runner>> runners_;
  WorkCounters counters_;
};

std::vector<Lengths> lengths_of(const package::FunctionDescription& function) {
  const Interface interface = read_interface(function);
  const package::Feature& ids = *function.find_input(interface.input_ids);
  std::vector<Lengths> lengths;
  const auto add = [&](int64_t least, int64_t most) {
    if (least > 0 && most >= least)
      lengths.push_back({least, most, function.name, interface.input_ids, interface.logits});
  };
  if (ids.ranges.size() == 2) {
    const package::DimRange range = ids.ranges[1];
    add(std::max<int64_t>(range.lower, 1), range.upper < 0 ? kUnboundedContext : range.upper);
  } else if (!ids.enumerated_shapes.empty()) {
    for (const auto& shape : ids.enumerated_shapes)
      if (shape.size() == 2) add(shape[1], shape[1]);
  } else {
    add(ids.shape[1], ids.shape[1]);
  }
  return lengths;
}

/// The vocabulary's size, from the shape of the logits of the least tokens that `lengths` takes.
Result<int64_t> vocab_size_of(runtime::Model& model, const Lengths& lengths) {
  ANEMONE_TRY(const auto runner, make_runner(model, lengths, lengths.least));
  const Tensor* logits = runner->output(lengths.logits);
  const Shape shape = logits == nullptr ? Shape() : logits->shape();
  if (shape.rank() != 3 || shape[1] != lengths.least)
    return fail(ErrorCode::unsupported,
                "{}: output {} has shape {}, expected logits of every token [1, T, V]",
                model.package().path.filename().string(), lengths.logits, shape.to_string());
  return shape[2];
}

Result<Tensor> logits_of(runtime::Runner& runner, const Lengths& lengths,
                         std::span<const int32_t> tokens) {
  std::ranges::copy(tokens, runner.input(lengths.input_ids)->mutable_values<int32_t>().begin());
  ANEMONE_RETURN_IF_ERROR(runner.run(nullptr).in(lengths.function));
  return runner.output(lengths.logits)->clone();
}

/// Runs two inputs that differ in their last token alone: what padding and scores rely on is that
/// all rows but the last one are then the same, bit by bit. A function is tried at the least length
/// that has an earlier row.
Status check_causal(runtime::Model& model, std::string_view function,
                    std::span<const Lengths> lengths, int64_t vocab_size) {
  const Lengths* chosen = nullptr;
  int64_t tokens = 0;
  for (const Lengths& own : lengths) {
    const int64_t least = std::max<int64_t>(own.least, 2);
    if (own.function != function || own.most < least || (chosen != nullptr && least >= tokens))
      continue;
    chosen = &own;
    tokens = least;
  }
  if (chosen == nullptr) return {};
  ANEMONE_TRY(const auto runner, make_runner(model, *chosen, tokens));
  std::vector<int32_t> ids(static_cast<size_t>(tokens), 0);
  ANEMONE_TRY(const Tensor before, logits_of(*runner, *chosen, ids));
  ids.back() = static_cast<int32_t>(vocab_size - 1);
  ANEMONE_TRY(const Tensor after, logits_of(*runner, *chosen, ids));
  const size_t earlier = before.bytes().size() / ids.size() * (ids.size() - 1);
  if (std::memcmp(before.bytes().data(), after.bytes().data(), earlier) == 0) return {};
  return fail(ErrorCode::unsupported,
              "function '{}' is not causal: its last token changes the logits of earlier ones",
              function);
}

bool is_plain_function(const package::FunctionDescription& function) {
  const Interface interface = read_interface(function);
  const package::Feature* ids = function.find_input(interface.input_ids);
  return ids != nullptr && ids->shape.size() == 2 && !interface.logits.empty() &&
         interface.causal_mask.empty() && interface.current_pos.empty() &&
         interface.unknown_inputs.empty() && function.states.empty();
}

}  // namespace

bool is_plain(const package::Package& package) {
  return !package.functions.empty() && std::ranges::all_of(package.functions, is_plain_function);
}

OpenedModel open_plain(std::shared_ptr<runtime::Model> model,
                       const LanguageModel::Options& options) {
  const package::Package& package = model->package();
  std::vector<Lengths> lengths;
  for (const auto& function : package.functions) {
    const auto own = lengths_of(function);
    lengths.insert(function.name == package.default_function ? lengths.begin() : lengths.end(),
                   own.begin(), own.end());
  }
  if (lengths.empty())
    return fail(ErrorCode::unsupported, "{}: input_ids allows no length",
                package.path.filename().string());
  ModelInfo info;
  info.name = model_name_of(package.path);
  info.path = package.path;
  info.form = "plain";
  info.numerics = options.runtime.numerics;
  info.execution = join_executions(std::span(&model, 1));
  info.weight_bytes = package.weight_file_bytes;
  const Lengths* shortest = &lengths[0];
  for (const Lengths& own : lengths) {
    info.context_length = std::max(info.context_length, own.most);
    if (own.least < shortest->least) shortest = &own;
  }
  ANEMONE_TRY(info.vocab_size, vocab_size_of(*model, *shortest));
  for (const auto& function : package.functions)
    ANEMONE_RETURN_IF_ERROR(check_causal(*model, function.name, lengths, info.vocab_size));
  if (options.hash) {
    const std::shared_ptr<runtime::Model> packages[] = {model};
    ANEMONE_TRY(info.hash, hash_packages(packages));
  }
  return std::unique_ptr<LanguageModel>(
      std::make_unique<PlainModel>(std::move(info), model, std::move(lengths)));
}

}  // namespace anemone::lm
