#include <algorithm>

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

}  // namespace

void Findings::add(Finding finding, Details details) {
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
  findings_.push_back(std::move(finding));
}

void Findings::add(const FunctionView& function, const OpView& op, std::string message,
                   Details details) {
  Finding finding = in_function(function);
  finding.operation = op.operation->display_name();
  finding.operation_type = op.operation->type;
  finding.operation_index = op.index;
  finding.message = std::move(message);
  add(std::move(finding), std::move(details));
}

void Findings::add(const FunctionView& function, std::string message, Details details) {
  Finding finding = in_function(function);
  finding.message = std::move(message);
  add(std::move(finding), std::move(details));
}

void Findings::add(const PackageView& package, std::string message, Details details) {
  Finding finding = in_package(package);
  finding.message = std::move(message);
  add(std::move(finding), std::move(details));
}

void Findings::add(const ModelView& model, std::string message, Details details) {
  Finding finding;
  finding.artifact = model.path;
  finding.message = std::move(message);
  add(std::move(finding), std::move(details));
}

}  // namespace anemone::ane
