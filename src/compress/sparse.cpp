#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/float16.h"
#include "compress/mask.h"
#include "compress/schemes.h"

namespace anemone::compress {
namespace {

/// The largest elements as they are, and a bit for each element.
class Sparse : public Scheme {
 public:
  explicit Sparse(const SparseWords& words) : words_(words) {}

  std::string text() const override { return words_.text(); }

  Result<Form> form(const Weight& weight) const override {
    constexpr int kFirstBlockwise = 18;
    const mil::TensorType nonzero{weight.type.dtype, {kept_count(weight, words_)}};
    const mil::ValueType dense{.tensor = weight.type};
    const Shape& shape = weight.type.shape;
    Form form;
    if (weight.opset >= kFirstBlockwise) {
      form.parts = {{DType::uint1, shape}, nonzero};
      form.operations = {{"constexpr_sparse_to_dense",
                          {{"mask", Form::Part{0}}, {"nonzero_data", Form::Part{1}}},
                          {dense}}};
      return form;
    }
    form.parts = {{DType::uint8, {*checked_byte_count(DType::uint1, shape.element_count())}},
                  nonzero};
    form.operations = {
        {"constexpr_sparse_to_dense",
         {{"mask", Form::Part{0}}, {"nonzero_data", Form::Part{1}}, {"shape", shape_value(shape)}},
         {dense},
         true}};
    return form;
  }

  Encoded encode(const Weight& weight, const Tensor& values, int threads) const override {
    const Matrix matrix(weight, values);
    std::vector<uint8_t> mask = mask_of(weight, matrix, words_);
    const auto form = this->form(weight);
    Encoded encoded{.squared_error = dropped(matrix, mask)};
    for (const uint16_t bits : matrix.values())
      encoded.squared_sum += std::pow(static_cast<double>(fp16_to_float(bits)), 2);
    mask = in_stored_order(weight, std::move(mask));
    // Elements of the weight itself, so that those of fp32 stay what they are.
    Tensor nonzero = Tensor::zeros(form->parts[1].dtype, form->parts[1].shape);
    const size_t size = static_cast<size_t>(bit_width(values.dtype())) / 8;
    size_t kept = 0;
    for (size_t i = 0; i < mask.size(); ++i)
      if (mask[i] != 0)
        std::memcpy(nonzero.mutable_bytes().data() + size * kept++,
                    values.bytes().data() + size * i, size);
    encoded.parts = {
        as_type(packed(mask, DType::uint1, weight.type.shape, threads), form->parts[0]),
        std::move(nonzero)};
    return encoded;
  }

 private:
  SparseWords words_;
};

Result<std::shared_ptr<const Scheme>> parse(const Terms& terms) {
  std::shared_ptr<const Scheme> scheme;
  if (terms.size() != 1) return scheme;
  ANEMONE_TRY(const auto words, parse_sparse(terms[0]));
  if (words) scheme = std::make_shared<Sparse>(*words);
  return scheme;
}

}  // namespace

extern constinit const SchemeFamily k_sparse{
    "sparseP, P percent zeros, or sparseN:M, N zeros in M input channels", parse};

}  // namespace anemone::compress
