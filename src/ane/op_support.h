#pragma once

#include <cstdint>
#include <string_view>

#include "ane/model_view.h"

/// Which ops run on the Neural Engine, as far as published. One list, op_support.inc.
namespace anemone::ane {

enum class OpSupport : uint8_t { suited, never, unmeasured };
enum class OpRole : uint8_t { other, heavy, reshapes, rearranges, takes_part, reads };

/// Of an op type, with float operands and constant indices and bounds.
OpSupport support_of(std::string_view type);

/// Of an op as it stands: also `never` where it works on integers, or gathers or slices at places
/// that are known at run time only.
OpSupport support_of(const FunctionView& function, const OpView& op);

/// Whether the op reads or makes integers that are known at run time only, other than int8 and
/// int16, or casts any; indices, bounds and shapes of gathers, slices and reshapes do not count.
/// quantize and dequantize are made for integers: op_support.inc speaks of them.
bool works_on_integers(const FunctionView& function, const OpView& op);

/// The most integers that count as the places of a block of tokens; more are data.
inline constexpr int64_t kMostIndices = 4096;
/// The largest number of elements of an integer tensor that the op reads or makes.
int64_t integers_of(const FunctionView& function, const OpView& op);

/// Whether a gather's indices are known at run time only.
bool gathers_at_run_time(const FunctionView& function, const OpView& op);

/// Whether the op works out places, or looks rows up at them: integers of at most 32 bits and
/// kMostIndices elements, or a gather at run time, whatever it moves. Every language model that
/// takes token ids and positions has such ops, and they run on the CPU.
bool is_index_arithmetic(const FunctionView& function, const OpView& op);

/// The bound of a slice that is known at run time only: "begin", "end", "size"; empty.
std::string_view bound_at_run_time(const FunctionView& function, const OpView& op);

OpRole role_of(std::string_view type);
/// Ops that do most of a network's work: with weights, matmul, attention, norms, softmax.
inline bool is_heavy(std::string_view type) { return role_of(type) == OpRole::heavy; }
/// Ops whose result has all elements of what they are given, and no others.
inline bool keeps_elements(std::string_view type) {
  return role_of(type) == OpRole::reshapes || role_of(type) == OpRole::rearranges;
}
/// Ops whose result has elements of what they are given, and no others.
inline bool hands_on(std::string_view type) {
  return keeps_elements(type) || role_of(type) == OpRole::takes_part;
}

}  // namespace anemone::ane
