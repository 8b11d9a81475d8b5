#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <map>
#include <regex>
#include <set>

#include "ane/rule.h"
#include "ane/structure.h"

namespace anemone::ane {
namespace {

/// The number behind "_lut" in a file name; 0 where there is none.
int64_t bits_in_name(const std::string& name) {
  static const std::regex pattern("_lut([0-9]{1,2})(_|\\.|$)", std::regex::icase);
  std::smatch match;
  return std::regex_search(name, match, pattern) ? std::stoll(match[1]) : 0;
}

int64_t number_in(const std::map<std::string, std::string>& words, const std::string& key) {
  const auto found = words.find(key);
  if (found == words.end()) return 0;
  int64_t number = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stop, error] = std::from_chars(found->second.data(), end, number);
  return error == std::errc() && stop == end ? number : 0;
}

/// The bits that somebody says the package has, and who says it.
struct Promise {
  int64_t bits = 0;
  std::string by;
};

Promise promise_of(const PackageView& package) {
  const std::string file =
      package.name.empty() ? package.package.path.filename().string() : package.name;
  if (const int64_t bits = bits_in_name(file)) return {bits, "its name"};
  if (const int64_t bits = number_in(package.package.metadata, "com.anemll.lut_bits"))
    return {bits, "com.anemll.lut_bits"};
  const ModelView& model = *package.model;
  if (!model.anemll) return {};
  const char* key = palette_key(model, package);
  return {number_in(model.anemll->parameters, key), fmt::format("meta.yaml ({})", key)};
}

int64_t size_of(const FunctionView& function, const Weight& weight) {
  const mil::ValueType* type = function.type(weight.name);
  const auto count = checked_element_count(type->tensor.shape.dims());
  return count ? *count : 0;
}

void judge(const PackageView& package, Findings& findings) {
  const Promise promise = promise_of(package);
  if (promise.bits == 0) return;
  int64_t all = 0;
  int64_t plain = 0;
  std::set<int> found;
  for (const FunctionView& function : package.functions)
    for (const Weight& weight : weights(function)) {
      const int64_t size = size_of(function, weight);
      all += size;
      if (weight.decompressor == nullptr)
        plain += size;
      else if (const int bits = palette_bits(function, *weight.decompressor))
        found.insert(bits);
    }
  if (all == 0) return;
  const std::string value = fmt::format(
      "{:.0f} % of the weights", 100.0 * static_cast<double>(plain) / static_cast<double>(all));
  if (plain == all)
    findings.add(
        package,
        fmt::format("{} promises palettes of {} bits, there is none", promise.by, promise.bits),
        {.value = "fp16"});
  else if (!found.empty() && !found.contains(static_cast<int>(promise.bits)))
    findings.add(package,
                 fmt::format("{} promises palettes of {} bits, they have {}", promise.by,
                             promise.bits, fmt::join(found, ", ")),
                 {.value = fmt::format("{}", fmt::join(found, ", "))});
  else if (plain > 0)
    findings.add(package,
                 fmt::format("{} promises palettes of {} bits; {} have none", promise.by,
                             promise.bits, value),
                 {.value = value, .severity = Severity::warning});
}

}  // namespace

extern const Rule k_palette_absent{
    .info = {.id = "palette_absent",
             .family = RuleFamily::converter,
             .severity = Severity::error,
             .chips = "all",
             .explanation = "The name of a package, its metadata or meta.yaml promises palettes"
                            " of so many bits, and the program has none, or others; weights "
                            "whose rows the group does not divide stay in fp16 without a word.",
             .fix = "Choose a group size that divides the rows, or a palette per "
                    "tensor; anemone inspect shows what is stored.",
             .source = "ANEMLL 0.3.4 and 0.3.6 (a package named lut6 may be wholly fp16); "
                       "found by running them"},

    .check_package = judge};

}  // namespace anemone::ane
