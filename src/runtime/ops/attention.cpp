#include "runtime/ops/attention.h"

#include <algorithm>
#include <array>
#include <limits>

#include "runtime/bind.h"
#include "runtime/finite.h"
#include "runtime/ops/product.h"

namespace anemone::runtime {
namespace {

using kernels::kPanelColumns;

// Rows that are a power of two apart share their cache sets; rows of scratch lie this much further.
constexpr int64_t kRowPaddingFloats = 16;

constexpr int64_t size_of(DType dtype) {
  return dtype == DType::fp16 ? sizeof(uint16_t) : sizeof(float);
}
constexpr int64_t whole_panels(int64_t count) {
  return (count + kPanelColumns - 1) / kPanelColumns * kPanelColumns;
}

/// One Runner's operands.
struct Part {
  const std::byte* query = nullptr;
  const std::byte* keys = nullptr;
  const std::byte* mask = nullptr;
  const std::byte* values = nullptr;
  std::byte* out = nullptr;
  int64_t used = 0;       ///< keys and values; all others are zeros.
  float hidden_mask = 0;  ///< the largest behind those, where one row of the mask is for all.
};

/// Neighbouring matrices with the same keys and values, whose queries follow each other, are one
/// with more rows. Returns the rows of a matrix.
int64_t join(Attention& a) {
  const size_t count = a.query_first.size();
  const auto same = [&](size_t i, size_t j) {
    return a.keys_first[i] == a.keys_first[j] && a.values_first[i] == a.values_first[j];
  };
  size_t group = 1;
  while (group < count && same(group, 0)) ++group;
  if (count % group != 0) return a.rows;
  for (size_t i = 0; i < count; ++i) {
    const size_t first = i / group * group;
    const auto place = static_cast<int64_t>(i - first);
    if (!same(i, first) || a.query_first[i] != a.query_first[first] + place * a.rows * a.depth)
      return a.rows;
  }
  for (size_t i = 0; i < count / group; ++i) {
    a.query_first[i] = a.query_first[i * group];
    a.keys_first[i] = a.keys_first[i * group];
    a.values_first[i] = a.values_first[i * group];
  }
  for (auto* firsts : {&a.query_first, &a.keys_first, &a.values_first})
    firsts->resize(count / group);
  return a.rows * static_cast<int64_t>(group);
}

class AttentionBinding final : public Binding {
 public:
  AttentionBinding(const Attention& attention, const AttentionTypes& types,
                   const kernels::KernelSet& kernels, int threads)
      : a_(attention), types_(types), kernels_(kernels), rows_(join(a_)) {
    const int64_t blocks = (rows_ + kRowBlock - 1) / kRowBlock;
    block_ = (rows_ + blocks - 1) / blocks;
    blocks_ = blocks * static_cast<int64_t>(a_.query_first.size());
    slots_ = std::min<int64_t>(threads, blocks_);
  }

  std::string name() const override { return "attention (" + std::string(kernels_.isa) + ")"; }

  size_t scratch_bytes() const override { return bytes_for(block_) * static_cast<size_t>(slots_); }

  Status run(const RunContext& context) const override {
    const Part part = part_of(context.operands, context.outputs, context.state_rows);
    const int64_t work = blocks_ / slots_ * block_ * part.used * (a_.depth + a_.width);
    context.pool.parallel_for(
        slots_, kWorthAThread / std::max<int64_t>(work, 1) + 1, [&](int64_t begin, int64_t end) {
          for (int64_t slot = begin; slot < end; ++slot) {
            auto* scratch = reinterpret_cast<float*>(context.scratch.data() +
                                                     static_cast<size_t>(slot) * bytes_for(block_));
            for (int64_t at = slot; at < blocks_; at += slots_) {
              const int64_t blocks = blocks_ / static_cast<int64_t>(a_.query_first.size());
              const int64_t first = at % blocks * block_;
              run_rows(std::span(&part, 1), static_cast<size_t>(at / blocks), first,
                       std::min(first + block_, rows_), scratch);
            }
          }
        });
    return {};
  }

  std::optional<size_t> lane_scratch_bytes() const override {
    return rows_ > kRowBlock ? std::nullopt : std::optional(bytes_for(rows_));
  }

