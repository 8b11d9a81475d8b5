#include "runtime/arguments.h"

#include <algorithm>

#include "base/check.h"

namespace anemone::runtime {

size_t Arguments::index(std::string_view parameter) const {
  const auto found = std::ranges::find(op_.parameters, parameter, &mil::Parameter::name);
  ANEMONE_CHECK(found != op_.parameters.end(), "bindings ask for parameters of their own op");
  return static_cast<size_t>(found - op_.parameters.begin());
}

size_t Arguments::flat(std::string_view parameter, size_t i) const {
  const size_t wanted = index(parameter);
  size_t position = 0;
  for (size_t p = 0; p < wanted; ++p) position += operands_.count(p);
  return position + i;
}

}  // namespace anemone::runtime
