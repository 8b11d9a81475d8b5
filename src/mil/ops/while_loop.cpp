#include "mil/op.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {
    {"loop_vars", kAny, Presence::required, BindingRule::variadic}};

}  // namespace

extern constinit const OpDef k_while_loop{
    .name = "while_loop",
    .parameters = kParameters,
    .outputs = kAnyOutputs,
    .kind = OpKind::control,
    .doc = "Runs the second block on the loop variables while the first one yields true."};

}  // namespace anemone::mil
