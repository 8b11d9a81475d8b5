#pragma once

#include <functional>
#include <span>
#include <string>
#include <unordered_map>
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
  bool leaves = true;  ///< false: what is found may stay, though the rule is of what leaves.
};

/// What a finding of a rule keeps off the Neural Engine. op: the op; those that use an input, or a
/// constant that is decompressed, where that is what is found. program: all ops of the function, or
/// of the package.
enum class Leaves : uint8_t { nothing, op, program };

/// Why ops do not run on the Neural Engine.
using Obstacles = std::unordered_map<const mil::Operation*, std::string>;

/// Takes what rules find. Knows which chips are judged; a finding that holds for none of them is
/// dropped.
class Findings {
 public:
  explicit Findings(std::vector<const Chip*> chips) : chips_(std::move(chips)) {}

  void add(const FunctionView& function, const OpView& op, std::string message,
           Details details = {});
  void add(const FunctionView& function, std::string message, Details details = {});
  /// Of an op, or where it is null of the function.
  void add(const FunctionView& function, const OpView* op, std::string message, Details details);
  void add(const PackageView& package, std::string message, Details details = {});
  void add(const ModelView& model, std::string message, Details details = {});

  void set_rule(const Rule& rule) { rule_ = &rule; }
  std::span<const Chip* const> chips() const { return chips_; }
  std::vector<Finding> take() &&;
  Obstacles obstacles() const;

 private:
  struct Place {
    const PackageView* package = nullptr;
    const FunctionView* function = nullptr;
    const OpView* op = nullptr;
  };
  struct Found {
    Finding finding;
    Place place;
    Leaves leaves = Leaves::nothing;
  };
  void add(Finding finding, Details details, const Place& place);

  std::vector<const Chip*> chips_;
  const Rule* rule_ = nullptr;
  std::vector<Found> found_;
};

/// A rule: a file rules/<id>.cpp that defines k_<id>, a line of rules.inc, and its pair of programs
/// tests/ane/<id>.trips.mil and <id>.sound.mil. It judges functions, packages or whole models, as
/// its pointers say.
struct Rule {
  RuleInfo info;
  bool (*holds)(const Chip&) = nullptr;  ///< null: on all chips.
  Leaves leaves = Leaves::nothing;
  /// Whether it also takes programs that break constraints, in which names may stand for nothing.
  bool judges_ill_formed = false;
  void (*check_function)(const FunctionView&, Findings&) = nullptr;
  void (*check_package)(const PackageView&, Findings&) = nullptr;
  void (*check_model)(const ModelView&, Findings&) = nullptr;
};

/// In the order of rules.inc.
std::span<const Rule* const> all_rules();

/// All of a model that the rule judges.
void judge(const ModelView& model, const Rule& rule, Findings& findings);

/// What the rules find on a chip that keeps ops off its Neural Engine; the first rule's words.
Obstacles obstacles_in(const ModelView& model, const Chip& chip);

}  // namespace anemone::ane
