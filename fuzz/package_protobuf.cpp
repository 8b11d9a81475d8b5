#include <cstddef>
#include <cstdint>
#include <string_view>

#include "package/read_model.h"

namespace {

using anemone::DType;
using anemone::Shape;
using anemone::Tensor;

/// Any blob of at most 64 kB exists and is zero.
anemone::Result<Tensor> zeros(const anemone::mil::BlobReference&, DType dtype, const Shape& shape) {
  if (shape.element_count() > 1 << 16)
    return anemone::Error{anemone::ErrorCode::corrupt, "too large", {}, {}};
  return Tensor::zeros(dtype, shape);
}

}  // namespace

/// What can be read can be printed; reading an error says why.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model =
      anemone::package::read_model({reinterpret_cast<const char*>(data), size}, zeros);
  if (!model.ok() && model.error().message.empty()) __builtin_trap();
  if (model.ok()) (void)anemone::mil::print(model->program, 4);
  return 0;
}
