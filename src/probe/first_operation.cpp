#include <algorithm>

#include "anemone/probe.h"
#include "base/error.h"
#include "probe/difference.h"
#include "probe/row_layout.h"

namespace anemone::probe {
namespace {

/// A value of one step.
struct Seen {
  std::string package;
  std::string function;
  std::string value;
  std::string type;
  Tensor tensor;
};

/// Keeps every value of a step.
class Keeper final : public runtime::Observer {
 public:
  std::vector<std::string> wanted(const package::Package& package,
                                  std::string_view function) override {
    std::vector<std::string> names;
    const mil::Function* const found = package.program.find_function(function);
    if (found == nullptr) return names;
    auto& types = types_[place(package, function)];
    for (const auto& input : found->inputs) {
      if (input.type.kind != mil::ValueType::Kind::tensor) continue;
      types[input.name] = "input";
      names.push_back(input.name);
    }
    for (const mil::Operation& operation : found->block.operations) {
      if (operation.type == "const") continue;
      for (const auto& output : operation.outputs) {
        if (output.type.kind != mil::ValueType::Kind::tensor) continue;
        types[output.name] = operation.type;
        names.push_back(output.name);
      }
    }
    return names;
  }

  Status observe(const runtime::Observation& seen) override {
    if (!is_float(seen.tensor.dtype())) return {};
    const auto [package, function] = place(seen.package, seen.function);
    std::string value(seen.value);
    std::string type = types_[{package, function}][value];
    values.push_back(
        {package, function, std::move(value), std::move(type), as_floats(seen.tensor)});
    return {};
  }

  std::vector<Seen> values;

 private:
  using Place = std::pair<std::string, std::string>;
  static Place place(const package::Package& package, std::string_view function) {
    return {package.path.filename().string(), std::string(function)};
  }
  std::map<Place, std::map<std::string, std::string>> types_;
};

/// A model that takes one step after the other.
struct Side {
  std::shared_ptr<Keeper> keeper = std::make_shared<Keeper>();
  std::unique_ptr<lm::LanguageModel> model;
  std::unique_ptr<lm::Sequence> sequence;
  std::vector<float> logits;

  Status open(const std::filesystem::path& path, lm::LanguageModel::Options options) {
    options.hash = false;
    options.single_steps = true;
    options.runtime.observer = keeper;
    ANEMONE_TRY(model, lm::LanguageModel::open(path, options));
    sequence = model->new_sequence();
    return {};
  }

  Status step(std::span<const int32_t> ids) {
    keeper->values.clear();
    const bool gives = model->info().gives_logits;
    logits.resize(gives ? ids.size() * static_cast<size_t>(model->info().vocab_size) : 0);
    return model->extend(*sequence, ids, gives ? lm::Rows::all : lm::Rows::none, logits);
  }
};

/// The first value of the step that is over tolerance. `compared` counts those that both have.
std::optional<OperationError> first_over(const std::vector<Seen>& reference,
                                         const std::vector<Seen>& model, bool one_package,
                                         const Tolerance& tolerance, size_t& compared) {
  size_t from = 0;
  for (const Seen& own : model) {
    const auto same = [&](const Seen& other) {
      return other.value == own.value && other.function == own.function &&
             (one_package || other.package == own.package);
    };
    auto other =
        std::find_if(reference.begin() + static_cast<std::ptrdiff_t>(from), reference.end(), same);
    if (other == reference.end()) other = std::ranges::find_if(reference, same);
    if (other == reference.end() || other->tensor.shape() != own.tensor.shape()) continue;
    from = static_cast<size_t>(other - reference.begin()) + 1;
    ++compared;
    PointError error =
        difference(other->tensor.values<float>(), own.tensor.values<float>(), 1, tolerance);
    if (!error.over) continue;
    error.name = own.value;
    error.channels = own.tensor.element_count();
    error.rows = 1;
    return OperationError{own.package, own.function, own.value, own.type, 0, std::move(error)};
  }
  return {};
}

/// Copies of one package may have different names.
bool is_one_package(const std::vector<Seen>& values) {
  return std::ranges::all_of(values,
                             [&](const Seen& each) { return each.package == values[0].package; });
}

}  // namespace

Result<std::optional<OperationError>> first_operation_over(
    const std::filesystem::path& reference, const lm::LanguageModel::Options& reference_options,
    const std::filesystem::path& model, const lm::LanguageModel::Options& model_options,
    std::span<const int32_t> ids, const Tolerance& tolerance, const ProgressSink& progress) {
  Side one;
  Side other;
  ANEMONE_RETURN_IF_ERROR(one.open(reference, reference_options));
  ANEMONE_RETURN_IF_ERROR(other.open(model, model_options));
  const bool whole = other.model->info().form == "plain" || one.model->info().form == "plain";
  const size_t at_once = whole ? ids.size() : 1;
  size_t compared = 0;
  for (size_t at = 0; at < ids.size(); at += at_once) {
    if (progress && !progress({"bisecting", at, ids.size(), "tokens"}))
      return fail(ErrorCode::interrupted, "interrupted");
    ANEMONE_RETURN_IF_ERROR(one.step(ids.subspan(at, at_once)));
    ANEMONE_RETURN_IF_ERROR(other.step(ids.subspan(at, at_once)));
    const bool one_package =
        is_one_package(one.keeper->values) && is_one_package(other.keeper->values);
    auto found =
        first_over(one.keeper->values, other.keeper->values, one_package, tolerance, compared);
    if (found) {
      found->token = static_cast<int64_t>(at);
      return found;
    }
  }
  if (compared == 0)
    return with_hint(fail(ErrorCode::mismatch, "the two programs have no values of the same names"),
                     "compare one artifact in two numerics, or two of one converter");
  return std::optional<OperationError>();
}

}  // namespace anemone::probe
