#include <array>

#include "base/error.h"
#include "eval/ifeval/instruction.h"
#include "eval/python_text.h"
#include "eval/regex.h"

namespace anemone::eval::ifeval {
namespace {

Result<Verdict> number_placeholders(const std::string& answer, const Arguments& arguments) {
  static const Regex kPlaceholder = Regex::constant(R"(\[.*?\])");
  ANEMONE_TRY(const int64_t wanted, arguments.number("num_placeholders"));
  ANEMONE_TRY(const auto found, kPlaceholder.find_all(answer));
  return verdict(static_cast<int64_t>(found.size()) >= wanted);
}

/// The two usual markers may be written with blanks; another one is a pattern.
Result<Verdict> postscript(const std::string& answer, const Arguments& arguments) {
  ANEMONE_TRY(const std::string given, arguments.text("postscript_marker"));
  const std::string marker(python::strip(given));
  const std::string pattern = marker == "P.P.S"  ? R"(\s*p\.\s?p\.\s?s.*$)"
                              : marker == "P.S." ? R"(\s*p\.\s?s\..*$)"
                                                 : R"(\s*)" + python::lower(marker) + ".*$";
  ANEMONE_TRY(const Regex regex, Regex::compile("(?m)" + pattern));
  ANEMONE_TRY(const bool found, regex.matches_in(python::lower(answer)));
  return verdict(found);
}

Result<Verdict> no_comma(const std::string& answer, const Arguments&) {
  return verdict(answer.find(',') == std::string::npos);
}

/// The language needs the harness' trained detector.
Result<Verdict> response_language(const std::string&, const Arguments&) { return Verdict::unknown; }

constexpr std::array kInstructions = {
    Instruction{"detectable_content:number_placeholders", number_placeholders},
    Instruction{"detectable_content:postscript", postscript},
    Instruction{"punctuation:no_comma", no_comma},
    Instruction{"language:response_language", response_language}};

}  // namespace

std::span<const Instruction> content_instructions() { return kInstructions; }

}  // namespace anemone::eval::ifeval
