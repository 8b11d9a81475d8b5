#include "kernels/ane/functions.h"
#include "runtime/ane/halves.h"
#include "runtime/rows.h"

namespace anemone::runtime {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements that are worth a thread

class SoftmaxBinding final : public Binding {
 public:
  SoftmaxBinding(size_t x, const Rows& rows) : x_(x), rows_(rows) {}

  std::string name() const override { return "ane softmax"; }

  Status run(const RunContext& context) const override {
    const uint16_t* x = context.operands[x_].value->values<uint16_t>().data();
    uint16_t* y = context.outputs[0].mutable_values<uint16_t>().data();
    const auto length = static_cast<size_t>(rows_.length);
    context.pool.parallel_for(rows_.count(), kGrain / rows_.length + 1,
                              [&](int64_t first, int64_t last) {
                                std::vector<uint16_t> row(length);
                                for (int64_t r = first; r < last; ++r) {
                                  take_row(x, rows_, r, row.data());
                                  kernels::ane::softmax(row, row);
                                  put_row(row.data(), rows_, r, y);
                                }
                              });
    return {};
  }

 private:
  size_t x_;
  Rows rows_;
};

}  // namespace

std::unique_ptr<Binding> bind_ane_softmax(const BindRequest& request) {
  const Arguments arguments = request.arguments();
  const auto rows = rows_along(arguments.shape("x"), std::vector{arguments.integer("axis", -1)});
  if (!rows || !is_all_fp16(request) || arguments.shape("x").element_count() == 0) return nullptr;
  return std::make_unique<SoftmaxBinding>(arguments.flat("x"), *rows);
}

}  // namespace anemone::runtime
