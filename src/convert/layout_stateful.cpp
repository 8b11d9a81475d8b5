#include "convert/layouts.h"

namespace anemone::converter {

/// Apple's stateful form: `input_ids` [1, T], `causal_mask` [1, 1, T, past + T] and the states
/// `keyCache` and `valueCache` -> `logits` [1, T, V], for any T that fits into the context.
Result<Plan> plan_stateful(const Source& source, const Settings& settings) {
  Plan plan;
  models::FunctionSpec spec = base_spec(settings);
  spec.is_flexible = true;
  spec.head_parts = head_parts(source.decoder.vocab_size);
  spec.joins_parts = true;
  package::Feature ids;
  ids.name = "input_ids";
  ids.dtype = DType::int32;
  ids.shape = {1, 1};
  ids.ranges = {{1, 1}, {1, settings.context}};
  package::Feature mask;
  mask.name = "causal_mask";
  mask.dtype = settings.dtype;
  mask.shape = {1, 1, 1, 1};
  mask.ranges = {{1, 1}, {1, 1}, {1, settings.context}, {1, settings.context}};
  const package::Feature given[] = {ids, mask};
  auto planned = new_package(settings.is_package ? "" : "model.mlpackage", source, settings);
  ANEMONE_RETURN_IF_ERROR(add_function(source, spec, plan, planned, given));
  planned.package.default_function = spec.name;
  plan.packages.push_back(std::move(planned));
  plan.manifest = {{"vocab_size", source.decoder.vocab_size},
                   {"context_length", settings.context},
                   {"model", plan.packages[0].name}};
  // What one token reads: of the embedding a row, not the table.
  models::FunctionSpec step = base_spec(settings);
  step.embedding = false;
  step.head_parts = spec.head_parts;
  ANEMONE_TRY(const FunctionBytes bytes, measure_function(source, step));
  plan.bytes_per_token = bytes.state;
  for (const auto& [constant, size] : bytes.constants) plan.bytes_per_token += size;
  return plan;
}

}  // namespace anemone::converter
