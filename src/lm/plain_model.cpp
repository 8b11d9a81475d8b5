#include <algorithm>
#include <cstring>
#include <map>

#include "base/error.h"
#include "lm/cached_sequence.h"
#include "lm/forms.h"
#include "lm/loader.h"
#include "lm/logits_row.h"
#include "lm/token_check.h"

namespace anemone::lm {
namespace {

/// One length that some function accepts.
struct Length {
  int64_t tokens = 0;
  std::string function;
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
  PlainModel(ModelInfo info, std::shared_ptr<runtime::Model> package, Interface interface,
             std::vector<Length> lengths)
      : info_(std::move(info)),
        package_(std::move(package)),
        interface_(std::move(interface)),
        lengths_(std::move(lengths)) {}

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
    return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
  }

 private:
  Result<runtime::Runner*> runner(const Length& length) {
    if (const auto found = runners_.find(length.tokens); found != runners_.end())
      return found->second.get();
    const runtime::Model::InputShape shapes[] = {{interface_.input_ids, Shape{1, length.tokens}}};
    ANEMONE_TRY(auto made, package_->prepare(length.function, shapes));
    if (runners_.size() >= kMostRunners) runners_.erase(runners_.begin());
    return runners_.emplace(length.tokens, std::move(made)).first->second.get();
  }

  Status call(const CachedSequence& sequence, int64_t first_row, std::span<float> logits) {
    const int64_t count = sequence.length();
    const auto length = std::ranges::find_if(
        lengths_, [&](const Length& candidate) { return candidate.tokens >= count; });
    ANEMONE_CHECK(length != lengths_.end(), "the context is the longest length");
    ANEMONE_TRY(runtime::Runner * runner, this->runner(*length));
    const auto ids = runner->input(interface_.input_ids)->mutable_values<int32_t>();
    std::ranges::fill(ids, 0);
    std::ranges::copy(sequence.tokens(), ids.begin());
    ANEMONE_RETURN_IF_ERROR(runner->run(nullptr).in(length->function));
    counters_.prefill_tokens += static_cast<uint64_t>(length->tokens);
    ++counters_.calls;
    const Tensor& rows = *runner->output(interface_.logits);
    if (rows.element_count() != length->tokens * info_.vocab_size)
      return fail(ErrorCode::unsupported, "logits of {} tokens have shape {}, expected [1, {}, {}]",
                  length->tokens, rows.shape().to_string(), length->tokens, info_.vocab_size);
    const auto vocab = static_cast<size_t>(info_.vocab_size);
    for (int64_t row = first_row; row < count; ++row)
      copy_logits_row(rows, row, info_.vocab_size,
                      logits.subspan(static_cast<size_t>(row - first_row) * vocab, vocab));
    return {};
  }

  ModelInfo info_;
  std::shared_ptr<runtime::Model> package_;
  Interface interface_;
  std::vector<Length> lengths_;
  std::map<int64_t, std::unique_ptr<runtime::Runner>> runners_;
  WorkCounters counters_;
};

std::vector<Length> lengths_of(const package::FunctionDescription& function) {
  const package::Feature& ids = *function.find_input(read_interface(function).input_ids);
  std::vector<Length> lengths;
  const auto add = [&](int64_t tokens) { lengths.push_back({tokens, function.name}); };
  if (ids.ranges.size() == 2) {
    const package::DimRange range = ids.ranges[1];
    const int64_t upper = range.upper < 0 ? kUnboundedContext : range.upper;
    for (int64_t tokens = std::max<int64_t>(range.lower, 1); tokens <= upper; ++tokens) add(tokens);
  } else if (!ids.enumerated_shapes.empty()) {
    for (const auto& shape : ids.enumerated_shapes)
      if (shape.size() == 2) add(shape[1]);
  } else {
    add(ids.shape[1]);
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
  std::vector<Length> lengths;
  for (const auto& function : package.functions) {
    const auto own = lengths_of(function);
    lengths.insert(lengths.end(), own.begin(), own.end());
  }
  std::ranges::stable_sort(lengths, {}, &Length::tokens);
  const Interface interface = read_interface(package.functions[0]);
  ModelInfo info;
  info.name = package.path.stem().string();
  info.path = package.path;
  info.form = "plain";
  info.numerics = options.runtime.numerics;
  info.weight_bytes = package.weight_file_bytes;
  info.context_length = lengths.back().tokens;
  const runtime::Model::InputShape shortest[] = {
      {interface.input_ids, Shape{1, lengths[0].tokens}}};
  ANEMONE_TRY(const auto runner, model->prepare(lengths[0].function, shortest));
  const Shape& logits = runner->output(interface.logits)->shape();
  if (logits.rank() != 3 || logits[1] != lengths[0].tokens)
    return fail(ErrorCode::unsupported,
                "{}: output {} has shape {}, expected logits of every token [1, T, V]",
                package.path.filename().string(), interface.logits, logits.to_string());
  info.vocab_size = logits[2];
  const std::shared_ptr<runtime::Model> packages[] = {model};
  ANEMONE_TRY(info.hash, hash_packages(packages));
  return std::unique_ptr<LanguageModel>(
      std::make_unique<PlainModel>(std::move(info), model, interface, std::move(lengths)));
}

}  // namespace anemone::lm
