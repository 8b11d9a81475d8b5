#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ane/chip.h"
#include "ane/model_view.h"
#include "anemone/check.h"

namespace anemone::ane {

struct Rule;

/// The rest of a finding. `holds` narrows the chips of the rule; `severity` may only lower it.
struct Details {
  std::string operand = {};
  std::string value = {};
  std::function<bool(const Chip&)> holds = {};
  Severity severity = Severity::error;
};

/// Takes what rules find. Knows which chips are judged; a finding that holds for none of them is
/// dropped.
class Findings {
 public:
  explicit Findings(std::vector<const Chip*> chips) : chips_(std::move(chips)) {}

  void add(const FunctionView& function, const OpView& op, std::string message,
           Details details = {});
  void add(const FunctionView& function, std::string message, Details details = {});
  void add(const PackageView& package, std::string message, Details details = {});
  void add(const ModelView& model, std::string message, Details details = {});

  void set_rule(const Rule& rule) { rule_ = &rule; }
  std::span<const Chip* const> chips() const { return chips_; }
  std::vector<Finding> take() && { return std::move(findings_); }

 private:
  void add(Finding finding, Details details);

  std::vector<const Chip*> chips_;
  const Rule* rule_ = nullptr;
  std::vector<Finding> findings_;
};

/// A rule: a file rules/<id>.cpp that defines k_<id>, a line of rules.inc, and its pair of programs
/// tests/ane/<id>.trips.mil and <id>.sound.mil. It judges functions, packages or whole models, as
/// its pointers say.
struct Rule {
  RuleInfo info;
  bool (*holds)(const Chip&) = nullptr;  ///< null: on all chips.
  /// Whether it also takes programs that break constraints, in which names may stand for nothing.
  bool judges_ill_formed = false;
  void (*check_function)(const FunctionView&, Findings&) = nullptr;
  void (*check_package)(const PackageView&, Findings&) = nullptr;
  void (*check_model)(const ModelView&, Findings&) = nullptr;
};

/// In the order of rules.inc.
std::span<const Rule* const> all_rules();

}  // namespace anemone::ane
