#include "mil/ops/block_copy.h"
#include "runtime/bind.h"

namespace anemone::runtime {
namespace {

class TransposeBinding final : public Binding {
 public:
  TransposeBinding(size_t x, const Shape& block, const mil::Layout& from)
      : x_(x), block_(block), from_(from), to_(mil::Layout::dense(block)) {}

  std::string name() const override { return "copy of blocks"; }

  Status run(const RunContext& context) const override {
    mil::copy_block(block_, *context.operands[x_].value, from_, context.outputs[0], to_);
    return {};
  }

 private:
  size_t x_;
  Shape block_;
  mil::Layout from_;
  mil::Layout to_;
};

}  // namespace

std::unique_ptr<Binding> bind_transpose(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const auto perm = arguments.integers("perm");
  if (!perm) return nullptr;
  const Shape& x = arguments.shape("x");
  Shape block;
  mil::Layout from;
  for (const int64_t entry : *perm) {
    const auto axis =
        static_cast<size_t>(entry < 0 ? entry + static_cast<int64_t>(x.rank()) : entry);
    from.strides[block.rank()] = x.stride(axis);
    block.push_back(x[axis]);
  }
  return std::make_unique<TransposeBinding>(arguments.flat("x"), block, from);
}

}  // namespace anemone::runtime
