#include "convert/settings.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "convert/chunks.h"

namespace anemone::converter {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDefaultContext = 512;
constexpr int64_t kDefaultBlock = 64;
constexpr int64_t kLeastBlock = 2;  // one of one token would be a step

/// Tokens of the blocks, the largest first.
Result<std::vector<int64_t>> blocks_for(const ConvertOptions& options, int64_t context) {
  if (options.no_prefill && !options.prefill.empty())
    return fail(ErrorCode::invalid_argument, "blocks are given, and there are to be none");
  if (options.no_prefill) return std::vector<int64_t>();
  if (context < kLeastBlock)
    return with_hint(
        fail(ErrorCode::invalid_argument, "the context is {}, a block of prompt tokens has {}",
             context, kLeastBlock),
        "give --context 2 or more, or --prefill none with the layout anemone");
  if (options.prefill.empty()) return std::vector<int64_t>{std::min(kDefaultBlock, context)};
  std::vector<int64_t> blocks;
  for (const int64_t tokens : options.prefill) {
    if (tokens < kLeastBlock || tokens > context)
      return fail(ErrorCode::invalid_argument,
                  "the prefill block is {}, expected {} to {}, the tokens of the context", tokens,
                  kLeastBlock, context);
    blocks.push_back(tokens);
  }
  std::ranges::sort(blocks, std::greater());
  const auto repeated = std::ranges::unique(blocks);
  blocks.erase(repeated.begin(), repeated.end());
  return blocks;
}

/// The opset that a system has.
Result<std::string> opset_of(const std::string& target, const Layout& layout) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTargets = {
      {{"iOS17", "CoreML7"}, {"macOS14", "CoreML7"}, {"iOS18", "CoreML8"}, {"macOS15", "CoreML8"}}};
  for (const auto& [name, opset] : kTargets) {
    if (name != target) continue;
    if (opset == "CoreML7" && layout.options.has_states)
      return with_hint(fail(ErrorCode::unsupported, "the layout {} has states, which {} lacks",
                            layout.name, target),
                       "they are of iOS 18 and macOS 15; the layout plain has none");
    return std::string(opset);
  }
  return with_hint(fail(ErrorCode::unsupported, "target '{}' is not supported", target),
                   "targets: iOS17 (macOS14), iOS18 (macOS15)");
}

}  // namespace

std::span<const Layout> layouts() {
#define CONVERT_LAYOUT(name, ...) Layout{#name, plan_##name, {__VA_ARGS__}},
  static constexpr std::array kLayouts = {
#include "convert/layouts.inc"
  };
#undef CONVERT_LAYOUT
  return kLayouts;
}

Result<const Layout*> find_layout(std::string_view name) {
  const auto found = std::ranges::find(layouts(), name, &Layout::name);
  if (found != layouts().end()) return &*found;
  std::string known;
  for (const Layout& layout : layouts())
    known += (known.empty() ? "" : ", ") + std::string(layout.name);
  return with_hint(fail(ErrorCode::unsupported, "layout '{}' is not supported", name),
                   "layouts: " + known);
}

Status check_options(const Layout& layout, const ConvertOptions& options) {
  std::string known = "--context";
  std::string unknown;
  const auto see = [&](std::string_view flag, bool is_known, bool is_given) {
    if (is_known) known += fmt::format(", {}", flag);
    if (!is_known && is_given && unknown.empty()) unknown = flag;
  };
  see("--prefill", layout.options.prefill, options.no_prefill || !options.prefill.empty());
  // One chunk is what other layouts have.
  see("--chunks", layout.options.chunks, options.chunks.value_or(1) != 1);
  see("--chip", layout.options.chunks, !options.chip.empty());
  see("--lengths", layout.options.lengths, !options.lengths.empty());
  if (!unknown.empty())
    return with_hint(
        fail(ErrorCode::invalid_argument, "the layout {} knows no {}", layout.name, unknown),
        "it knows " + known);
  if (options.context != 0 && !options.lengths.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "--context beside --lengths"),
                     "lengths are contexts: give one of them");
  if (options.chunks && !options.chip.empty())
    return with_hint(fail(ErrorCode::invalid_argument, "--chip beside --chunks"),
                     "the chip only decides how many chunks there are: give one of them");
  return {};
}

Result<Settings> settings_for(const Layout& layout, const ConvertOptions& options,
                              const models::Decoder& decoder, const std::filesystem::path& out) {
  const int64_t longest = decoder.longest_context();
  const auto check = [&](std::string_view what, int64_t value, int64_t most) -> Status {
    if (value >= 1 && value <= most) return {};
    return fail(ErrorCode::invalid_argument, "{} is {}, expected 1 to {}", what, value, most);
  };
  Settings settings;
  settings.context = options.context != 0 ? options.context : std::min(kDefaultContext, longest);
  settings.layout = options.layout;
  settings.chunks = options.chunks;
  settings.lengths = options.lengths;
  settings.monolith = options.monolith;
  settings.argmax = options.argmax;
  settings.dtype = options.dtype;
  settings.any_length = options.any_length;
  ANEMONE_TRY(settings.opset, opset_of(options.target, layout));
  if (!options.quantize.empty()) {
    ANEMONE_TRY(settings.quantize, compress::Spec::parse(options.quantize));
  }
  ANEMONE_TRY(settings.chunk_limit, chunk_limit(options.chip));
  settings.is_package = out.extension() == ".mlpackage";
  ANEMONE_RETURN_IF_ERROR(check("the context", settings.context, longest));
  if (layout.options.prefill) {
    ANEMONE_TRY(settings.prefill, blocks_for(options, settings.context));
  }
  for (const int64_t length : settings.lengths)
    ANEMONE_RETURN_IF_ERROR(check("a length", length, longest));
  std::ranges::sort(settings.lengths);
  if (std::ranges::adjacent_find(settings.lengths) != settings.lengths.end())
    return fail(ErrorCode::invalid_argument, "a length is given twice");
  if (settings.any_length && settings.lengths.size() != 2)
    return fail(ErrorCode::invalid_argument, "{} lengths, expected the two ends of a range",
                settings.lengths.size());
  if (!settings.lengths.empty()) settings.context = settings.lengths.back();
  if (settings.dtype != DType::fp16 && settings.dtype != DType::fp32)
    return fail(ErrorCode::invalid_argument, "dtype {}, expected fp16 or fp32",
                to_string(settings.dtype));
  if (settings.is_package && options.layout != "plain" && options.layout != "stateful")
    return with_hint(fail(ErrorCode::invalid_argument, "the layout {} is a folder, {} is a package",
                          options.layout, out.filename().string()),
                     "give a name without .mlpackage");
  if (options.monolith && options.layout != "anemll")
    return with_hint(
        fail(ErrorCode::invalid_argument, "the layout {} has no monolith", options.layout),
        "--monolith is a form of --layout anemll");
  if (options.argmax && !options.monolith)
    return with_hint(fail(ErrorCode::invalid_argument, "only a monolith gives the arg max itself"),
                     "add --layout anemll --monolith");
  return settings;
}

}  // namespace anemone::converter
