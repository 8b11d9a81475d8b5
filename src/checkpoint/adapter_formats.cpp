#include "checkpoint/adapter_formats.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace anemone::checkpoint {

Result<double> positive(const Json& config, const std::string& key) {
  const auto found = config.find(key);
  const double value =
      found != config.end() && found->is_number() ? found->get<double>() : std::nan("");
  if (!std::isfinite(value) || value <= 0)
    return fail(ErrorCode::corrupt, "config: {} is {}, expected a number above 0", key,
                found == config.end() ? "missing" : found->dump());
  return value;
}

Status refuse_unknown(const Json& config, std::span<const std::string_view> known,
                      std::string_view owner) {
  std::vector<std::string> refused;
  for (const auto& [key, value] : config.items())
    if (!is_unset(value) && std::ranges::find(known, key) == known.end())
      refused.push_back(fmt::format("{} = {}", key, value.dump().substr(0, 60)));
  if (refused.empty()) return {};
  return with_hint(fail(ErrorCode::unsupported, "{}: {}", owner, fmt::join(refused, ", ")),
                   "these fields may change the result and are not known");
}

}  // namespace anemone::checkpoint
