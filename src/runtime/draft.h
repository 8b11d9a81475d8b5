#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/plan.h"

namespace anemone::runtime {

/// One action of a function while it is being planned, in program order.
struct Draft {
  enum class Kind : uint8_t {
    run,    ///< `step` computes its outputs.
    view,   ///< `target` is bytes of `source`; a copy of them when `copies` is set.
    write,  ///< the state `target` takes the contents of `source`; nothing to do unless `copies`.
  };
  Kind kind = Kind::run;
  Step step;
  ValueId source = kNoValue;
  ValueId target = kNoValue;
  uint64_t offset_bytes = 0;  ///< of the view in the source.
  bool copies = false;
  std::string fused_into;  ///< display name of the operation that does this one's work, if any.
};

/// Products whose right operand is repeated by `tile` read the matrices that it repeats instead
/// (grouped-query attention), so that no copy is made. The tile may become unused.
void fuse_repeats(const std::vector<PlanValue>& values, std::vector<Draft>& drafts);

/// Makes one step of the products, scale, mask and softmax of attention, where nothing else sees
/// what is between them; `shown` lists what somebody sees. Behind fuse_repeats.
void fuse_attention(const std::vector<PlanValue>& values, std::vector<Draft>& drafts,
                    std::span<const ValueId> shown);

/// Takes out what contributes to no output and no state, and returns it.
std::vector<Draft> take_unused(const std::vector<PlanValue>& values, std::vector<Draft>& drafts,
                               std::span<const ValueId> outputs);

/// Decides which views must be copies and which slice_updates write straight into a state.
///
/// A value that aliases a state sees the state's bytes. The state changes at its modifications: an
/// in-place update, a write that copies, an operation with nested blocks that names it. A value
/// that is used after the next modification behind its definition must therefore be a copy.
/// `outputs` are used after the last draft.
void plan_states(std::vector<PlanValue>& values, std::vector<Draft>& drafts,
                 std::span<const ValueId> outputs);

/// Gives every value of place `arena` (and the scratch of every step) an offset, such that values
/// that live at the same time do not overlap. Inputs live for ever; `outputs` from their definition
/// on, and `shown` at least until they are. Gives the plan the bytes that are needed, alone and in
/// lockstep.
void plan_memory(Plan& plan);

}  // namespace anemone::runtime