  void run_lanes(std::span<const Lane> lanes, std::span<std::byte> scratch,
                 ThreadPool& pool) const override {
    // Rows of one product: lanes with the same cache, no more than a block of them.
    const auto most = static_cast<size_t>(kRowBlock / rows_);
    const auto begins = [&](size_t lane) {
      return lane % most == 0 || !share_cache(lanes[lane - 1], lanes[lane]);
    };
    pool.parallel_for(static_cast<int64_t>(lanes.size()), 1, [&](int64_t begin, int64_t end) {
      auto lane = static_cast<size_t>(begin);
      while (lane < static_cast<size_t>(end) && !begins(lane)) ++lane;
      while (lane < static_cast<size_t>(end)) {
        size_t behind = lane + 1;
        while (behind < lanes.size() && !begins(behind)) ++behind;
        run_sharers(lanes.subspan(lane, behind - lane), scratch.subspan(lane * bytes_for(rows_)));
        lane = behind;
      }
    });
  }

 private:
  int64_t query_stride() const { return a_.depth + kRowPaddingFloats; }
  int64_t score_stride() const { return whole_panels(a_.keys) + kRowPaddingFloats; }
  int64_t out_stride() const { return whole_panels(a_.width); }
  size_t bytes_for(int64_t rows) const {
    return static_cast<size_t>(rows * (query_stride() + score_stride() + out_stride())) *
           sizeof(float);
  }

  static bool share_cache(const Lane& one, const Lane& other) {
    const auto begins = [](const Lane& lane, size_t operand) {
      return lane.operands[operand].value->bytes().data();
    };
    return begins(one, Attention::kKeys) == begins(other, Attention::kKeys) &&
           begins(one, Attention::kValues) == begins(other, Attention::kValues);
  }

  int64_t used(const StateRows* state, int64_t width) const {
    const bool is_known = state != nullptr && state->rows == a_.keys && state->width == width;
    return is_known ? std::clamp<int64_t>(state->used, 1, a_.keys) : a_.keys;
  }

  Part part_of(std::span<const mil::Operand> operands, std::span<Tensor> outputs,
               std::span<const StateRows* const> state_rows) const {
    const auto bytes = [&](size_t operand) { return operands[operand].value->bytes().data(); };
    Part part{bytes(Attention::kQuery),
              bytes(Attention::kKeys),
              bytes(Attention::kMask),
              bytes(Attention::kValues),
              outputs[0].mutable_bytes().data(),
              std::max(used(state_rows[Attention::kKeys], a_.depth),
                       used(state_rows[Attention::kValues], a_.width))};
    if (has_one_mask()) part.hidden_mask = hidden_mask(part, part.mask);
    return part;
  }

  bool has_one_mask() const { return a_.rows == 1 || a_.mask_row_stride == 0; }

  /// The largest number of a row of the mask for keys that are zeros.
  float hidden_mask(const Part& part, const std::byte* mask) const {
    const int64_t known = std::min(whole_panels(part.used), a_.keys);
    return kernels_.rowwise
        ->reduce[static_cast<size_t>(kernels::Reduction::maximum)][storage_index(types_.mask)](
            mask + known * size_of(types_.mask), a_.keys - known);
  }

  /// Lanes with the same cache, at most a block of rows.
  void run_sharers(std::span<const Lane> lanes, std::span<std::byte> scratch) const {
    std::array<Part, kRowBlock> parts;
    for (size_t i = 0; i < lanes.size(); ++i)
      parts[i] = part_of(lanes[i].operands, lanes[i].outputs, lanes[i].state_rows);
    run_parts(std::span(parts).first(lanes.size()), reinterpret_cast<float*>(scratch.data()));
  }

  void run_parts(std::span<const Part> parts, float* scratch) const {
    const auto [least, most] = std::ranges::minmax(parts, {}, &Part::used);
    const bool together = values_are_finite(parts[0], least.used, most.used);
    for (size_t matrix = 0; matrix < a_.query_first.size(); ++matrix)
      if (together) {
        run_rows(parts, matrix, 0, static_cast<int64_t>(parts.size()) * rows_, scratch);
      } else {
        for (const Part& part : parts) run_rows(std::span(&part, 1), matrix, 0, rows_, scratch);
      }
  }

  /// Whether a weight of 0 takes nothing from values [first, last), which some rows do not use.
  bool values_are_finite(const Part& part, int64_t first, int64_t last) const {
    return std::ranges::all_of(a_.values_first, [&](int64_t matrix) {
      const int64_t at = matrix + first * a_.width;
      const int64_t count = (last - first) * a_.width;
      if (types_.values == DType::fp16)
        return all_finite(reinterpret_cast<const uint16_t*>(part.values) + at, count);
      return all_finite(reinterpret_cast<const float*>(part.values) + at, count);
    });
  }

