#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/model.h"
#include "mil/op.h"
#include "runtime/binding.h"
#include "runtime/constant.h"
#include "runtime/slice_writer.h"

namespace anemone::runtime {

/// A cache line, and the widest vector.
inline constexpr uint64_t kAlignmentBytes = 64;
constexpr uint64_t aligned(uint64_t bytes) {
  return (bytes + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
}

/// Index of a value in Plan::values. The outputs of one step have consecutive ids.
using ValueId = int32_t;
inline constexpr ValueId kNoValue = -1;

/// Where the bytes of a value are while a function runs.
enum class Place : uint8_t {
  constant,  ///< in Plan::Value::constant.
  input,     ///< at `offset_bytes` of the Runner's arena, for ever.
  state,     ///< the contents of a state of the caller.
  arena,     ///< at `offset_bytes` of the Runner's arena, while it lives.
  alias,     ///< at `offset_bytes` inside the bytes of `root`.
  dynamic,   ///< allocated while running, because its shape is not known before.
  nowhere,   ///< never computed, because nothing needs it.
};

/// What running one step means.
enum class StepKind : uint8_t {
  reference,  ///< the op's own evaluation, into planned memory.
  bound,      ///< a fast binding.
  copy,       ///< bytes of operand 0 to output 0.
  update,     ///< slice_update on the bytes of its x, which are a state's.
  dynamic,    ///< inference with actual values, allocation, evaluation.
  control,    ///< cond and while_loop.
};

/// An operand whose matrices repeat those of the value that the step reads in its place.
struct Repeat {
  size_t operand = 0;             ///< flat index.
  ValueId whole = kNoValue;       ///< the value with the repetitions; not computed.
  std::vector<int64_t> matrices;  ///< by matrix of `whole`: the matrix that is read.
};

/// Attention in one step, whose operands are query, keys, mask and values: for every matrix of
/// queries softmax(query · keysᵀ · scale + mask) · values.
struct Attention {
  enum Operand : size_t { kQuery, kKeys, kMask, kValues };
  int64_t rows = 0;   ///< of a matrix of queries.
  int64_t depth = 0;  ///< of queries and keys.
  int64_t keys = 0;
  int64_t width = 0;            ///< of values.
  int64_t mask_row_stride = 0;  ///< in elements; 0: one row for all.
  std::optional<float> scale;
  std::vector<int64_t> query_first;  ///< by matrix: its first element.
  std::vector<int64_t> keys_first;
  std::vector<int64_t> values_first;
};

struct Step {
  StepKind kind = StepKind::reference;
  const mil::Operation* operation = nullptr;  ///< null for copies that the planner added.
  const mil::OpDef* op = nullptr;
  std::vector<ValueId> operands;  ///< by parameter index; those of `captures` follow.
  std::vector<uint32_t> offsets;
  ValueId first_output = kNoValue;
  size_t output_count = 0;
  std::vector<std::string_view> captures;  ///< control: outer values that nested blocks name.
  uint64_t copy_offset_bytes = 0;          ///< copy: where in operand 0.
  std::optional<Repeat> repeat;
  std::unique_ptr<const Attention> attention;  ///< does the work of all its operations.
  std::unique_ptr<const SliceWriter> slice;    ///< update: of a slice without strides.
  std::unique_ptr<Binding> binding;
  uint64_t scratch_offset_bytes = 0;

  /// Those of a parameter of `op`; none where it is not given. Not of attention.
  std::span<const ValueId> operands_of(std::string_view parameter) const;
  /// Index of the first of them in `operands`.
  size_t flat(std::string_view parameter) const;
};

struct PlanValue {
  std::string name;
  mil::ValueType type;                ///< shape known, except for dynamic values.
  DType storage_dtype = DType::fp32;  ///< fp32 for an fp16 value under Numerics::fp32.
  Place place = Place::arena;
  ValueId root = kNoValue;  ///< of an alias; never an alias itself.
  uint64_t offset_bytes = 0;
  uint64_t lockstep_offset_bytes = 0;  ///< input and arena: see Plan::lockstep.
  ConstantPtr constant;
  size_t state_index = 0;  ///< of place `state`, in Plan::states.

  int64_t size_bytes() const;
  /// Matrices of numbers that kernels read, made while a function runs.
  bool is_kernel_matrix() const;
};

/// A value that is shown to the observer when the first `steps` steps have run.
struct Shown {
  size_t steps = 0;
  ValueId value = kNoValue;
};
using ShowValue = std::function<Status(std::string_view value, const Tensor& tensor)>;

/// A function made ready for one set of input shapes. Immutable and shared by its Runners.
struct Plan {
  const mil::Function* function = nullptr;
  int opset = 0;
  Numerics numerics = Numerics::fp16;
  std::vector<PlanValue> values;
  std::vector<Step> steps;
  std::vector<ValueId> inputs;  ///< tensors, in the function's order.
  std::vector<ValueId> states;  ///< one value of place `state` per declared state.
  std::vector<std::string> output_names;
  std::vector<ValueId> outputs;
  uint64_t arena_bytes = 0;
  uint64_t arena_limit_bytes = 0;  ///< of all arenas of Runners in lockstep.
  /// An arena for Runners side by side, of whom each may be at another step: in n arenas of that
  /// size, Runner i has a value of `size` bytes at n * its lockstep offset + i * size. Only values
  /// of one size share a place, so that no Runner ever meets another's.
  struct LockstepArena {
    uint64_t bytes = 0;
    uint64_t scratch_offset_bytes = 0;  ///< of any step.
    uint64_t scratch_bytes = 0;
  };
  LockstepArena lockstep;
  std::vector<KernelChoice> choices;
  std::vector<Shown> shown;  ///< in the order of their steps.
  ShowValue show;
  bool shows_first_lane = false;  ///< of Runners in lockstep, for all of them.
};

}  // namespace anemone::runtime
