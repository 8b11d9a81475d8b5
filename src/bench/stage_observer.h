#pragma once

#include <string>
#include <vector>

#include "anemone/model.h"
#include "bench/borders.h"
#include "bench/stage_timer.h"
#include "runtime/lane_observer.h"

namespace anemone::bench {

/// Moves a timer from stage to stage while functions run.
class StageObserver : public runtime::LaneObserver {
 public:
  explicit StageObserver(StageTimer& timer) : timer_(timer) {}

  std::vector<std::string> wanted(const package::Package& package,
                                  std::string_view function) override;
  Status observe(const runtime::Observation& observation) override;

  /// Some function that takes tokens shows where they are embedded.
  bool sees_embedding() const { return sees_embedding_; }
  /// Some function shows where logits begin.
  bool sees_head() const { return sees_head_; }
  /// Some function was seen at all.
  bool sees_functions() const { return !functions_.empty(); }

 private:
  struct Function {
    const package::Package* package = nullptr;
    std::string name;
    Borders borders;
  };
  const Function* find(const package::Package& package, std::string_view name) const;

  StageTimer& timer_;
  std::vector<Function> functions_;
  bool sees_embedding_ = false;
  bool sees_head_ = false;
};

}  // namespace anemone::bench
