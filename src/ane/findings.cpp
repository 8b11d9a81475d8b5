#include <algorithm>
#include <utility>

#include "ane/rule.h"
#include "base/check.h"

namespace anemone::ane {
namespace {

Finding in_package(const PackageView& package) {
  Finding finding;
  finding.artifact = package.model->path;
  finding.package = package.name;
  return finding;
}

Finding in_function(const FunctionView& function) {
  Finding finding = in_package(function.package());
  finding.function = function.name();
  return finding;
}

/// The op, or the ops that use its results where those are constant.
void mark_op(const FunctionView& function, const OpView& op, const std::string& why,
             Obstacles& obstacles) {
  std::vector<const OpView*> pending{&op};
  for (size_t i = 0; i < pending.size(); ++i) {
    const mil::Operation& operation = *pending[i]->operation;
    if (!obstacles.try_emplace(&operation, why).second) continue;
    for (const mil::NamedType& output : operation.outputs)
      if (function.is_constant(output.name))
        for (const Use& use : function.uses(output.name)) pending.push_back(use.op);
  }
}

}  // namespace

void Findings::add(Finding finding, Details details, const Place& place) {
  ANEMONE_CHECK(rule_ != nullptr, "a rule is set before it judges");
  bool everywhere = true;
  for (const Chip* chip : chips_) {
    const bool holds = (rule_->holds == nullptr || rule_->holds(*chip)) &&
                       (!details.holds || details.holds(*chip));
    if (holds) finding.chips.push_back(chip->name);
    everywhere = everywhere && holds;
  }
  if (finding.chips.empty()) return;
  if (everywhere) finding.chips.clear();
  finding.rule = rule_->info.id;
  finding.severity = std::min(rule_->info.severity, details.severity);
  finding.operand = std::move(details.operand);
  finding.value = std::move(details.value);
  const Leaves leaves = details.leaves ? rule_->leaves : Leaves::nothing;
  found_.push_back({std::move(finding), place, leaves});
}

void Findings::add(const FunctionView& function, const OpView& op, std::string message,
                   Details details) {
  Finding finding = in_function(function);
  finding.operation = op.operation->display_name();
  finding.operation_type = op.operation->type;
  finding.operation_index = op.index;
  finding.message = std::move(message);
  add(std::move(finding), std::move(details), {&function.package(), &function, &op});
}

void Findings::add(const FunctionView& function, const OpView* op, std::string message,
                   Details details) {
  if (op == nullptr) return add(function, std::move(message), std::move(details));
  add(function, *op, std::move(message), std::move(details));
}

void Findings::add(const FunctionView& function, std::string message, Details details) {
  Finding finding = in_function(function);
  finding.message = std::move(message);
  add(std::move(finding), std::move(details), {&function.package(), &function});
}

void Findings::add(const PackageView& package, std::string message, Details details) {
  Finding finding = in_package(package);
  finding.message = std::move(message);
  add(std::move(finding), std::move(details), {&package});
}

void Findings::add(const ModelView& model, std::string message, Details details) {
  Finding finding;
  finding.artifact = model.path;
  finding.message = std::move(message);
  add(std::move(finding), std::move(details), {});
}

std::vector<Finding> Findings::take() && {
  std::vector<Finding> findings;
  findings.reserve(found_.size());
  for (Found& found : found_) findings.push_back(std::move(found.finding));
  return findings;
}

Obstacles Findings::obstacles() const {
  Obstacles obstacles;
  for (const auto& [finding, place, leaves] : found_) {
    const std::string& why = finding.message;
    if (leaves == Leaves::nothing || place.package == nullptr) continue;
    if (leaves == Leaves::op && place.op != nullptr) {
      mark_op(*place.function, *place.op, why, obstacles);
    } else if (leaves == Leaves::op && place.function != nullptr) {
      for (const Use& use : place.function->uses(finding.operand))
        mark_op(*place.function, *use.op, why, obstacles);
    } else if (leaves == Leaves::program) {
      for (const FunctionView& function : place.package->functions)
        for (const OpView& op : function.ops())
          if (place.function == nullptr || place.function == &function)
            obstacles.try_emplace(op.operation, why);
    }
  }
  return obstacles;
}

}  // namespace anemone::ane
