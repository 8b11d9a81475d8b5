#include "probe/point_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>
#include <utility>

namespace anemone::probe {
namespace {

using std::string_view_literals::operator""sv;

/// Parts of a layer in order. What follows "in" counts on from it.
constexpr std::array kParts = {"attention.norm"sv, "attention.in"sv,
                               "attention.qkv"sv,  "attention.q"sv,
                               "attention.k"sv,    "attention.v"sv,
                               "attention.out"sv,  "attention"sv,
                               "mlp.norm"sv,       "mlp.in"sv,
                               "mlp.gate"sv,       "mlp.up"sv,
                               "mlp.down"sv,       ""sv};

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kModules = {{
    {"", ""},
    {"input_layernorm", "attention.norm"},
    {"ln_1", "attention.norm"},
    {"self_attn.q_proj", "attention.q"},
    {"self_attn.k_proj", "attention.k"},
    {"self_attn.v_proj", "attention.v"},
    {"self_attn.qkv_proj", "attention.qkv"},
    {"attn.c_attn", "attention.qkv"},
    {"self_attn.o_proj", "attention.out"},
    {"attn.c_proj", "attention.out"},
    {"post_attention_layernorm", "mlp.norm"},
    {"ln_2", "mlp.norm"},
    {"mlp.gate_proj", "mlp.gate"},
    {"mlp.up_proj", "mlp.up"},
    {"mlp.gate_up_proj", "mlp.up"},
    {"mlp.c_fc", "mlp.up"},
    {"mlp.down_proj", "mlp.down"},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kOutside = {{
    {"embed", "embedding"},
    {"embeddings", "embedding"},
    {"embed_tokens", "embedding"},
    {"wte", "embedding"},
    {"norm", "final_norm"},
    {"ln_f", "final_norm"},
    {"lm_head", "logits"},
    {"output", "logits"},
    {"logits", "logits"},
}};

/// Takes digits from the front, and the dot after them.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.empty()) return number;
  if (text[0] != '.' || text.size() == 1) return {};
  text.remove_prefix(1);
  return number;
}

/// Place of a part in `kParts` and the number behind it; past the end when it is none.
std::pair<size_t, int64_t> part_order(std::string_view part) {
  for (size_t i = 0; i < kParts.size(); ++i) {
    if (part == kParts[i]) return {i, 0};
    if (!kParts[i].ends_with(".in") || !part.starts_with(kParts[i])) continue;
    std::string_view digits = part.substr(kParts[i].size());
    if (const auto number = take_number(digits); number && digits.empty()) return {i, *number};
  }
  return {kParts.size(), 0};
}

using Order = std::tuple<int, int64_t, size_t, int64_t, std::string_view>;

Order order_of(std::string_view name) {
  if (name == "embedding") return {0, 0, 0, 0, ""};
  if (name == "final_norm") return {2, 0, 0, 0, ""};
  if (name == "logits") return {3, 0, 0, 0, ""};
  const PointName split = split_point(name);
  if (split.layer) {
    const auto [place, number] = part_order(split.part);
    if (place < kParts.size()) return {1, *split.layer, place, number, ""};
  }
  return {4, 0, 0, 0, name};
}

}  // namespace

PointName split_point(std::string_view name) {
  constexpr auto kLayer = "layer."sv;
  if (!name.starts_with(kLayer)) return {{}, std::string(name)};
  std::string_view rest = name.substr(kLayer.size());
  const auto layer = take_number(rest);
  return layer ? PointName{layer, std::string(rest)} : PointName{{}, std::string(name)};
}

bool is_point(std::string_view name) { return std::get<0>(order_of(name)) < 4; }

bool comes_before(std::string_view left, std::string_view right) {
  return order_of(left) < order_of(right);
}

int64_t layers_in(const Trace& trace) {
  int64_t layers = 0;
  for (const NamedTensor& point : trace.points)
    layers = std::max(layers, split_point(point.name).layer.value_or(-1) + 1);
  return layers;
}

std::optional<std::string> point_of_module(std::string_view name) {
  if (is_point(name)) return std::string(name);
  for (const std::string_view prefix : {"model."sv, "transformer."sv})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  for (const auto& [module, point] : kOutside)
    if (name == module) return std::string(point);
  for (const std::string_view prefix : {"layers."sv, "h."sv}) {
    if (!name.starts_with(prefix)) continue;
    name.remove_prefix(prefix.size());
    const auto layer = take_number(name);
    if (!layer) return {};
    const auto found =
        std::ranges::find(kModules, name, [](const auto& each) { return each.first; });
    if (found == kModules.end()) return {};
    return "layer." + std::to_string(*layer) + (found->second.empty() ? "" : ".") +
           std::string(found->second);
  }
  return {};
}

}  // namespace anemone::probe