  /// Rows [first, last) of one matrix, counted through all parts.
  void run_rows(std::span<const Part> parts, size_t matrix, int64_t first, int64_t last,
                float* scratch) const {
    const int64_t used = std::ranges::max(parts, {}, &Part::used).used;
    float* const queries = scratch;
    float* const scores = queries + (last - first) * query_stride();
    float* const sums = scores + (last - first) * score_stride();
    for (int64_t row = first; row < last; ++row)
      take_query(parts[static_cast<size_t>(row / rows_)].query, matrix, row % rows_,
                 queries + (row - first) * query_stride());
    alignas(64) float panels[kernels::MatmulKernels::kScratchFloats];
    kernels_.matmul->multiply(
        {.x = queries,
         .x_row_stride = query_stride(),
         .rows = last - first,
         .matrix = {.form = kernels::Matrix::Form::columns,
                    .is_fp16 = types_.keys == DType::fp16,
                    .data = parts[0].keys + a_.keys_first[matrix] * size_of(types_.keys),
                    .columns = a_.keys,
                    .depth = a_.depth,
                    .column_stride = a_.depth},
         .out = scores,
         .out_row_stride = score_stride()},
        0, whole_panels(used) / kPanelColumns, panels);
    for (int64_t row = first; row < last; ++row)
      weigh(parts[static_cast<size_t>(row / rows_)], row % rows_, whole_panels(used),
            queries + (row - first) * query_stride(), scores + (row - first) * score_stride());
    kernels_.matmul->multiply(
        {.x = scores,
         .x_row_stride = score_stride(),
         .rows = last - first,
         .matrix = {.form = kernels::Matrix::Form::panels,
                    .is_fp16 = types_.values == DType::fp16,
                    .data = parts[0].values + a_.values_first[matrix] * size_of(types_.values),
                    .columns = a_.width,
                    .depth = used,
                    .panel_stride = kPanelColumns,
                    .depth_stride = a_.width},
         .out = sums,
         .out_row_stride = out_stride()},
        0, out_stride() / kPanelColumns, panels);
    for (int64_t row = first; row < last;) {
      const int64_t end = std::min((row / rows_ + 1) * rows_, last);
      const int64_t place = static_cast<int64_t>(matrix) * rows_ + row % rows_;
      std::byte* const out = parts[static_cast<size_t>(row / rows_)].out;
      kernels_.matmul->finish({.sums = sums + (row - first) * out_stride(),
                               .sums_row_stride = out_stride(),
                               .rows = end - row,
                               .columns = a_.width,
                               .y = out + place * a_.width * size_of(types_.out),
                               .y_is_fp16 = types_.out == DType::fp16,
                               .y_row_stride = a_.width},
                              0, a_.width);
      row = end;
    }
  }

  void take_query(const std::byte* query, size_t matrix, int64_t row, float* to) const {
    const std::byte* from =
        query + (a_.query_first[matrix] + row * a_.depth) * size_of(types_.query);
    if (types_.query == DType::fp16)
      kernels_.elementwise->to_fp32(reinterpret_cast<const uint16_t*>(from), to, a_.depth);
    else
      std::copy_n(reinterpret_cast<const float*>(from), a_.depth, to);
  }

  /// Makes weights of scores.
  void weigh(const Part& part, int64_t row, int64_t end, const float* query, float* scores) const {
    const std::byte* mask = part.mask + row % a_.rows * a_.mask_row_stride * size_of(types_.mask);
    kernels_.rowwise->attention[storage_index(types_.mask)](
        {.row = scores,
         .mask = mask,
         .rest_mask = has_one_mask() ? part.hidden_mask : hidden_mask(part, mask),
         .unused = all_finite(query, a_.depth) ? 0.0f : std::numeric_limits<float>::quiet_NaN(),
         .scale = a_.scale.value_or(1.0f),
         .scales = a_.scale.has_value(),
         .used = part.used,
         .count = a_.keys,
         .end = end});
  }

  Attention a_;
  AttentionTypes types_;
  const kernels::KernelSet& kernels_;
  int64_t rows_;  ///< of a joined matrix.
  int64_t block_ = 0;
  int64_t blocks_ = 0;
  int64_t slots_ = 1;
};

}  // namespace

std::unique_ptr<Binding> make_attention(const Attention& attention, const AttentionTypes& types,
                                        const kernels::KernelSet& kernels, int threads) {
  return std::make_unique<AttentionBinding>(attention, types, kernels, threads);
}

}  // namespace anemone::runtime
