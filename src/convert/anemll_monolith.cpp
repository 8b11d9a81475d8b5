#include "base/error.h"
#include "convert/anemll_form.h"

namespace anemone::converter {
namespace {

using compress::Part;
using models::FunctionSpec;

/// The functions infer and prefill from `input_ids`; with a window also those over rotating caches.
class AnemllMonolith {
 public:
  explicit AnemllMonolith(const AnemllForm& form) : form_(form) {}

  Result<Plan> plan() {
    const std::string name = form_.file("monolithic_full", Part::ffn);
    auto planned = form_.start(name, "monolith", Part::ffn);
    auto& metadata = planned.package.metadata;
    metadata["com.anemll.batch_size"] = std::to_string(form_.block);
    form_.describe_head(planned);
    if (form_.settings.argmax) metadata["com.anemll.argmax_in_model"] = "true";
    planned.package.default_function = "infer";

    FunctionSpec whole = form_.spec();
    whole.layer_count = -1;
    whole.final_norm = true;
    ANEMONE_RETURN_IF_ERROR(measure_step(whole));
    whole.embedding = true;
    std::vector<FunctionSpec> functions = {infer(whole, "infer"), prefill(whole, "prefill")};
    if (form_.window > 0) {
      whole.window_cache = FunctionSpec::WindowCache::rotates;
      functions.insert(functions.begin() + 1, infer(whole, "infer_rotate"));
      functions.push_back(prefill(whole, "prefill_rotate"));
    }
    std::string listed = "    functions:\n";
    for (const FunctionSpec& function : functions) {
      ANEMONE_RETURN_IF_ERROR(add_function(form_.source, function, plan_, planned));
      listed += fmt::format("      - {}\n", function.name);
    }
    plan_.packages.push_back(std::move(planned));
    form_.finish(plan_, "Type: Monolithic",
                 lut_lines() + fmt::format("    model_prefix: {}\n"
                                           "    monolithic_model: {}.mlmodelc\n",
                                           form_.family.prefix, name),
                 listed);
    return std::move(plan_);
  }

 private:
  FunctionSpec infer(FunctionSpec spec, std::string name) const {
    spec.name = std::move(name);
    spec.head_parts = form_.family.head_parts;
    spec.head =
        form_.settings.argmax ? FunctionSpec::Head::part_argmax : FunctionSpec::Head::logits;
    return spec;
  }

  FunctionSpec prefill(FunctionSpec spec, std::string name) const {
    using Prefill = AnemllFamily::Prefill;
    const Prefill gives = form_.family.monolith_prefill;
    spec.name = std::move(name);
    spec.rows = form_.block;
    spec.last_row_only = gives != Prefill::all_logits;
    spec.final_norm = gives != Prefill::last_hidden;
    if (gives == Prefill::last_hidden) return spec;
    spec.head_parts = form_.family.head_parts;
    spec.head = FunctionSpec::Head::logits;
    return spec;
  }

  /// Embedding and head only where they differ.
  std::string lut_lines() const {
    std::string lines = form_.lut_lines("lut_bits", Part::ffn);
    const auto bits = [&](Part part) {
      const auto palette = form_.lut(part);
      return palette ? std::pair(palette->bits, palette->group) : std::pair(0, int64_t{0});
    };
    if (bits(Part::embed) != bits(Part::ffn))
      lines += form_.lut_lines("lut_embeddings", Part::embed);
    if (bits(Part::head) != bits(Part::ffn)) lines += form_.lut_lines("lut_lmhead", Part::head);
    return lines;
  }

  /// A step reads one row of the embedding, and all of the rest.
  Status measure_step(const FunctionSpec& whole) {
    ANEMONE_TRY(const FunctionBytes bytes, measure_function(form_.source, infer(whole, "infer")));
    plan_.bytes_per_token = bytes.state;
    for (const auto& constant : bytes.constants) plan_.bytes_per_token += constant.second;
    return {};
  }

  const AnemllForm& form_;
  Plan plan_;
};

}  // namespace

Result<Plan> plan_anemll_monolith(const AnemllForm& form) {
  if (form.settings.chunks.value_or(1) != 1)
    return fail(ErrorCode::invalid_argument, "a monolith has one chunk, not {}",
                *form.settings.chunks);
  return AnemllMonolith(form).plan();
}

}  // namespace anemone::converter
