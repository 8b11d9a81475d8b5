#include <algorithm>
#include <cmath>
#include <optional>

#include "runtime/draft.h"
#include "runtime/matrices.h"

namespace anemone::runtime {
namespace {

constexpr size_t kNoDraft = static_cast<size_t>(-1);

class AttentionFusion {
 public:
  AttentionFusion(const std::vector<PlanValue>& values, std::vector<Draft>& drafts,
                  std::span<const ValueId> shown)
      : values_(values), drafts_(drafts), producer_(values.size(), kNoDraft), uses_(values.size()) {
    for (const ValueId id : shown) ++uses_[index(id)];
    for (size_t at = 0; at < drafts.size(); ++at) {
      const Draft& draft = drafts[at];
      if (draft.kind != Draft::Kind::run) {
        ++uses_[index(draft.source)];
        if (draft.kind == Draft::Kind::view) producer_[index(draft.target)] = at;
        continue;
      }
      for (const ValueId operand : draft.step.operands) ++uses_[index(operand)];
      if (draft.step.kind == StepKind::reference && draft.step.output_count == 1)
        producer_[index(draft.step.first_output)] = at;
    }
  }

  void fuse() {
    for (size_t at = 0; at < drafts_.size(); ++at) {
      if (!is(at, "matmul")) continue;
      if (auto found = find(at)) apply(at, *std::move(found));
    }
  }

 private:
  /// What becomes of the last product.
  struct Found {
    Attention attention;
    std::vector<ValueId> operands;
    std::vector<size_t> parts;  ///< drafts that it does the work of.
  };

  static size_t index(ValueId id) { return static_cast<size_t>(id); }
  const PlanValue& value(ValueId id) const { return values_[index(id)]; }
  const Shape& shape(ValueId id) const { return value(id).type.tensor.shape; }
  const Step& step(size_t at) const { return drafts_[at].step; }

  bool is(size_t at, std::string_view op) const {
    return at != kNoDraft && drafts_[at].kind == Draft::Kind::run &&
           step(at).kind == StepKind::reference && step(at).op->name == op;
  }

  /// The operand of a parameter; kNoValue when it is not given.
  static ValueId operand(const Step& step, std::string_view parameter) {
    const auto operands = step.operands_of(parameter);
    return operands.empty() ? kNoValue : operands[0];
  }

  std::optional<double> constant(ValueId id) const {
    if (id == kNoValue || value(id).place != Place::constant || value(id).constant->is_compressed())
      return std::nullopt;
    const Tensor& tensor = value(id).constant->tensor;
    if (tensor.dtype() == DType::string || tensor.element_count() != 1) return std::nullopt;
    return tensor.at(0);
  }
  bool is_set(const Step& step, std::string_view parameter) const {
    return constant(operand(step, parameter)).value_or(0) != 0;
  }

  /// The draft of `op` that computes a value for one user alone.
  size_t only_for_this(ValueId id, std::string_view op) const {
    const size_t at = producer_[index(id)];
    return is(at, op) && uses_[index(id)] == 1 ? at : kNoDraft;
  }

  /// The value of which `id` is the same matrices, seen through reshapes that only `id` needs.
  ValueId same_matrices(ValueId id) const {
    for (;;) {
      const size_t at = producer_[index(id)];
      if (at == kNoDraft || drafts_[at].kind != Draft::Kind::view || uses_[index(id)] != 1)
        return id;
      const Shape& seen = shape(id);
      const Shape& source = shape(drafts_[at].source);
      if (drafts_[at].offset_bytes != 0 || seen.element_count() != source.element_count() ||
          seen.rank() < 2 || source.rank() < 2 ||
          seen[seen.rank() - 1] != source[source.rank() - 1] ||
          seen[seen.rank() - 2] != source[source.rank() - 2])
        return id;
      id = drafts_[at].source;
    }
  }

  /// The operand of `at` that `op` computes for it alone comes first.
  std::optional<std::pair<ValueId, ValueId>> sides(size_t at, std::string_view op) const {
    const ValueId x = operand(step(at), "x");
    const ValueId y = operand(step(at), "y");
    if (only_for_this(x, op) != kNoDraft) return std::pair{x, y};
    if (only_for_this(y, op) != kNoDraft) return std::pair{y, x};
    return std::nullopt;
  }

