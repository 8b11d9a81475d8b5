#include <algorithm>
#include <optional>

#include "runtime/draft.h"

namespace anemone::runtime {
namespace {

constexpr size_t kNoDraft = static_cast<size_t>(-1);

class Fusion {
 public:
  Fusion(const std::vector<PlanValue>& values, std::vector<Draft>& drafts)
      : values_(values), drafts_(drafts), producer_(values.size(), kNoDraft) {
    for (size_t at = 0; at < drafts.size(); ++at) {
      const Draft& draft = drafts[at];
      if (draft.kind == Draft::Kind::view) producer_[index(draft.target)] = at;
      if (draft.kind == Draft::Kind::run)
        for (size_t i = 0; i < draft.step.output_count; ++i)
          producer_[index(draft.step.first_output) + i] = at;
    }
  }

  void fuse_repeats() {
    for (Draft& draft : drafts_) {
      if (draft.kind != Draft::Kind::run || draft.step.kind != StepKind::reference ||
          draft.step.op->name != "matmul")
        continue;
      Step& step = draft.step;
      const size_t y = step.flat("y");
      if (!value(step.operands_of("x")[0]).is_kernel_matrix() ||
          !value(step.operands[y]).is_kernel_matrix() ||
          !value(step.first_output).is_kernel_matrix())
        continue;
      const ValueId whole = step.operands[y];
      const auto tile = tile_behind(whole);
      if (!tile) continue;
      auto matrices = repeated_matrices(whole, drafts_[*tile].step);
      if (!matrices) continue;
      step.operands[y] = drafts_[*tile].step.operands_of("x")[0];
      step.repeat = Repeat{.operand = y, .whole = whole, .matrices = *std::move(matrices)};
      drafts_[*tile].fused_into = step.operation->display_name();
    }
  }

 private:
  static size_t index(ValueId id) { return static_cast<size_t>(id); }
  const PlanValue& value(ValueId id) const { return values_[index(id)]; }
  const Shape& shape(ValueId id) const { return value(id).type.tensor.shape; }

  /// The tile whose whole result `id` is, seen through reshapes.
  std::optional<size_t> tile_behind(ValueId id) const {
    for (size_t at = producer_[index(id)]; at != kNoDraft; at = producer_[index(id)]) {
      const Draft& draft = drafts_[at];
      if (draft.kind == Draft::Kind::run) {
        if (draft.step.kind == StepKind::reference && draft.step.op->name == "tile") return at;
        return std::nullopt;
      }
      if (draft.kind != Draft::Kind::view || draft.offset_bytes != 0 ||
          shape(draft.source).element_count() != shape(id).element_count())
        return std::nullopt;
      id = draft.source;
    }
    return std::nullopt;
  }

  /// For every matrix of `whole` the matrix of the tile's operand that it repeats; nothing when the
  /// tile repeats inside matrices.
  std::optional<std::vector<int64_t>> repeated_matrices(ValueId whole, const Step& tile) const {
    const Shape& matrices = shape(whole);
    const int64_t size = matrices[matrices.rank() - 1] * matrices[matrices.rank() - 2];
    const Shape& from = shape(tile.operands_of("x")[0]);
    const Shape& to = shape(tile.first_output);
    size_t inner = to.rank();
    int64_t inside = 1;
    while (inner > 0 && inside < size && from[inner - 1] == to[inner - 1]) inside *= to[--inner];
    if (inside != size) return std::nullopt;
    std::vector<int64_t> result;
    for (int64_t matrix = 0; matrix < matrices.element_count() / size; ++matrix) {
      int64_t source = 0;
      for (size_t axis = 0; axis < inner; ++axis) {
        const int64_t place = matrix * size / to.stride(axis) % to[axis];
        source = source * from[axis] + place % from[axis];
      }
      result.push_back(source);
    }
    return result;
  }

  const std::vector<PlanValue>& values_;
  std::vector<Draft>& drafts_;
  std::vector<size_t> producer_;
};

}  // namespace

void fuse_repeats(const std::vector<PlanValue>& values, std::vector<Draft>& drafts) {
  Fusion(values, drafts).fuse_repeats();
}

std::vector<Draft> take_unused(const std::vector<PlanValue>& values, std::vector<Draft>& drafts,
                               std::span<const ValueId> outputs) {
  std::vector<bool> used(values.size(), false);
  const auto use = [&](ValueId id) { used[static_cast<size_t>(id)] = true; };
  for (const ValueId output : outputs) use(output);
  std::vector<bool> keep(drafts.size(), true);
  for (size_t at = drafts.size(); at-- > 0;) {
    const Draft& draft = drafts[at];
    if (draft.kind == Draft::Kind::run && draft.step.kind != StepKind::control) {
      keep[at] = false;
      for (size_t i = 0; i < draft.step.output_count; ++i)
        keep[at] = keep[at] || used[static_cast<size_t>(draft.step.first_output) + i];
    }
    if (draft.kind == Draft::Kind::view) keep[at] = used[static_cast<size_t>(draft.target)];
    if (!keep[at]) continue;
    if (draft.kind == Draft::Kind::run)
      for (const ValueId operand : draft.step.operands) use(operand);
    else
      use(draft.source);
  }
  std::vector<Draft> kept;
  std::vector<Draft> unused;
  for (size_t at = 0; at < drafts.size(); ++at)
    (keep[at] ? kept : unused).push_back(std::move(drafts[at]));
  drafts = std::move(kept);
  return unused;
}

}  // namespace anemone::runtime
