#include "mil/ops/block_copy.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kX };
constexpr Parameter kParameters[] = {{"x", kAny}};

Inferred infer(const Operands& in, size_t) { return std::vector{*in.at(kX).type}; }

Status eval(const Operands& in, std::span<Tensor> outputs) {
  copy_all(*in.value(kX), outputs[0]);
  return {};
}

}  // namespace

extern constinit const OpDef k_identity{.name = "identity",
                                        .parameters = kParameters,
                                        .infer = infer,
                                        .eval = eval,
                                        .doc = "x under another name."};

}  // namespace anemone::mil
