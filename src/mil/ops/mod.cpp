#include <cmath>

#include "mil/ops/broadcast.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"x", kFloat | kInt32}, {"y", kFloat | kInt32}};

double apply(double x, double y) {
  const double rest = std::fmod(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

}  // namespace

extern constinit const OpDef k_mod{.name = "mod",
                                   .parameters = kParameters,
                                   .infer = infer_broadcast,
                                   .eval = eval_broadcast<apply>,
                                   .doc = "The rest of floor_div, with the sign of y."};

}  // namespace anemone::mil
