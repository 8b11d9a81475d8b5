#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"
#include "lm/cached_sequence.h"
#include "lm/forms.h"
#include "lm/greedy.h"
#include "lm/loader.h"
#include "lm/logits_row.h"
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

/// `input_ids -> logits` without a memory: every call runs the whole sequence, padded on the right
/// to the next length that the package has. Later tokens cannot reach earlier rows, so padding
/// changes nothing.
class PlainModel : public LanguageModel {
 public:
  PlainModel(ModelInfo info, std::shared_ptr<runtime::Model> package, std::vector<Lengths> lengths)
      : info_(std::move(info)), package_(std::move(package)), lengths_(std::move(lengths)) {}

  const ModelInfo& info() const override { return info_; }
  WorkCounters counters() const override { return counters_; }
  std::unique_ptr<Sequence> new_sequence() override {
    return std::make_unique<CachedSequence>(runtime::State(), -1);
  }

  Status extend(Sequence& sequence, std::span<const int32_t> tokens, Rows rows,
                std::span<float> logits) override {
    ANEMONE_RETURN_IF_ERROR(check_tokens(info_, sequence.length(), tokens));
    auto& own = static_cast<CachedSequence&>(sequence);
    const int64_t before = own.length();
    own.append(tokens);
    if (tokens.empty() || rows == Rows::none) return {};
    const Status status = call(own, rows == Rows::all ? before : own.length() - 1, logits);
    if (!status.ok()) own.truncate(before);
    return status;
  }

  Result<int32_t> extend_greedy(Sequence& sequence, std::span<const int32_t> tokens) override {
    if (tokens.empty()) return fail(ErrorCode::invalid_argument, "no token to continue from");
    std::vector<float> logits(static_cast<size_t>(info_.vocab_size));
    ANEMONE_RETURN_IF_ERROR(extend(sequence, tokens, Rows::last, logits));
    return greedy_token(logits);
  }

 private:
  Result<runtime::Runner*> runner(const Lengths& lengths, int64_t tokens) {
    if (const auto found = runners_.find(tokens); found != runners_.end())
      return found->second.get();
    const runtime::Model::InputShape shapes[] = {{lengths.input_ids, Shape{1, tokens}}};
    ANEMONE_TRY(auto made, package_->prepare(lengths.function, shapes));
    const Tensor* ids = made->input(lengths.input_ids);
    if (ids == nullptr || ids->dtype() != DType::int32 || ids->element_count() != tokens)
      return fail(ErrorCode::unsupported, "{}: expected int32 {} [1, {}]", lengths.function,
                  lengths.input_ids, tokens);
    if (runners_.size() >= kMostRunners) runners_.erase(runners_.begin());
    return runners_.emplace(tokens, std::move(made)).first->second.get();
  }

  Status call(const CachedSequence& sequence, int64_t first_row, std::span<float> logits) {
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
    const auto vocab = static_cast<size_t>(info_.vocab_size);
    for (int64_t row = first_row; row < count; ++row)
      copy_logits_row(rows, row, info_.vocab_size,
                      logits.subspan(static_cast<size_t>(row - first_row) * vocab, vocab));
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
    lengths.insert(lengths.end(), own.begin(), own.end());
  }
  if (lengths.empty())
    return fail(ErrorCode::unsupported, "{}: input_ids allows no length",
                package.path.filename().string());
  ModelInfo info;
  info.name = package.path.stem().string();
  info.path = package.path;
  info.form = "plain";
  info.numerics = options.runtime.numerics;
  info.weight_bytes = package.weight_file_bytes;
  const Lengths* shortest = &lengths[0];
  for (const Lengths& own : lengths) {
    info.context_length = std::max(info.context_length, own.most);
    if (own.least < shortest->least) shortest = &own;
  }
  const runtime::Model::InputShape shape[] = {{shortest->input_ids, Shape{1, shortest->least}}};
  ANEMONE_TRY(const auto runner, model->prepare(shortest->function, shape));
  const Shape& logits = runner->output(shortest->logits)->shape();
  if (logits.rank() != 3 || logits[1] != shortest->least)
    return fail(ErrorCode::unsupported,
                "{}: output {} has shape {}, expected logits of every token [1, T, V]",
                package.path.filename().string(), shortest->logits, logits.to_string());
  info.vocab_size = logits[2];
  const std::shared_ptr<runtime::Model> packages[] = {model};
  ANEMONE_TRY(info.hash, hash_packages(packages));
  return std::unique_ptr<LanguageModel>(
      std::make_unique<PlainModel>(std::move(info), model, std::move(lengths)));
}

}  // namespace anemone::lm
