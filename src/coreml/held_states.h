#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "coreml/framework.h"

namespace anemone::coreml {

/// A state as a function declares it.
struct DeclaredState {
  std::string name;
  DType dtype = DType::fp16;
  Shape shape;
};

/// The contents of one State while Core ML's predictions update them in place. Functions with the
/// same states share their buffers, as the packages of one exporter do; nothing is copied between
/// runs unless somebody looks at the tensors or a function with other states runs.
class HeldStates : public runtime::StateHome {
 public:
  /// The home of `state`, made where it has none of ours.
  static std::shared_ptr<HeldStates> of(runtime::State& state);

  /// Buffers with the newest contents of the states that are declared, for one run of `function`.
  /// Errors: mismatch (the state lacks one, or has it in another shape), and those of Core ML.
  Result<StateBuffers*> lend(runtime::State& state, const Function& function,
                             const std::vector<DeclaredState>& declared);
  Status visit(bool written) override;

 private:
  struct Group {
    std::vector<std::string> names;
    std::unique_ptr<StateBuffers> buffers;
  };
  struct Contents {
    Tensor host;
    int64_t group = kNone;  ///< that has the newest contents; kNone: the tensor has.
    bool host_is_current = true;
  };
  static constexpr int64_t kNone = -1;

  Result<int64_t> group_of(const Function& function, const std::vector<DeclaredState>& declared);
  Status fetch(const std::string& name, Contents& contents);

  std::vector<Group> groups_;
  std::map<std::string, Contents> contents_;
};

}  // namespace anemone::coreml
