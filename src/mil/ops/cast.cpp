#include "mil/ops/elementwise.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

constexpr DTypeSet kFirst = kFloat | kInt32 | kBool;
constexpr DTypeSet kSince17 =
    kFirst | DTypeSet{DType::int8, DType::uint8, DType::int16, DType::uint16};

enum : size_t { kX, kDtype };
constexpr Parameter kParameters[] = {{"x", kSince17},
                                     {"dtype", kString, Presence::required, BindingRule::constant}};

Inferred infer(const Operands& in, size_t) {
  const DTypeSet allowed = in.opset() >= 17 ? kSince17 : kFirst;
  if (!allowed.contains(in.dtype(kX)))
    return violates("c1", "x is {}, which cast takes from iOS17 on", to_string(in.dtype(kX)));
  const std::string_view text = in.text(kDtype, "");
  const auto dtype = parse_dtype(text);
  if (!dtype || !allowed.contains(*dtype))
    return violates("c2", "dtype is \"{}\", which cast of iOS{} does not make", text, in.opset());
  return infers(*dtype, in.shape(kX));
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  map_elements(*in.value(kX), outputs[0], [](double x) { return x; });
  return {};
}

}  // namespace

extern constinit const OpDef k_cast{
    .name = "cast",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "x in another dtype: floats become integers by truncation towards zero and saturate, "
        "bool is x != 0, and fp16 overflows to infinity."};

}  // namespace anemone::mil
