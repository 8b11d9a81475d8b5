#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "ane/rule.h"

namespace anemone::ane {
namespace {

constexpr uint64_t kEnd = 2'000'000'000;
constexpr double kGigabyte = 1e9;

uint64_t bytes_of(const mil::TensorType& type) {
  const auto elements = checked_element_count(type.shape.dims());
  const auto bytes = elements ? checked_byte_count(type.dtype, *elements) : std::nullopt;
  return bytes ? static_cast<uint64_t>(*bytes) : 0;
}

void judge(const PackageView& package, Findings& findings) {
  std::set<std::pair<std::string_view, uint64_t>> seen;
  uint64_t bytes = 0;
  for (const mil::Function& function : package.package.program.functions)
    for_each_blob(function.block, [&](const mil::Value& value) {
      if (seen.emplace(value.blob->path, value.blob->offset_bytes).second)
        bytes += bytes_of(value.type.tensor);
    });
  const std::string message =
      fmt::format("{:.2f} GB of weights in one program", static_cast<double>(bytes) / kGigabyte);
  const std::string value = fmt::format("{}", bytes);
  findings.add(package, message, {.value = value, .holds = [bytes](const Chip& chip) {
                                    return chip.device == Device::phone ? bytes > kMostProgramBytes
                                                                        : bytes > kEnd;
                                  }});
  findings.add(package, message,
               {.value = value,
                .holds =
                    [bytes](const Chip& chip) {
                      return chip.device == Device::mac && bytes > kMostProgramBytesOnMacs &&
                             bytes <= kEnd;
                    },
                .severity = Severity::warning,
                .leaves = false});
}

}  // namespace

extern const Rule k_program_weights{
    .info = {.id = "program_weights",
             .family = RuleFamily::hardware,
             .severity = Severity::error,
             .chips = "above 0.95 GB: phones; above 1 GB: all (a warning on Macs below 2 GB)",
             .explanation = "A program with more weights silently leaves the Neural Engine: 950"
                            " MB is the rule for phones, where 1 GB is the end; on Macs "
                            "programs above 1.0 to 1.4 GB were seen to run on the GPU, and one "
                            "program holds 2 GB at most.",
             .fix = "More chunks: anemone convert --chunks N, or --chip with --chunks "
                    "auto.",
             .source = "apple/coremltools, mlmodel-utilities.md (1 GB); ANEMLL, "
                       "docs/calc_chunk_split.md; CoreML-LLM, docs/QWEN35_LESSONS.md "
                       "section 3; ANEForge, docs/llm.md (2 GB)"},
    .leaves = Leaves::program,
    .check_package = judge};

}  // namespace anemone::ane
