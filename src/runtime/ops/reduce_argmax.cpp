#include "base/float16.h"
#include "runtime/bind.h"
#include "runtime/rows.h"

namespace anemone::runtime {
namespace {

template <typename T>
class ArgmaxBinding final : public Binding {
 public:
  ArgmaxBinding(size_t x, const Rows& rows) : x_(x), rows_(rows) {}

  std::string name() const override { return "argmax"; }

  Status run(const RunContext& context) const override {
    const T* x = context.operands[x_].value->template values<T>().data();
    Tensor& y = context.outputs[0];
    for (int64_t r = 0; r < rows_.count(); ++r) {
      const T* first = x + r / rows_.inner * rows_.length * rows_.inner + r % rows_.inner;
      int64_t best = 0;
      float top = to_float(first[0]);
      for (int64_t k = 1; k < rows_.length; ++k) {
        const float value = to_float(first[k * rows_.inner]);
        if (value > top) {
          top = value;
          best = k;
        }
      }
      y.set(r, static_cast<double>(best));
    }
    return {};
  }

 private:
  static float to_float(uint16_t bits) { return fp16_to_float(bits); }
  static float to_float(float value) { return value; }

  size_t x_;
  Rows rows_;
};

}  // namespace

std::unique_ptr<Binding> bind_reduce_argmax(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const size_t x = arguments.flat("x");
  const auto rows = rows_along(arguments.shape("x"), std::vector{arguments.integer("axis", -1)});
  if (!rows || arguments.shape("x").element_count() == 0) return nullptr;
  if (request.storage[x] == DType::fp16) return std::make_unique<ArgmaxBinding<uint16_t>>(x, *rows);
  if (request.storage[x] == DType::fp32) return std::make_unique<ArgmaxBinding<float>>(x, *rows);
  return nullptr;
}

}  // namespace anemone::runtime
