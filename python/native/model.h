#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "anemone/language_model.h"
#include "anemone/text.h"

namespace anemone::python {

/// A language model with the mark of a call that is running: the library's models take one call at
/// a time, and Python's threads may not know.
struct SerialModel {
  std::unique_ptr<lm::LanguageModel> model;
  std::atomic<bool> running = false;
};

/// Holds the mark; raises anemone.Error when another call holds it.
class RunningCall {
 public:
  explicit RunningCall(SerialModel& model);
  ~RunningCall() { model_.running.store(false, std::memory_order_release); }
  RunningCall(const RunningCall&) = delete;
  RunningCall& operator=(const RunningCall&) = delete;

 private:
  SerialModel& model_;
};

void bind_model(nanobind::module_& module);
void bind_sequence(nanobind::module_& module);
/// Registers ModelInfo and Generation.
void bind_reports(nanobind::module_& module);
void bind_tokenizer(nanobind::module_& module);

}  // namespace anemone::python
