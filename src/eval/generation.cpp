#include "eval/generation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "eval/python_format.h"

namespace anemone::eval {
namespace {

// In the order in which they count.
constexpr std::array kLengthKeys = {"max_gen_toks", "max_new_tokens", "max_tokens",
                                    "max_completion_tokens"};
// These say how to draw; without sampling they say nothing.
constexpr std::array kSamplingKeys = {"top_p", "top_k", "min_p", "typical_p"};

template <size_t N>
bool is_one_of(const std::array<const char*, N>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<GenerationOptions> parse_generation(const Value& kwargs) {
  GenerationOptions options;
  if (!kwargs.is_object()) return options;
  for (const auto& [key, value] : kwargs.items()) {
    if (key == "until") {
      for (const Value& stop : value.is_array() ? value : Value::array({value})) {
        if (!stop.is_string())
          return fail(ErrorCode::invalid_argument, "generation_kwargs: until {}, expected text",
                      python::to_repr(stop));
        options.until.push_back(stop.get<std::string>());
      }
    } else if (key == "json_schema") {
      if (!value.is_object())
        return fail(ErrorCode::invalid_argument,
                    "generation_kwargs: json_schema {}, expected an object",
                    python::to_repr(value));
      options.json_schema = value.dump(-1, ' ', false, Value::error_handler_t::replace);
    } else if (key == "do_sample") {
      if (value == true)
        return fail(ErrorCode::unsupported, "generation_kwargs: do_sample, drawing at random");
    } else if (key == "temperature") {
      const bool off = kwargs.value("do_sample", Value()) == false;
      if (!off && value.is_number() && value.get<double>() > 0)
        return fail(ErrorCode::unsupported, "generation_kwargs: temperature {}, drawing at random",
                    python::to_repr(value));
    } else if (!is_one_of(kLengthKeys, key) && !is_one_of(kSamplingKeys, key)) {
      return with_hint(fail(ErrorCode::unsupported, "generation_kwargs: key '{}'", key),
                       fmt::format("known are until, json_schema, do_sample, temperature, {}, {}",
                                   fmt::join(kLengthKeys, ", "), fmt::join(kSamplingKeys, ", ")));
    }
  }
  for (const char* key : kLengthKeys) {
    const Value length = kwargs.value(key, Value());
    if (length.is_null()) continue;
    if (!length.is_number_integer() || length.get<int64_t>() < 1)
      return fail(ErrorCode::invalid_argument, "generation_kwargs: {} {}, expected a number", key,
                  python::to_repr(length));
    options.most_tokens = length.get<int64_t>();
    break;
  }
  return options;
}

std::string cut_at_stops(std::string text, std::span<const std::string> until) {
  for (const std::string& stop : until)
    if (!stop.empty()) text.resize(std::min(text.find(stop), text.size()));
  return text;
}

}  // namespace anemone::eval
