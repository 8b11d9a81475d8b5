#include "coreml/held_states.h"

#include <algorithm>

#include "base/error.h"

namespace anemone::coreml {

std::shared_ptr<HeldStates> HeldStates::of(runtime::State& state) {
  auto held = std::dynamic_pointer_cast<HeldStates>(state.home());
  if (held == nullptr) {
    state.tensors();  // another backend's home gives them back.
    held = std::make_shared<HeldStates>();
    state.set_home(held);
  }
  return held;
}

Result<int64_t> HeldStates::group_of(const Function& function,
                                     const std::vector<DeclaredState>& declared) {
  std::vector<std::string> names;
  for (const DeclaredState& each : declared) names.push_back(each.name);
  const auto known = std::ranges::find(groups_, names, &Group::names);
  if (known != groups_.end()) return known - groups_.begin();
  ANEMONE_TRY(auto buffers, function.new_states());
  groups_.push_back({names, std::move(buffers)});
  return static_cast<int64_t>(groups_.size()) - 1;
}

Status HeldStates::fetch(const std::string& name, Contents& contents) {
  if (contents.host_is_current) return {};
  ANEMONE_RETURN_IF_ERROR(
      groups_[static_cast<size_t>(contents.group)].buffers->read(name, contents.host));
  contents.host_is_current = true;
  return {};
}

Result<StateBuffers*> HeldStates::lend(runtime::State& state, const Function& function,
                                       const std::vector<DeclaredState>& declared) {
  if (!state.lost().ok()) return state.lost().error();
  const auto tensors = state.unvisited();
  for (const auto& [name, dtype, shape] : declared) {
    const auto own = std::ranges::find(tensors, name, &NamedTensor::name);
    if (own == tensors.end())
      return fail(ErrorCode::mismatch, "the state that was given has no '{}'", name);
    if (own->tensor.shape() != shape || own->tensor.dtype() != dtype)
      return fail(ErrorCode::mismatch, "state '{}' is {} {}, expected {} {}", name,
                  to_string(own->tensor.dtype()), own->tensor.shape().to_string(), to_string(dtype),
                  shape.to_string());
  }
  ANEMONE_TRY(const int64_t group, group_of(function, declared));
  StateBuffers& buffers = *groups_[static_cast<size_t>(group)].buffers;
  for (const DeclaredState& each : declared) {
    const std::string& name = each.name;
    const auto own = std::ranges::find(tensors, name, &NamedTensor::name);
    Contents& contents = contents_[name];
    if (contents.group != group) {
      ANEMONE_RETURN_IF_ERROR(fetch(name, contents));
      contents.host = own->tensor;
      ANEMONE_RETURN_IF_ERROR(buffers.write(name, contents.host));
      contents.group = group;
    }
    contents.host_is_current = false;
  }
  return &buffers;
}

Status HeldStates::visit(bool written) {
  for (auto& [name, contents] : contents_) {
    ANEMONE_RETURN_IF_ERROR(fetch(name, contents));
    if (written) contents.group = kNone;
  }
  return {};
}

}  // namespace anemone::coreml
