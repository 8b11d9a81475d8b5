#include "mil/ops/broadcast.h"
#include "mil/ops/inference.h"
#include "mil/ops/nonzero.h"

namespace anemone::mil {
namespace {

enum : size_t { kCond, kA, kB };
constexpr Parameter kParameters[] = {
    {"cond", kBool}, {"a", kData, Presence::optional}, {"b", kData, Presence::optional}};

Inferred infer(const Operands& in, size_t) {
  if (in.has(kA) != in.has(kB)) return violates("c1", "only {} is given", in.has(kA) ? "a" : "b");
  if (!in.has(kA)) return infer_nonzero(in, kCond);
  if (in.dtype(kA) != in.dtype(kB))
    return violates("c2", "a is {} and b is {}, expected one dtype", to_string(in.dtype(kA)),
                    to_string(in.dtype(kB)));
  const auto values = broadcast_shapes(in.shape(kA), in.shape(kB));
  const auto shape = values ? broadcast_shapes(in.shape(kCond), *values) : std::nullopt;
  if (!shape)
    return violates("c3", "cond {}, a {} and b {} do not broadcast", in.shape(kCond).to_string(),
                    in.shape(kA).to_string(), in.shape(kB).to_string());
  return infers(in.dtype(kA), *shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  const Tensor& cond = *in.value(kCond);
  Tensor& out = outputs[0];
  if (!in.has(kA)) {
    list_nonzero(cond, out);
    return {};
  }
  const Tensor& a = *in.value(kA);
  const Tensor& b = *in.value(kB);
  BroadcastWalk at_cond(cond.shape(), out.shape());
  BroadcastWalk at_a(a.shape(), out.shape());
  BroadcastWalk at_b(b.shape(), out.shape());
  for (int64_t i = 0; i < out.element_count(); ++i, at_cond.next(), at_a.next(), at_b.next())
    out.set(i, cond.at(at_cond.offset()) != 0 ? a.at(at_a.offset()) : b.at(at_b.offset()));
  return {};
}

}  // namespace

extern constinit const OpDef k_select{
    .name = "select",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "a where cond holds, else b, with broadcasting; without a and b the indices where cond "
        "holds."};

}  // namespace anemone::mil
