#include "mil/op.h"

namespace anemone::mil {
namespace {

constexpr Parameter kParameters[] = {{"pred", kBool}};

}  // namespace

extern constinit const OpDef k_cond{
    .name = "cond",
    .parameters = kParameters,
    .outputs = kAnyOutputs,
    .kind = OpKind::control,
    .doc = "The outputs of the first block where `pred` is true, else of the second."};

}  // namespace anemone::mil
