#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

constexpr int kMostSteps = 8;  // from an index to what it is made of

/// The input that the indices of a gather are made of; empty where there is none.
std::string_view indices_from(const FunctionView& function, const OpView& gather) {
  const std::string* name = function.operand_name(gather, "indices");
  for (int step = 0; name != nullptr && step < kMostSteps; ++step) {
    const std::string_view source = function.source_of(*name);
    const OpView* op = function.producer(source);
    if (op == nullptr) return function.is_constant(source) ? std::string_view() : source;
    // A negative index is counted from the end: select(x >= 0, x, x + rows).
    if (op->type() != "select" && op->type() != "add") return "";
    name = function.operand_name(*op, op->type() == "select" ? "a" : "x");
  }
  return "";
}

/// Rows of the table that token ids pick from; 0 when there is none. Other tables are picked from
/// by positions, or by what is worked out.
int64_t embedding_rows(const PackageView& package) {
  for (const FunctionView& function : package.functions)
    for (const OpView& op : function.ops()) {
      if (op.type() != "gather" || !function.operand_is_constant(op, "x")) continue;
      const std::string_view from = indices_from(function, op);
      const mil::TensorType* table = function.operand_type(op, "x");
      if (from.find("ids") == from.npos || from.find("pos") != from.npos || table == nullptr ||
          table->shape.rank() != 2 || !table->shape.is_known())
        continue;
      return table->shape[0];
    }
  return 0;
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
      if (const int64_t logits = is_language_model(function) ? logits_of(function) : 0;
          logits > 0 && logits < rows)
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
