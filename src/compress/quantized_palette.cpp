#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/float16.h"
#include "compress/matrix.h"
#include "compress/palette_form.h"
#include "compress/palette_tables.h"
#include "compress/schemes.h"

namespace anemone::compress {
namespace {

/// Palettes whose entries are 8-bit integers with one scale.
class QuantizedPalette : public Scheme {
 public:
  explicit QuantizedPalette(const PaletteWords& words) : words_(words) {}

  std::string text() const override { return words_.text(); }

  std::optional<PaletteSize> palette() const override {
    return PaletteSize{words_.bits, words_.group};
  }

  Result<Form> form(const Weight& weight) const override {
    ANEMONE_RETURN_IF_ERROR(check_palette_target(weight, words_));
    const int64_t tables = weight.rows() / rows_of_table(weight, words_.group);
    const Shape lut = table_shape(weight, tables, words_.bits);
    Shape scale;
    for (size_t axis = 0; axis < lut.rank(); ++axis) scale.push_back(1);
    const DType dtype = weight.type.dtype;
    Form form;
    form.parts = {
        {DType::int8, lut}, {dtype, scale}, {index_dtype(words_.bits), weight.type.shape}};
    form.operations = {{"constexpr_blockwise_shift_scale",
                        {{"data", Form::Part{0}}, {"scale", Form::Part{1}}},
                        {mil::ValueType::of(dtype, lut)}},
                       {"constexpr_lut_to_dense",
                        {{"indices", Form::Part{2}}, {"lut", Form::Result{0, 0}}},
                        {mil::ValueType{.tensor = weight.type}}}};
    return form;
  }

  Encoded encode(const Weight& weight, const Tensor& values, int threads) const override {
    constexpr float kMost = 127;
    const Matrix matrix(weight, values);
    const int64_t rows = rows_of_table(weight, words_.group);
    PaletteTables tables = palette_tables(matrix, rows, words_.bits, threads);
    float largest = 0;
    for (const float entry : tables.entries) largest = std::max(largest, std::abs(entry));
    const float scale = fp16_scale(largest / kMost, kMost);
    std::vector<uint8_t> integers;
    for (float& entry : tables.entries) {
      const float integer = std::clamp(std::nearbyint(entry / scale), -kMost, kMost);
      integers.push_back(static_cast<uint8_t>(static_cast<int8_t>(integer)));
      entry = fp16_to_float(float_to_fp16(integer * scale));
    }
    tables = recoded_tables(matrix, rows, std::move(tables), threads);
    const auto form = this->form(weight);
    return {{packed(integers, DType::int8, form->parts[0].shape, 1),
             floats(weight.type.dtype, form->parts[1].shape, std::span(&scale, 1)),
             packed_codes(weight, std::move(tables.codes), form->parts[2].dtype, weight.type.shape,
                          threads)},
            tables.squared_error,
            tables.squared_sum};
  }

 private:
  PaletteWords words_;
};

Result<std::shared_ptr<const Scheme>> parse(const Terms& terms) {
  std::shared_ptr<const Scheme> scheme;
  if (terms.size() != 1) return scheme;
  ANEMONE_TRY(const auto words, parse_palette(terms[0]));
  if (words && words->int8) scheme = std::make_shared<QuantizedPalette>(*words);
  return scheme;
}

}  // namespace

extern constinit const SchemeFamily k_quantized_palette{"lutB…:int8, entries of 8 bits", parse};

}  // namespace anemone::compress
