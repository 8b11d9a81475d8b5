#include <cstring>

#include "base/error.h"
#include "compress/mask.h"
#include "compress/schemes.h"

namespace anemone::compress {
namespace {

/// Writes each element, and the next one over it where the mask drops it.
template <typename Bits>
void copy_kept(const Tensor& values, const std::vector<uint8_t>& mask, Tensor& kept) {
  const std::byte* from = values.bytes().data();
  std::byte* to = kept.mutable_bytes().data();
  const std::byte* const end = to + kept.bytes().size();
  for (size_t i = 0; to != end; ++i) {
    std::memcpy(to, from + i * sizeof(Bits), sizeof(Bits));
    to += mask[i] * sizeof(Bits);
  }
}

/// The largest elements as they are, and a bit for each element.
class Sparse : public Scheme {
 public:
  explicit Sparse(const SparseWords& words) : words_(words) {}

  std::string text() const override { return words_.text(); }

  Result<Form> form(const Weight& weight) const override {
    ANEMONE_RETURN_IF_ERROR(check_compressed(weight, text()));
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
    std::vector<uint8_t> mask = mask_of(weight, matrix, words_, threads);
    const auto form = this->form(weight);
    const SquaredSums sums = squared_sums(matrix, mask, threads);
    Encoded encoded{.squared_error = sums.dropped, .squared_sum = sums.all};
    mask = in_stored_order(weight, std::move(mask));
    Tensor nonzero = Tensor::zeros(form->parts[1].dtype, form->parts[1].shape);
    // Elements of the weight itself, so that those of fp32 stay what they are.
    if (bit_width(values.dtype()) == 16)
      copy_kept<uint16_t>(values, mask, nonzero);
    else
      copy_kept<uint32_t>(values, mask, nonzero);
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
