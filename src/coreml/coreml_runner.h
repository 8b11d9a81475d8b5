#pragma once

#include <memory>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "coreml/busy.h"
#include "coreml/coreml_model.h"
#include "coreml/framework.h"
#include "coreml/held_states.h"

namespace anemone::coreml {

/// One function's buffers, bound to a call. A call that finds the Neural Engine busy is repeated.
class CoremlRunner final : public runtime::Runner {
 public:
  CoremlRunner(std::shared_ptr<CoremlModel> model, std::shared_ptr<const Function> function,
               std::unique_ptr<Call> call, std::vector<DeclaredState> states);

  Tensor* input(std::string_view name) override;
  Status run(runtime::State* state) override;
  const Tensor* output(std::string_view name) const override;
  std::span<const std::string> output_names() const override { return output_names_; }

 private:
  std::shared_ptr<CoremlModel> model_;
  std::shared_ptr<const Function> function_;
  std::unique_ptr<Call> call_;
  std::vector<DeclaredState> states_;
  std::vector<std::string> output_names_;
};

}  // namespace anemone::coreml
