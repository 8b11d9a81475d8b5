#include "mil/op.h"

namespace anemone::mil {
namespace {

enum : size_t { kVal };
constexpr Parameter kParameters[] = {{"val", kAny | DTypeSet{DType::fp8e4m3fn, DType::fp8e5m2},
                                      Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) { return std::vector{*in.at(kVal).type}; }

}  // namespace

extern constinit const OpDef k_const{.name = "const",
                                     .parameters = kParameters,
                                     .infer = infer,
                                     .kind = OpKind::constant,
                                     .doc = "The constant in attribute `val`."};

}  // namespace anemone::mil
