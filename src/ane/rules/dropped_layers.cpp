#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "ane/rule.h"
#include "ane/structure.h"
#include "base/json_document.h"

namespace anemone::ane {
namespace {

/// Rows of a state's first axis; rows[i] says whether row i is written.
constexpr int64_t kMostRows = 4096;  // keys and values of far more layers than any model has

struct Rows {
  std::vector<bool> written;
  bool known = true;
};

/// By function name, state and its rows, over all chunks. The caches of layers share the first
/// axis; chunks that have a cache each of another size do not share one.
using Caches = std::map<std::tuple<std::string, std::string, int64_t>, Rows>;

/// Layers with a softmax, as config.json lists them; all where it lists none.
std::optional<int64_t> attention_layers(const ModelView& model) {
  const auto config = read_json_object(model.path / "config.json");
  if (!config.ok()) return model.layers;
  const auto types = config->find("layer_types");
  if (types != config->end() && types->is_array())
    return std::ranges::count_if(*types, [](const Json& type) {
      return type == "full_attention" || type == "sliding_attention" ||
             type == "chunked_attention" || type == "attention";
    });
  const auto places = config->find("full_attn_idxs");
  if (places != config->end() && places->is_array()) return static_cast<int64_t>(places->size());
  return model.layers;
}

/// A package that takes token ids is a whole model; one that takes hidden values is a part of one.
bool takes_tokens(const FunctionView& function) {
  return std::ranges::any_of(function.function().inputs, [](const mil::NamedType& input) {
    return is_integer(input.type.tensor.dtype) && input.type.tensor.shape.rank() == 2;
  });
}

void note_writes(const FunctionView& function, Caches& caches) {
  for (const mil::NamedType& input : function.function().inputs)
    if (input.type.kind == mil::ValueType::Kind::state && input.type.tensor.shape.rank() >= 4 &&
        input.type.tensor.shape[0] > 0 && input.type.tensor.shape[0] <= kMostRows) {
      const int64_t count = input.type.tensor.shape[0];
      caches[{function.name(), input.name, count}].written.resize(static_cast<size_t>(count));
    }
  for (const StateWrite& write : state_writes(function)) {
    const mil::ValueType* type = function.type(write.state);
    if (type == nullptr || type->tensor.shape.rank() == 0) continue;
    const auto found =
        caches.find({function.name(), std::string(write.state), type->tensor.shape[0]});
    if (found == caches.end()) continue;
    Rows& rows = found->second;
    const bool known = !write.whole && !write.begin.empty() && !write.end.empty() &&
                       write.begin[0] && write.end[0];
    rows.known = rows.known && known;
    for (int64_t row = known ? std::max<int64_t>(*write.begin[0], 0) : 0;
         known && row < *write.end[0] && row < static_cast<int64_t>(rows.written.size()); ++row)
      rows.written[static_cast<size_t>(row)] = true;
  }
}

void judge_caches(const ModelView& model, Findings& findings) {
  Caches caches;
  for (const auto& package : model.packages)
    for (const FunctionView& function : package->functions)
      if (!model.chunks.empty() || takes_tokens(function)) note_writes(function, caches);
  for (const auto& [key, rows] : caches) {
    const auto written = std::ranges::count(rows.written, true);
    if (!rows.known || written == 0 || static_cast<size_t>(written) == rows.written.size())
      continue;
    std::string missing;
    for (size_t row = 0; row < rows.written.size(); ++row)
      if (!rows.written[row]) missing += (missing.empty() ? "" : ", ") + std::to_string(row);
    findings.add(model,
                 fmt::format("{}: no chunk writes rows {} of the {} of state '{}'",
                             std::get<0>(key), missing, rows.written.size(), std::get<1>(key)),
                 {.operand = std::get<1>(key), .value = missing});
  }
}

void judge(const ModelView& model, Findings& findings) {
  judge_caches(model, findings);
  const std::optional<int64_t> layers = attention_layers(model);
  if (!layers || model.chunks.empty()) return;
  size_t found = 0;
  for (const PackageView* chunk : model.chunks)
    if (!chunk->functions.empty()) found += attentions(chunk->functions[0]).size();
  if (found > 0 && static_cast<int64_t>(found) < *layers)
    findings.add(
        model,
        fmt::format("config.json has {} layers with attention, the chunks have {}", *layers, found),
        {.operand = "num_hidden_layers", .value = fmt::format("{}", found)});
}

}  // namespace

extern const Rule k_dropped_layers{
    .info = {.id = "dropped_layers",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation =
                 "Rows of the cache that no chunk ever writes, or fewer attentions "
                 "than config.json has layers with one: layers were dropped between chunks.",
             .fix = "Convert again with a number of chunks that divides the layers, or "
                    "with a release that does not round down.",
             .source = "ANEMLL 0.3.4 (3 layers in 2 chunks keep 2); found by running it"},

    .check_model = judge};

}  // namespace anemone::ane
