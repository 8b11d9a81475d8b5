#include <fmt/format.h>

#include <map>
#include <utility>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

/// Shapes by function and name, with the chunk that has them first.
using Shapes = std::map<std::pair<std::string, std::string>, std::pair<Shape, std::string>>;

void judge(const ModelView& model, Findings& findings) {
  Shapes shapes;
  for (const PackageView* chunk : model.chunks)
    for (const FunctionView& function : chunk->functions)
      for (const mil::NamedType& input : function.function().inputs) {
        const Shape& shape = input.type.tensor.shape;
        const auto [entry, is_new] =
            shapes.emplace(std::pair(function.name(), input.name), std::pair(shape, chunk->name));
        if (is_new || entry->second.first == shape || !shape.is_known()) continue;
        findings.add(function,
                     fmt::format("'{}' is {}, in {} it is {}", input.name, shape.to_string(),
                                 entry->second.second, entry->second.first.to_string()),
                     {.operand = input.name, .value = shape.to_string()});
      }
}

}  // namespace

extern const Rule k_chunks_disagree{
    .info = {.id = "chunks_disagree",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "Chunks do not fit together: a state, a mask or the hidden values "
                            "have another shape in one than in the next.",
             .fix = "Convert all chunks in one run.",
             .source = "ANEMLL directories whose chunks were converted at different "
                       "contexts"},

    .check_model = judge};

}  // namespace anemone::ane
