#include <fmt/format.h>

#include <algorithm>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

constexpr double kHidden = -1e3;  // additive masks hide with -1e4 and less

/// The first visible element above the diagonal of a mask that hides others there, as text.
std::string open_place(const Tensor& mask, const Attention& attention) {
  if (!is_float(mask.dtype()) || mask.shape().rank() < 2) return "";
  const int64_t keys = mask.shape()[mask.shape().rank() - 1];
  const int64_t queries = mask.shape()[mask.shape().rank() - 2];
  if (queries < 2 || keys < queries || keys != attention.keys || queries != attention.queries)
    return "";
  bool hides = false;
  std::string place;
  for (int64_t i = 0; i < mask.element_count(); ++i) {
    const int64_t key = i % keys;
    const int64_t query = i / keys % queries;
    const bool hidden = mask.at(i) <= kHidden;
    hides = hides || hidden;
    if (place.empty() && !hidden && key > query + keys - queries)
      place = fmt::format("row {}, column {}", query, key);
  }
  return hides ? place : "";
}

/// Whether the function writes the state only at places that are known before it runs.
bool shifts(const FunctionView& function, std::string_view state) {
  bool any = false;
  for (const StateWrite& write : state_writes(function)) {
    if (write.state != state) continue;
    any = true;
    for (const auto* bounds : {&write.begin, &write.end})
      if (!std::ranges::all_of(*bounds, [](const auto& bound) { return bound.has_value(); }))
        return false;
  }
  return any;
}

/// Whether another function of the package takes one token at a time into the same shifting cache.
bool has_sound_step(const FunctionView& function, std::string_view state) {
  for (const FunctionView& other : function.package().functions)
    for (const Attention& attention : attentions(other))
      if ((attention.queries == 1 || tokens_of(other) == 1) && attention.state == state &&
          shifts(other, state))
        return true;
  return false;
}

/// Whether it hides anything: it is worked out, or a constant with places that it hides.
bool may_hide(const FunctionView& function, std::string_view mask) {
  const Tensor* contents = function.contents(part_of_mask(function, mask).origin);
  if (contents == nullptr || !is_float(contents->dtype())) return true;
  for (int64_t i = 0; i < contents->element_count(); ++i)
    if (contents->at(i) <= kHidden) return true;
  return false;
}

/// Whether the probabilities are multiplied by others before they weigh values: a mask, whose sum
/// is divided out again.
bool is_masked_behind(const FunctionView& function, const OpView& softmax) {
  return std::ranges::any_of(
      function.uses(softmax.operation->outputs[0].name), [&](const Use& use) {
        return use.op->type() == "mul" &&
               !function.operand_is_constant(*use.op, use.parameter == "x" ? "y" : "x");
      });
}

/// A step that attends to all places of a cache it fills one by one.
void judge_step(const FunctionView& function, const Attention& attention, Findings& findings) {
  const mil::ValueType* state = attention.state.empty() ? nullptr : function.type(attention.state);
  const auto hides = [&](std::string_view mask) { return may_hide(function, mask); };
  if (state == nullptr || std::ranges::any_of(attention.masks, hides) ||
      is_masked_behind(function, *attention.softmax) || shifts(function, attention.state))
    return;
  const auto fills = [&](const StateWrite& write) { return write.state == attention.state; };
  if (!std::ranges::any_of(state_writes(function), fills)) return;
  const auto axis = token_axis(state->tensor.shape);
  if (axis && attention.keys > 1 && state->tensor.shape[*axis] == attention.keys)
    findings.add(function, *attention.softmax,
                 fmt::format("a step attends to all {} places of its cache without a mask, those "
                             "of later tokens too",
                             attention.keys),
                 {.operand = "mask", .value = "absent"});
}

void judge(const FunctionView& function, const Attention& attention, Findings& findings) {
  if (attention.queries < 2 || tokens_of(function) == 1)
    return judge_step(function, attention, findings);
  if (attention.masks.empty()) {
    if (is_language_model(function) && !function.flag(*attention.scores, "is_causal"))
      findings.add(function, *attention.softmax,
                   fmt::format("{} tokens attend to each other without a mask", attention.queries),
                   {.operand = "mask", .value = "absent"});
    return;
  }
  for (const std::string_view mask : attention.masks) {
    const MaskPart part = part_of_mask(function, mask);
    if (const Tensor* contents = function.contents(part.origin)) {
      if (const std::string place = open_place(*contents, attention); !place.empty())
        findings.add(function, *attention.softmax, "the mask is open above the diagonal: " + place,
                     {.operand = std::string(part.origin), .value = place});
      continue;
    }
    const bool is_first_part = part.begin == 0 && part.end && *part.end < part.width;
    if (is_first_part && !attention.state.empty() && shifts(function, attention.state))
      findings.add(
          function, *attention.softmax,
          fmt::format("the cache shifts, and its mask is columns 0 to {} of {}: each of {} "
                      "tokens sees those after it",
                      *part.end, part.width, attention.queries),
          {.operand = std::string(part.origin),
           .value = fmt::format("0..{}", *part.end),
           .severity =
               has_sound_step(function, attention.state) ? Severity::warning : Severity::error});
  }
}

void judge(const FunctionView& function, Findings& findings) {
  for (const Attention& attention : attentions(function)) judge(function, attention, findings);
}

}  // namespace

extern const Rule k_prefill_sees_later_tokens{
    .info = {.id = "prefill_sees_later_tokens",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "In a block of tokens a token attends to those that come after it: "
                            "attention has no mask, a constant mask is open above the diagonal,"
                            " or a cache that shifts is masked with the first columns, which "
                            "are all visible. Or a step has no mask for a cache that it fills "
                            "place by place.",
             .fix = "Feed such functions token by token (the step of the same package "
                    "is right), or convert again; anemone convert masks every block.",
             .source = "ANEMLL 0.3.6, Gemma 3, prefill_rotate (logits off by 2.1 to 2.3); "
                       "found by running it"},

    .check_function = judge};

}  // namespace anemone::ane
