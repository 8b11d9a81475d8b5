#include "eval/correction/measure.h"
#include "eval/correction/words.h"

namespace anemone::eval::correction {
namespace {

std::vector<std::string> without_final_stop(std::string_view text) {
  std::vector<std::string> result = lower_words(text);
  if (!result.empty() && result.back().ends_with('.')) result.back().pop_back();
  if (!result.empty() && result.back().empty()) result.pop_back();
  return result;
}

}  // namespace

Value exact_match_lenient(const Pair& pair) {
  return without_final_stop(pair.answer) == without_final_stop(pair.target) ? 1.0 : 0.0;
}

}  // namespace anemone::eval::correction
