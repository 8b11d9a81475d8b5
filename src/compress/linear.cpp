#include <cmath>

#include "base/error.h"
#include "base/float16.h"
#include "compress/linear_codes.h"
#include "compress/schemes.h"
#include "compress/words.h"

namespace anemone::compress {
namespace {

/// Integers times a scale, with or without an offset.
class Linear : public Scheme {
 public:
  explicit Linear(const LinearWords& words) : words_(words) {}

  std::string text() const override { return words_.text(); }

  Result<Form> form(const Weight& weight) const override {
    ANEMONE_RETURN_IF_ERROR(check_linear_target(weight, words_));
    const LinearBlocks blocks = linear_blocks(weight, words_);
    const DType stored = words_.stored();
    const mil::ValueType dense{.tensor = weight.type};
    Form form;
    if (weight.opset >= kFirstBlockwise) {
      form.parts = {{stored, weight.type.shape}, {weight.type.dtype, blocks.scale_shape}};
      Form::Operation operation{"constexpr_blockwise_shift_scale",
                                {{"data", Form::Part{0}}, {"scale", Form::Part{1}}},
                                {dense}};
      if (words_.affine) {
        form.parts.push_back({stored, blocks.scale_shape});
        operation.operands.insert(operation.operands.begin() + 1, {"offset", Form::Part{2}});
      }
      form.operations = {std::move(operation)};
      return form;
    }
    // iOS16: one scale, or one for each output channel, and always zero points.
    const Shape scales = words_.block < 0 ? Shape{} : Shape{weight.rows()};
    form.parts = {{stored, weight.type.shape}, {weight.type.dtype, scales}, {stored, scales}};
    form.operations = {{"constexpr_affine_dequantize",
                        {{"axis", mil::make_int32(static_cast<int32_t>(weight.output_axis))},
                         {"quantized_data", Form::Part{0}},
                         {"scale", Form::Part{1}},
                         {"zero_point", Form::Part{2}}},
                        {dense},
                        true}};
    return form;
  }

  Encoded encode(const Weight& weight, const Tensor& values, int threads) const override {
    const Matrix matrix(weight, values);
    const LinearBlocks blocks = linear_blocks(weight, words_);
    return stored(weight, blocks, linear_codes(matrix, blocks, words_, threads), threads);
  }

  std::optional<Encoded> encode_for(const Weight& weight, const Tensor& values,
                                    const Compensation& inputs, int threads) const override {
    const Matrix matrix(weight, values);
    const LinearBlocks blocks = linear_blocks(weight, words_);
    CompensatedCodes made = compensated_codes(matrix, blocks, words_, inputs, threads);
    Encoded encoded = stored(weight, blocks, std::move(made.codes), threads);
    encoded.output_error = made.output_sum > 0 ? made.output_error / made.output_sum : 0.0;
    return encoded;
  }

 private:
  Encoded stored(const Weight& weight, const LinearBlocks& blocks, LinearCodes codes,
                 int threads) const {
    const auto form = this->form(weight);
    Encoded encoded{.squared_error = codes.squared_error, .squared_sum = codes.squared_sum};
    encoded.parts.push_back(
        packed_codes(weight, std::move(codes.codes), words_.stored(), weight.type.shape, threads));
    const Shape& scales = blocks.scale_shape;
    encoded.parts.push_back(floats(weight.type.dtype, form->parts[1].shape,
                                   scales_in_stored_order(weight, scales, codes.scales)));
    if (form->parts.size() > 2)
      encoded.parts.push_back(
          packed_codes(weight, std::move(codes.offsets), words_.stored(), scales, 1)
              .reshaped(form->parts[2].shape));
    return encoded;
  }

  LinearWords words_;
};

Result<std::shared_ptr<const Scheme>> parse(const Terms& terms) {
  std::shared_ptr<const Scheme> scheme;
  if (terms.size() != 1) return scheme;
  ANEMONE_TRY(const auto words, parse_linear(terms[0]));
  if (words) scheme = std::make_shared<Linear>(*words);
  return scheme;
}

}  // namespace

extern constinit const SchemeFamily k_linear{
    "int8 or int4[:channel|:tensor|:bN][:affine], bN: blocks of N input channels", parse};

}  // namespace anemone::compress
