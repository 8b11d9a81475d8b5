#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

class Judge {
 public:
  Judge(const ModelView& model, Findings& findings)
      : model_(model), meta_(*model.anemll), findings_(findings) {}

  void run() {
    int64_t widest = 0;
    bool has_block = false;
    bool has_batch = false;
    for (const PackageView* chunk : model_.chunks)
      for (const FunctionView& function : chunk->functions)
        for (const mil::NamedType& input : function.function().inputs) {
          const Shape& shape = input.type.tensor.shape;
          if (input.type.kind == mil::ValueType::Kind::state || !is_mask(input.type.tensor))
            continue;
          widest = std::max(widest, shape[3]);
          has_block = has_block || shape[2] > 1;
          has_batch = has_batch || shape[2] == meta_.batch_size;
        }
    expect(
        "context_length", meta_.context_length,
        std::max(meta_.context_length, meta_.sliding_window.value_or(0)) == widest || widest == 0,
        widest, "columns of the masks");
    if (has_block && meta_.batch_size > 0 && !has_batch)
      say("batch_size", meta_.batch_size, "no function takes so many tokens");
    judge_head();
    judge_metadata();
    judge_chunks();
    judge_window();
    judge_palettes();
  }

 private:
  static bool is_mask(const mil::TensorType& type) {
    return is_float(type.dtype) && type.shape.rank() == 4 && type.shape[0] == 1 &&
           type.shape[1] == 1 && type.shape.is_known();
  }

  void say(const std::string& key, int64_t value, const std::string& truth) {
    findings_.add(model_, fmt::format("meta.yaml: {} is {}, but {}", key, value, truth),
                  {.operand = key, .value = fmt::format("{}", value)});
  }

  void expect(const std::string& key, int64_t value, bool holds, int64_t found,
              const std::string& what) {
    if (value > 0 && !holds) say(key, value, fmt::format("there are {} {}", found, what));
  }

  /// Logits of the parts of the vocabulary, where the head gives them.
  void judge_head() {
    const PackageView* head =
        meta_.monolithic && !model_.chunks.empty() ? model_.chunks[0] : model_.lm_head;
    if (head == nullptr) return;
    for (const FunctionView& function : head->functions) {
      std::vector<int64_t> parts;
      bool argmax = false;
      for (const std::string& output : function.function().block.outputs) {
        const mil::ValueType* type = function.type(output);
        if (type == nullptr || type->tensor.shape.rank() == 0) continue;
        argmax = argmax || is_integer(type->tensor.dtype);
        if (output.starts_with("logits"))
          parts.push_back(type->tensor.shape[type->tensor.shape.rank() - 1]);
      }
      if (argmax && !meta_.argmax_in_model)
        say("argmax_in_model", 0,
            fmt::format("'{}' gives places of largest logits", function.name()));
      if (argmax || parts.empty()) continue;
      if (meta_.argmax_in_model && function.name() == head->package.default_function)
        say("argmax_in_model", 1, fmt::format("'{}' gives logits", function.name()));
      const auto count = static_cast<int64_t>(parts.size());
      expect("split_lm_head", meta_.split_lm_head, count == meta_.split_lm_head, count,
             "parts of logits");
      const int64_t rows = std::accumulate(parts.begin(), parts.end(), int64_t{0});
      expect("vocab_size", meta_.vocab_size.value_or(0), rows == meta_.vocab_size.value_or(0), rows,
             "logits");
      if (!meta_.lm_head_chunk_sizes.empty() && count > 1 && rows > 0) {
        auto sorted = parts;
        auto said = meta_.lm_head_chunk_sizes;
        std::ranges::sort(sorted);
        std::ranges::sort(said);
        if (sorted != said)
          say("lm_head_chunk_sizes", said.front(), "the parts of logits have other sizes");
      }
    }
  }

  void judge_metadata() {
    for (const PackageView* chunk : model_.chunks) {
      const auto& metadata = chunk->package.metadata;
      const auto found = metadata.find("com.anemll.context_length");
      if (found != metadata.end() && meta_.context_length > 0 &&
          found->second != std::to_string(meta_.context_length))
        findings_.add(*chunk,
                      fmt::format("com.anemll.context_length is {}, in meta.yaml it is {}",
                                  found->second, meta_.context_length),
                      {.operand = "com.anemll.context_length", .value = found->second});
    }
  }

  void judge_chunks() {
    const auto said = meta_.parameters.find("num_chunks");
    if (said != meta_.parameters.end() && said->second != std::to_string(meta_.num_chunks))
      findings_.add(model_,
                    fmt::format("meta.yaml: num_chunks is {}, but there are {} chunks",
                                said->second, meta_.num_chunks),
                    {.operand = "num_chunks", .value = said->second});
  }

  /// Caches of two lengths are windows beside whole ones.
  void judge_window() {
    std::set<int64_t> lengths;
    for (const PackageView* chunk : model_.chunks)
      for (const FunctionView& function : chunk->functions)
        for (const mil::NamedType& input : function.function().inputs)
          if (const auto axis = token_axis(input.type.tensor.shape);
              axis && input.type.kind == mil::ValueType::Kind::state)
            lengths.insert(input.type.tensor.shape[*axis]);
    if (lengths.size() < 2) return;
    if (!meta_.sliding_window)
      findings_.add(model_,
                    fmt::format("meta.yaml names no sliding_window, but there are caches of {}",
                                fmt::join(lengths, " and ")),
                    {.operand = "sliding_window", .severity = Severity::warning});
    else if (!lengths.contains(*meta_.sliding_window))
      say("sliding_window", *meta_.sliding_window,
          fmt::format("the caches hold {}", fmt::join(lengths, " and ")));
  }

  /// What meta.yaml says of palettes against those that are there.
  void judge_palettes() {
    for (const auto& package : model_.packages) {
      const std::string key = palette_key(model_, *package);
      const auto said = meta_.parameters.find(key);
      if (said == meta_.parameters.end()) continue;
      std::set<int> found;
      for (const FunctionView& function : package->functions)
        for (const Weight& weight : weights(function))
          if (weight.decompressor != nullptr)
            found.insert(palette_bits(function, *weight.decompressor));
      found.erase(0);
      const bool holds = std::ranges::any_of(
          found, [&](int bits) { return std::to_string(bits) == said->second; });
      if (!found.empty() && !holds)
        findings_.add(*package,
                      fmt::format("meta.yaml: {} is {}, but palettes have {} bits", key,
                                  said->second, fmt::join(found, " and ")),
                      {.operand = key, .value = said->second});
    }
  }

  const ModelView& model_;
  const package::AnemllDirectory& meta_;
  Findings& findings_;
};

void judge(const ModelView& model, Findings& findings) {
  if (model.anemll) Judge(model, findings).run();
}

}  // namespace

extern const Rule k_meta_contradiction{
    .info = {.id = "meta_contradiction",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "meta.yaml says something else than the packages: context, rows of "
                            "a block, parts and size of the vocabulary, argmax in the model.",
             .fix = "Trust the packages: correct meta.yaml, or convert again. Tools "
                    "that believe meta.yaml feed wrong shapes.",
             .source = "ANEMLL 0.3.6, convert_monolith.sh does not expand its variables; "
                       "found by running it"},

    .check_model = judge};

}  // namespace anemone::ane
