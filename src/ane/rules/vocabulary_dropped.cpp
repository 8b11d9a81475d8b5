#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

/// Rows of the smallest table that is added to the stream: GPT-2's positions are one beside the
/// token embeddings. 0 when there is none.
int64_t embedding_rows(const PackageView& package) {
  int64_t fewest = 0;
  for (const FunctionView& function : package.functions)
    for (const Weight& weight : weights(function))
      if (weight.op->type() == "gather" && weight.parameter == "x")
        if (const mil::ValueType* type = function.type(weight.name);
            type != nullptr && type->tensor.shape.is_known())
          fewest = fewest == 0 ? type->tensor.shape[0] : std::min(fewest, type->tensor.shape[0]);
  return fewest;
}

/// Elements of all results named logits; 0 where one has no fixed size, or there is none.
int64_t logits_of(const FunctionView& function) {
  int64_t sum = 0;
  for (const std::string& output : function.function().block.outputs) {
    const mil::ValueType* type = output.starts_with("logits") ? function.type(output) : nullptr;
    if (type == nullptr) continue;
    const Shape& shape = type->tensor.shape;
    if (!is_float(type->tensor.dtype) || shape.rank() == 0 || !shape.is_known()) return 0;
    sum += shape[shape.rank() - 1];
  }
  return sum;
}

void judge(const ModelView& model, Findings& findings) {
  const bool divided = model.embeddings != nullptr && model.lm_head != nullptr;
  for (const auto& package : model.packages) {
    if (divided && package.get() != model.lm_head) continue;
    const int64_t rows = embedding_rows(divided ? *model.embeddings : *package);
    for (const FunctionView& function : package->functions)
      if (const int64_t logits = logits_of(function); logits > 0 && logits < rows)
        findings.add(function,
                     fmt::format("{} logits for {} rows of the embedding: {} tokens can never be "
                                 "chosen",
                                 logits, rows, rows - logits),
                     {.operand = "logits", .value = fmt::format("{}", logits)});
  }
}

}  // namespace

extern const Rule k_vocabulary_dropped{
    .info = {.id = "vocabulary_dropped",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "The head has fewer logits than the embedding has rows: what is left "
                            "over when the vocabulary is divided into parts was dropped.",
             .fix = "Convert again with parts that cover the vocabulary; the last may be longer.",
             .source = "ANEMLL, anemll/models/llama_model.py: heads of vocab_size // 8 rows each"},

    .check_model = judge};

}  // namespace anemone::ane
