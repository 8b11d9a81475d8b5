#include <cmath>

#include "mil/ops/broadcast.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat | kInt32}, {"y", kFloat | kInt32}};

double apply(double x, double y) {
  if (y == 0) return x / y;
  const double rest = std::fmod(x, y);
  // x - rest is a multiple of y, so this division is exact where a double can hold it.
  const double quotient = std::nearbyint((x - rest) / y);
  return rest != 0 && (rest < 0) != (y < 0) ? quotient - 1 : quotient;
}

}  // namespace

extern constinit const OpDef k_floor_div{.name = "floor_div",
                                         .parameters = kParameters,
                                         .infer = infer_broadcast,
                                         .eval = eval_broadcast<apply>,
                                         .doc = "x / y rounded towards minus infinity."};

}  // namespace anemone::mil
