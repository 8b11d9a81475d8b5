#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/float16.h"
#include "models/blocks.h"
#include "models/largest_sum.h"

namespace anemone::models {
namespace {

/// How sums of exponentials are kept in range: each part sums exp(logit - max + shift), and parts
/// are added times `scale`. The shift is as large as the widest part allows, because fp16 loses
/// what is below 2^-24.
struct SumRange {
  double shift = 0;
  double scale = 1;  ///< a power of two.
};

/// Among the shifts that fp16 holds exactly, the one whose undoing it holds best. The scale undoes
/// the shift as far as sums of all parts allow, because a logarithm near 0 has finer steps.
SumRange find_range(int64_t widest, int64_t total) {
  constexpr double kStep = 1.0 / 256;
  constexpr int kCandidates = 128;
  const double most = std::floor(std::log(kLargestSum / static_cast<double>(widest)) / kStep);
  SumRange range;
  double error = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kCandidates; ++i) {
    const double shift = (most - i) * kStep;
    const double room = std::log2(kLargestSum / (static_cast<double>(total) * std::exp(shift)));
    const double scale =
        std::exp2(std::min(-std::round(shift / std::numbers::ln2), std::floor(room)));
    const double undone = shift + std::log(scale);
    const double found =
        std::abs(static_cast<double>(fp16_to_float(double_to_fp16(undone))) - undone);
    if (found < error) {
      error = found;
      range = {shift, scale};
    }
  }
  return range;
}

class ScoreBlock {
 public:
  ScoreBlock(const BlockContext& context, const std::vector<Var>& parts, Var targets)
      : context_(context), builder_(context.builder), rows_(context.spec.rows) {
    int64_t widest = 0;
    int64_t total = 0;
    for (const Var& part : parts) {
      widest = std::max(widest, part.shape()[1]);
      total += part.shape()[1];
    }
    range_ = find_range(widest, total);
    targets_ = context.reshape("targets_wide", targets, {1, 1, 1, rows_});
  }

  void build(const std::vector<Var>& parts) {
    std::vector<Var> best;
    for (const Var& part : parts) best.push_back(reduce("reduce_max", "part_max", part));
    Var most = best[0];
    for (size_t i = 1; i < best.size(); ++i) most = pair("maximum", "max", most, best[i]);

    Var sum;
    Var target;
    Var argmax;
    int64_t first = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const int64_t size = parts[i].shape()[1];
      const Var share = sum_of(parts[i], most);
      const Var logit = logit_of_target(parts[i], first);
      const Var place = place_of_max(parts[i], first);
      if (i == 0) {
        sum = share;
        target = logit;
        argmax = place;
      } else {
        sum = pair("add", "sum", sum, share);
        const Var here = compare("greater_equal", "target_is_here", targets_, first);
        target = choose("target_logit", here, logit, target);
        // Strictly better, so that the first of equals stays.
        const Var better = pair("greater", "is_better", best[i], best_before_);
        argmax = choose("argmax_so_far", better, place, argmax);
      }
      best_before_ = i == 0 ? best[0] : pair("maximum", "max_before", best_before_, best[i]);
      first += size;
    }
    const Var log = builder_.add("log", "log_of_sum", {{"x", sum}});
    give("max_logit", most);
    give("log_sum",
         builder_.add("sub", "log_sum_wide",
                      {{"x", log}, {"y", context_.scalar(range_.shift + std::log(range_.scale))}}));
    give("target_gap", pair("sub", "gap_wide", most, target));
    give("argmax", argmax);
  }

 private:
  Var reduce(std::string_view op, std::string_view hint, Var x) {
    return builder_.add(op, hint,
                        {{"x", x}, {"axes", std::vector<int64_t>{1}}, {"keep_dims", true}});
  }
  Var pair(std::string_view op, std::string_view hint, Var x, Var y) {
    return builder_.add(op, hint, {{"x", x}, {"y", y}});
  }
  Var integer(int64_t value) {
    Tensor tensor = Tensor::zeros(DType::int32, {});
    tensor.set(0, static_cast<double>(value));
    return builder_.constant("number", tensor);
  }
  Var compare(std::string_view op, std::string_view hint, Var x, int64_t value) {
    return pair(op, hint, x, integer(value));
  }
  Var choose(std::string_view hint, Var condition, Var yes, Var no) {
    return builder_.add("select", hint, {{"cond", condition}, {"a", yes}, {"b", no}});
  }
  void give(const std::string& name, Var wide) {
    builder_.output(name, context_.reshape(name, wide, {1, rows_}));
  }

  /// Sum of exp(logit - max) of a part in the common range.
  Var sum_of(Var part, Var most) {
    const Var below = pair("sub", "part_below", part, most);
    const Var raised =
        builder_.add("add", "part_raised", {{"x", below}, {"y", context_.scalar(range_.shift)}});
    const Var powers = builder_.add("exp", "part_powers", {{"x", raised}});
    return context_.times("part_share", reduce("reduce_sum", "part_sum", powers), range_.scale);
  }

  /// The logit of a target that lies in the part; anything of the part for others.
  Var logit_of_target(Var part, int64_t first) {
    const int64_t size = part.shape()[1];
    Var index = targets_;
    if (first > 0) index = pair("sub", "target_index", index, integer(first));
    index = pair("maximum", "target_index_low", index, integer(0));
    index = pair("minimum", "target_index_high", index, integer(size - 1));
    return builder_.add(
        "gather_along_axis", "target_candidate",
        {{"x", part}, {"indices", index}, {"axis", 1}, {"validate_indices", false}});
  }

  Var place_of_max(Var part, int64_t first) {
    const Var place =
        builder_.add("reduce_argmax", "part_argmax",
                     {{"x", part}, {"axis", 1}, {"keep_dims", true}, {"output_dtype", "int32"}});
    return first > 0 ? pair("add", "part_argmax_whole", place, integer(first)) : place;
  }

  const BlockContext& context_;
  Builder& builder_;
  int64_t rows_;
  Var targets_;
  Var best_before_;
  SumRange range_;
};

}  // namespace

void score_block(const BlockContext& context, Var x, Var targets) {
  const Builder::NameScope scope(context.builder, "score");
  const std::vector<Var> parts = head_parts_block(context, x);
  ScoreBlock(context, parts, targets).build(parts);
}

}  // namespace anemone::models
