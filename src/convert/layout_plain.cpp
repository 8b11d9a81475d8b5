#include "base/error.h"
#include "convert/layouts.h"

namespace anemone::converter {
namespace {

models::FunctionSpec plain_spec(const Source& source, const Settings& settings) {
  models::FunctionSpec spec = base_spec(settings);
  spec.cached = false;
  spec.head_parts = head_parts(source.decoder.vocab_size);
  spec.joins_parts = true;
  return spec;
}

/// One package for several lengths: an input of enumerated shapes, or of a range of them.
Status add_flexible(const Source& source, const Settings& settings,
                    const std::vector<int64_t>& lengths, Plan& plan, PlannedPackage& planned) {
  models::FunctionSpec spec = plain_spec(source, settings);
  spec.is_flexible = true;
  spec.context = lengths.back();
  package::Feature ids;
  ids.name = "input_ids";
  ids.dtype = DType::int32;
  if (settings.any_length) {
    ids.shape = {1, lengths.back()};
    ids.ranges = {{1, 1}, {lengths.front(), lengths.back()}};
  } else {
    ids.shape = {1, lengths.front()};
    for (const int64_t length : lengths) ids.enumerated_shapes.push_back({1, length});
  }
  return add_function(source, spec, plan, planned, std::span(&ids, 1));
}

Status add_fixed(const Source& source, const Settings& settings, int64_t length, Plan& plan,
                 PlannedPackage& planned) {
  models::FunctionSpec spec = plain_spec(source, settings);
  spec.rows = length;
  return add_function(source, spec, plan, planned);
}

}  // namespace

/// `input_ids` int32 [1, N] -> `logits` [1, N, V], no cache. A folder has a package for each
/// length; one package takes them all, as does a range of lengths.
Result<Plan> plan_plain(const Source& source, const Settings& settings) {
  std::vector<int64_t> lengths = settings.lengths;
  if (lengths.empty()) lengths = {settings.context};
  Plan plan;
  const auto add = [&](std::string name, const auto& add_main) -> Status {
    auto planned = new_package(std::move(name), source, settings);
    ANEMONE_RETURN_IF_ERROR(add_main(planned));
    planned.package.default_function = "main";
    plan.packages.push_back(std::move(planned));
    return {};
  };
  if (settings.any_length || (settings.is_package && lengths.size() > 1)) {
    ANEMONE_RETURN_IF_ERROR(
        add(settings.is_package ? "" : "model.mlpackage", [&](PlannedPackage& planned) {
          return add_flexible(source, settings, lengths, plan, planned);
        }));
  } else {
    for (const int64_t length : lengths)
      ANEMONE_RETURN_IF_ERROR(
          add(settings.is_package ? "" : fmt::format("model_seq{}.mlpackage", length),
              [&](PlannedPackage& planned) {
                return add_fixed(source, settings, length, plan, planned);
              }));
  }
  plan.manifest = {{"vocab_size", source.decoder.vocab_size},
                   {"context_length", lengths.back()},
                   {"lengths", lengths},
                   {"model", plan.packages.back().name}};
  if (settings.any_length) plan.manifest["any_length"] = true;
  return plan;
}

}  // namespace anemone::converter