  std::optional<Found> find(size_t last) const {
    Found found;
    const ValueId weights = same_matrices(operand(step(last), "x"));
    const size_t softmax = only_for_this(weights, "softmax");
    if (softmax == kNoDraft || is_set(step(last), "transpose_x") ||
        is_set(step(last), "transpose_y"))
      return std::nullopt;
    const Shape& scores = shape(weights);
    const double axis = constant(operand(step(softmax), "axis")).value_or(-1);
    if (axis != -1 && axis != static_cast<double>(scores.rank()) - 1) return std::nullopt;
    const size_t add = only_for_this(operand(step(softmax), "x"), "add");
    if (add == kNoDraft) return std::nullopt;
    found.parts = {softmax, add};
    auto operands = sides(add, "matmul");
    if (!operands) {
      operands = sides(add, "mul");
      if (!operands) return std::nullopt;
    }
    const ValueId mask = operands->second;
    size_t first = producer_[index(operands->first)];
    if (is(first, "mul")) {
      found.parts.push_back(first);
      const auto scaled = sides(first, "matmul");
      const auto scale = scaled ? constant(scaled->second) : std::nullopt;
      if (!scale || !std::isfinite(*scale)) return std::nullopt;
      found.attention.scale = static_cast<float>(*scale);
      first = producer_[index(scaled->first)];
    }
    found.parts.push_back(first);
    if (is_set(step(first), "transpose_x") || !is_set(step(first), "transpose_y"))
      return std::nullopt;
    found.operands = {operand(step(first), "x"), operand(step(first), "y"), mask,
                      operand(step(last), "y")};
    const DType dtype = value(weights).storage_dtype;
    for (const ValueId id : found.operands)
      if (!value(id).is_kernel_matrix() || (id == mask && value(id).storage_dtype != dtype))
        return std::nullopt;
    for (const size_t part : found.parts)
      if (shape(step(part).first_output) != scores ||
          value(step(part).first_output).storage_dtype != dtype)
        return std::nullopt;
    if (!value(step(last).first_output).is_kernel_matrix() ||
        !lay_out(found, step(first), step(last), scores))
      return std::nullopt;
    return found;
  }

  /// Where matrices begin. False: rows of the mask are not those of every matrix.
  bool lay_out(Found& found, const Step& first, const Step& last, const Shape& scores) const {
    Attention& attention = found.attention;
    const size_t rank = scores.rank();
    const Shape& query = shape(found.operands[Attention::kQuery]);
    attention.rows = scores[rank - 2];
    attention.keys = scores[rank - 1];
    attention.depth = query[query.rank() - 1];
    const Shape& out = shape(last.first_output);
    attention.width = out[out.rank() - 1];
    const Shape& mask = shape(found.operands[Attention::kMask]);
    const int64_t mask_rows = mask[mask.rank() - 2];
    if (mask[mask.rank() - 1] != attention.keys ||
        mask.element_count() != mask_rows * attention.keys ||
        (mask_rows != 1 && mask_rows != attention.rows))
      return false;
    attention.mask_row_stride = mask_rows == 1 ? 0 : attention.keys;
    const Shape batch(scores.dims().first(rank - 2));
    const Shape last_batch(out.dims().first(out.rank() - 2));
    if (batch.element_count() != last_batch.element_count()) return false;
    attention.query_first = first_elements(query, batch, {});
    attention.keys_first =
        first_elements(whole(first, found.operands[Attention::kKeys]), batch, repeated(first));
    attention.values_first =
        first_elements(whole(last, found.operands[Attention::kValues]), last_batch, repeated(last));
    return true;
  }

  const Shape& whole(const Step& product, ValueId y) const {
    return shape(product.repeat ? product.repeat->whole : y);
  }
  static std::span<const int64_t> repeated(const Step& product) {
    if (!product.repeat) return {};
    return product.repeat->matrices;
  }

  void apply(size_t last, Found found) {
    Draft& draft = drafts_[last];
    draft.step.operands = std::move(found.operands);
    draft.step.repeat.reset();
    draft.step.attention = std::make_unique<const Attention>(std::move(found.attention));
    for (const size_t part : found.parts)
      drafts_[part].fused_into = draft.step.operation->display_name();
  }

  const std::vector<PlanValue>& values_;
  std::vector<Draft>& drafts_;
  std::vector<size_t> producer_;
  std::vector<int> uses_;
};

}  // namespace

void fuse_attention(const std::vector<PlanValue>& values, std::vector<Draft>& drafts,
                    std::span<const ValueId> shown) {
  AttentionFusion(values, drafts, shown).fuse();
}

}  // namespace anemone::runtime
