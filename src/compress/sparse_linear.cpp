#include "base/error.h"
#include "base/float16.h"
#include "compress/linear_codes.h"
#include "compress/mask.h"
#include "compress/schemes.h"

namespace anemone::compress {
namespace {

/// Scaled integers for the largest elements.
class SparseLinear : public Scheme {
 public:
  SparseLinear(const SparseWords& sparse, const LinearWords& linear)
      : sparse_(sparse), linear_(linear) {}

  std::string text() const override { return linear_.text() + "+" + sparse_.text(); }

  Result<Form> form(const Weight& weight) const override {
    ANEMONE_RETURN_IF_ERROR(check_blockwise(weight, text(), sparse_.text()));
    const Shape kept{kept_count(weight, sparse_)};
    const DType dtype = weight.type.dtype;
    const Shape scales = linear_blocks(weight, linear_).scale_shape;
    Form form;
    form.parts = {{DType::uint1, weight.type.shape}, {linear_.stored(), kept}, {dtype, scales}};
    form.operations = {
        {"constexpr_sparse_blockwise_shift_scale",
         {{"data_mask", Form::Part{0}}, {"nonzero_data", Form::Part{1}}, {"scale", Form::Part{2}}},
         {mil::ValueType::of(DType::uint1, weight.type.shape), mil::ValueType::of(dtype, kept)}},
        {"constexpr_sparse_to_dense",
         {{"mask", Form::Result{0, 0}}, {"nonzero_data", Form::Result{0, 1}}},
         {mil::ValueType{.tensor = weight.type}}}};
    return form;
  }

  Encoded encode(const Weight& weight, const Tensor& values, int threads) const override {
    const Matrix matrix(weight, values);
    const std::vector<uint8_t> mask = mask_of(weight, matrix, sparse_, threads);
    const auto form = this->form(weight);
    // Zeros are exact, so the blocks with zeros are those of what stays.
    std::vector<uint16_t> pruned(matrix.values().begin(), matrix.values().end());
    for (size_t i = 0; i < mask.size(); ++i)
      if (mask[i] == 0) pruned[i] = 0;
    const Matrix left(std::move(pruned), matrix.rows(), matrix.columns());
    LinearCodes codes = linear_codes(left, linear_blocks(weight, linear_), linear_, threads);
    const double lost = squared_sums(matrix, mask, threads).dropped;
    Encoded encoded{.squared_error = codes.squared_error + lost,
                    .squared_sum = codes.squared_sum + lost};
    const mil::TensorType& stored = form->parts[1];
    Tensor nonzero = packed(compacted(weight, std::move(codes.codes), mask), stored.dtype,
                            stored.shape, threads);
    encoded.parts = {packed_codes(weight, mask, DType::uint1, weight.type.shape, threads),
                     std::move(nonzero),
                     floats(weight.type.dtype, form->parts[2].shape,
                            scales_in_stored_order(weight, form->parts[2].shape, codes.scales))};
    return encoded;
  }

 private:
  SparseWords sparse_;
  LinearWords linear_;
};

Result<std::shared_ptr<const Scheme>> parse(const Terms& terms) {
  std::shared_ptr<const Scheme> scheme;
  ANEMONE_TRY(const auto joint, parse_joint(terms));
  if (!joint) return scheme;
  ANEMONE_TRY(const auto linear, parse_linear(joint->other));
  if (!linear) return scheme;
  if (linear->affine)
    return with_hint(fail(ErrorCode::invalid_argument, "sparse integers are symmetric"),
                     "the nearest is int8:channel+sparse50");
  scheme = std::make_shared<SparseLinear>(joint->sparse, *linear);
  return scheme;
}

}  // namespace

extern constinit const SchemeFamily k_sparse_linear{"intB…+sparse…", parse};

}  // namespace anemone::compress
