#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/tensor_source.h"

/// Adapters laid over a base. Each format has a function that makes an `AdapterPlan` of its tensors
/// and its config; `apply_adapter` checks the plan against both files and merges.
namespace anemone::checkpoint {

/// W + scale · B·A of one weight W [out, in], with A [r, in] and B [out, r]; with a magnitude m
/// [out] (DoRA) each output row is m · row / ‖row‖ of that.
struct LowRankUpdate {
  std::string a;  ///< names of the adapter's tensors
  std::string b;
  std::string magnitude;           ///< empty: none
  bool a_transposed = false;       ///< stored as [in, r]
  bool b_transposed = false;       ///< stored as [r, out]
  bool weight_transposed = false;  ///< the base holds W as [in, out]
  double scale = 1;
  std::string weight{};  ///< the adapter's own W, in place of the base's; empty: the base's.
};

struct AdapterPlan {
  std::map<std::string, LowRankUpdate, std::less<>> updates;  ///< by the base's weight.
  std::map<std::string, std::string, std::less<>> replaced;   ///< base tensor → adapter's tensor.
  Adaptation adaptation = Adaptation::all_uses;               ///< of all these tensors.
};

/// The tensors of one module in an adapter.
struct AdapterModule {
  std::string a;
  std::string b;
  std::string magnitude;
  bool is_embedding = false;
};

enum class AdapterRole { a, b, embedding_a, embedding_b, magnitude };

struct AdapterModules {
  std::map<std::string, AdapterModule> pairs;  ///< by module
  std::vector<std::string> others;             ///< tensors of no role
};

/// Sorts an adapter's tensors by the suffix of their names. Errors: mismatch (half a pair).
Result<AdapterModules> collect_modules(
    const TensorSource& adapter,
    std::span<const std::pair<std::string_view, AdapterRole>> suffixes);

/// The name in the base of a tensor that an adapter calls `name`: the same, or without its first
/// component ("transformer.h.0…" for "h.0…"). Null if there is none.
const TensorInfo* find_in_base(const TensorSource& base, std::string_view name);

/// Whether `module` is `target` or ends with ".target".
bool ends_with_module(std::string_view module, std::string_view target);

/// Faults in one error, of many the first three: "5 faults: a; b; c; … 2 more".
Status faults_error(const std::vector<std::string>& faults);

/// `base` with the plan's weights computed in double precision from fp32 values, rounded once to
/// fp32, when they are read. Errors: mismatch (all at once: tensors the base lacks, shapes, dtypes,
/// tensors of the adapter that the plan does not use).
Result<std::shared_ptr<const TensorSource>> apply_adapter(
    std::shared_ptr<const TensorSource> base, std::shared_ptr<const TensorSource> adapter,
    AdapterPlan plan);

}  // namespace anemone::checkpoint
