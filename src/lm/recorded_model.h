#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "anemone/model.h"

namespace anemone::lm {

/// A call of a function as the backend sees it.
struct RecordedCall {
  std::string function;
  std::vector<NamedTensor> inputs;  ///< copies, in the order of the description.
};

/// What a RecordedModel has seen.
struct Recording {
  std::vector<RecordedCall> calls;
  std::vector<std::string> undeclared;  ///< names that were asked for and do not exist.
  int prepared = 0;
};

/// A model for tests that keeps every input of every call. Its results are those of `inner`.
class RecordedModel : public runtime::Model {
 public:
  RecordedModel(std::shared_ptr<runtime::Model> inner, std::shared_ptr<Recording> recording)
      : inner_(std::move(inner)), recording_(std::move(recording)) {}

  const package::Package& package() const override { return inner_->package(); }
  const runtime::Options& options() const override { return inner_->options(); }
  runtime::State new_state() const override { return inner_->new_state(); }
  Result<std::unique_ptr<runtime::Runner>> prepare(std::string_view function,
                                                   std::span<const InputShape> shapes) override {
    auto runner = inner_->prepare(function, shapes);
    if (!runner.ok()) return runner;
    ++recording_->prepared;
    return std::unique_ptr<runtime::Runner>(std::make_unique<RecordedRunner>(
        *std::move(runner), *inner_->package().find_function(function), recording_));
  }
  Result<std::vector<NamedTensor>> predict(std::string_view function,
                                           std::span<const NamedTensor> inputs,
                                           runtime::State* state) override {
    return inner_->predict(function, inputs, state);
  }
  Result<std::vector<runtime::KernelChoice>> kernels(std::string_view function) override {
    return inner_->kernels(function);
  }

 private:
  class RecordedRunner : public runtime::Runner {
   public:
    RecordedRunner(std::unique_ptr<runtime::Runner> inner,
                   const package::FunctionDescription& function,
                   std::shared_ptr<Recording> recording)
        : inner_(std::move(inner)), function_(function), recording_(std::move(recording)) {}

    Tensor* input(std::string_view name) override {
      if (!name.empty() && function_.find_input(name) == nullptr)
        recording_->undeclared.emplace_back(name);
      return inner_->input(name);
    }
    Status run(runtime::State* state) override {
      RecordedCall call{.function = function_.name, .inputs = {}};
      for (const package::Feature& feature : function_.inputs)
        call.inputs.push_back({feature.name, inner_->input(feature.name)->clone()});
      recording_->calls.push_back(std::move(call));
      return inner_->run(state);
    }
    const Tensor* output(std::string_view name) const override { return inner_->output(name); }
    std::span<const std::string> output_names() const override { return inner_->output_names(); }

   private:
    std::unique_ptr<runtime::Runner> inner_;
    package::FunctionDescription function_;
    std::shared_ptr<Recording> recording_;
  };

  std::shared_ptr<runtime::Model> inner_;
  std::shared_ptr<Recording> recording_;
};

}  // namespace anemone::lm
