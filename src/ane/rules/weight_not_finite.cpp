#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "ane/rule.h"
#include "ane/structure.h"
#include "package/open_package.h"
#include "package/weight_file.h"
#include "tensor/not_finite.h"

namespace anemone::ane {
namespace {

using WeightFiles = std::map<std::string, std::shared_ptr<const MappedFile>>;

/// The weight files of a package, mapped once more: what is read here of the large ones is given
/// back, whatever else holds the package.
WeightFiles files_of(const package::Package& package) {
  if (package.path.empty()) return {};
  auto files = package::referenced_files(package, package::blob_references(package.program));
  return files.ok() ? std::move(files).value() : WeightFiles();
}

NotFinite scan(const Tensor& tensor, const mil::BlobReference* blob, const WeightFiles& files) {
  constexpr size_t kLarge = size_t{8} << 20;
  const auto file = blob == nullptr ? files.end() : files.find(blob->path);
  if (file == files.end() || tensor.bytes().size() < kLarge)
    return find_not_finite(tensor.dtype(), tensor.bytes());
  const auto bytes = file->second->bytes();
  const auto record = package::read_blob_record(bytes, blob->offset_bytes);
  if (!record.ok() || record->size_bytes != tensor.bytes().size())
    return find_not_finite(tensor.dtype(), tensor.bytes());
  NotFinite all;
  const auto data = bytes.subspan(record->data_offset_bytes, record->size_bytes);
  for (size_t at = 0; at < data.size(); at += kLarge) {
    all.add(find_not_finite(tensor.dtype(), data.subspan(at, std::min(kLarge, data.size() - at))));
    file->second->release();
  }
  return all;
}

/// Where infinity is no number to compute with: what holds a weight, its palette or its scale. In a
/// table whose rows are gathered minus infinity is a mask's.
bool infinity_counts(const FunctionView& function, const OpView& op, std::string_view parameter,
                     const NotFinite& found) {
  if (op.type().starts_with("constexpr_")) return true;
  if (function.has_weight(op) && function.weight_parameter(op) == parameter) return true;
  return op.type() == "gather" && parameter == "x" && found.infinite > found.minus_infinite;
}

std::string described(const NotFinite& found) {
  std::string text;
  if (found.nan > 0) text = fmt::format("{} of its elements are NaN", found.nan);
  if (found.infinite > 0)
    text += fmt::format("{}{} infinite", text.empty() ? "" : ", ", found.infinite);
  return text;
}

/// Scans each constant once, however many ops and functions use it.
class Scan {
 public:
  Scan(const PackageView& package, Findings& findings)
      : files_(files_of(package.package)), findings_(findings) {}

  void judge(const FunctionView& function, const OpView& op) {
    for (const mil::Argument& argument : op.operation->inputs)
      for (const mil::Binding& binding : argument.bindings)
        if (binding.is_name())
          judge(function, op, argument.parameter, binding.name(),
                function.constant(binding.name()));
        else
          judge(function, op, argument.parameter, argument.parameter, &binding.value());
    for (const auto& [parameter, value] : op.operation->attributes)
      judge(function, op, parameter, parameter, &value);
  }

 private:
  void judge(const FunctionView& function, const OpView& op, std::string_view parameter,
             std::string_view name, const mil::Value* value) {
    if (value == nullptr || value->type.kind != mil::ValueType::Kind::tensor) return;
    const Tensor& tensor = value->tensor;
    if (!tensor.defined() || !is_float(tensor.dtype()) || tensor.bytes().empty()) return;
    const auto place = std::pair(tensor.bytes().data(), tensor.bytes().size());
    const auto [known, is_new] = scanned_.try_emplace(place);
    if (is_new) known->second = scan(tensor, value->blob.get(), files_);
    const NotFinite& found = known->second;
    const bool counts =
        found.nan > 0 || (found.infinite > 0 && infinity_counts(function, op, parameter, found));
    if (!counts || !told_.insert(place).second) return;
    findings_.add(function, op, fmt::format("'{}': {}", name, described(found)),
                  {.operand = std::string(parameter), .value = std::string(name)});
  }

  using Place = std::pair<const std::byte*, size_t>;
  WeightFiles files_;
  Findings& findings_;
  std::map<Place, NotFinite> scanned_;
  std::set<Place> told_;
};

void judge(const PackageView& package, Findings& findings) {
  Scan scan(package, findings);
  for (const FunctionView& function : package.functions)
    for (const OpView& op : function.ops()) scan.judge(function, op);
}

}  // namespace

extern const Rule k_weight_not_finite{
    .info = {.id = "weight_not_finite",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "A constant holds NaN, or a weight, its palette or its scale "
                            "infinity: whatever is computed from it is no number. Minus infinity "
                            "in a table whose rows are gathered is taken for a mask's.",
             .fix = "Convert again, or fetch the files again; anemone inspect --verify "
                    "names those whose digests differ from what was written.",
             .source = "IEEE 754: sums and products with NaN are NaN; numbers above 65504 "
                       "become infinity when a converter casts them to fp16"},

    .check_package = judge};

}  // namespace anemone::ane
