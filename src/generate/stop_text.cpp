#include "generate/stop_text.h"

#include <algorithm>
#include <utility>

namespace anemone::generate {

StopText::Step StopText::feed(std::string_view piece) {
  held_ += piece;
  size_t first = std::string::npos;
  for (const std::string& stop : stops_)
    if (!stop.empty()) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) return {held_.substr(0, first), true};
  size_t keep = 0;
  for (const std::string& stop : stops_)
    for (size_t length = std::min(stop.size(), held_.size() + 1) - (stop.empty() ? 0 : 1);
         length > keep; --length)
      if (std::string_view(held_).ends_with(std::string_view(stop).substr(0, length)))
        keep = length;
  Step step{held_.substr(0, held_.size() - keep), false};
  held_.erase(0, held_.size() - keep);
  return step;
}

std::string StopText::finish() { return std::exchange(held_, {}); }

}  // namespace anemone::generate
