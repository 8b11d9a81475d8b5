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
                                     const std::vector<std::string>& names) {
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
                                       const std::vector<std::string>& names) {
  if (!failed_.ok()) return failed_.error();
  ANEMONE_TRY(const int64_t group, group_of(function, names));
  StateBuffers& buffers = *groups_[static_cast<size_t>(group)].buffers;
  for (const std::string& name : names) {
    const auto tensors = state.unvisited();
    const auto own = std::ranges::find(tensors, name, &NamedTensor::name);
    if (own == tensors.end())
      return fail(ErrorCode::mismatch, "the state that was given has no '{}'", name);
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

void HeldStates::visit(bool written) {
  for (auto& [name, contents] : contents_) {
    if (Status status = fetch(name, contents); !status.ok()) {
      failed_ = std::move(status);
      return;
    }
    if (written) contents.group = kNone;
  }
}

}  // namespace anemone::coreml
