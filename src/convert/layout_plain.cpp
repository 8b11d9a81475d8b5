#include "base/error.h"
#include "convert/layouts.h"

namespace anemone::converter {

/// `input_ids` int32 [1, N] -> `logits` [1, N, V], no cache: one package a length.
Result<Plan> plan_plain(const Source& source, const Settings& settings) {
  std::vector<int64_t> lengths = settings.lengths;
  if (lengths.empty()) lengths = {settings.context};
  if (settings.is_package && lengths.size() > 1)
    return with_hint(
        fail(ErrorCode::invalid_argument, "one package for {} lengths", lengths.size()),
        "give a folder: it will hold a model_seq{N}.mlpackage for each");
  if (settings.chunks && *settings.chunks != 1)
    return fail(ErrorCode::invalid_argument, "the layout plain has one chunk, not {}",
                *settings.chunks);
  Plan plan;
  plan.manifest["lengths"] = lengths;
  for (const int64_t length : lengths) {
    auto planned = new_package(
        settings.is_package ? "" : fmt::format("model_seq{}.mlpackage", length), source, settings);
    models::FunctionSpec spec = base_spec(settings);
    spec.rows = length;
    spec.cached = false;
    spec.head_parts = head_parts(source.decoder.vocab_size);
    spec.joins_parts = true;
    ANEMONE_RETURN_IF_ERROR(add_function(source, spec, plan, planned));
    planned.package.default_function = spec.name;
    plan.packages.push_back(std::move(planned));
  }
  return plan;
}

}  // namespace anemone::converter
