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

/// Palettes of output channels that are divided by their largest magnitude.
class ScaledPalette : public Scheme {
 public:
  explicit ScaledPalette(const PaletteWords& words) : words_(words) {}

  std::string text() const override { return words_.text(); }

  std::optional<PaletteSize> palette() const override {
    return PaletteSize{words_.bits, words_.group};
  }

  Result<Form> form(const Weight& weight) const override {
    ANEMONE_RETURN_IF_ERROR(check_palette_target(weight, words_));
    const int64_t tables = weight.rows() / rows_of_table(weight, words_.group);
    const DType dtype = weight.type.dtype;
    const mil::ValueType dense{.tensor = weight.type};
    Form form;
    form.parts = {{index_dtype(words_.bits), weight.type.shape},
                  {dtype, table_shape(weight, tables, words_.bits)},
                  {dtype, along_rows(weight, weight.rows())}};
    form.operations = {
        {"constexpr_lut_to_dense", {{"indices", Form::Part{0}}, {"lut", Form::Part{1}}}, {dense}},
        {"constexpr_blockwise_shift_scale",
         {{"data", Form::Result{0, 0}}, {"scale", Form::Part{2}}},
         {dense}}};
    return form;
  }

  Encoded encode(const Weight& weight, const Tensor& values, int threads) const override {
    const Matrix matrix(weight, values);
    const int64_t columns = matrix.columns();
    std::vector<uint16_t> divided(matrix.values().size());
    std::vector<float> scales(static_cast<size_t>(matrix.rows()));
    for_each_index(matrix.rows(), threads, [&](int64_t row) {
      const auto from = matrix.of_rows(row, 1);
      float largest = 0;
      for (const uint16_t bits : from) largest = std::max(largest, std::abs(fp16_to_float(bits)));
      const float scale = largest > 0 ? largest : 1;
      scales[static_cast<size_t>(row)] = scale;
      std::ranges::transform(from, divided.begin() + row * columns, [&](uint16_t bits) {
        return float_to_fp16(fp16_to_float(bits) / scale);
      });
    });
    const Matrix unit(std::move(divided), matrix.rows(), columns);
    const int64_t rows = rows_of_table(weight, words_.group);
    PaletteTables tables = palette_tables(unit, rows, words_.bits, threads);
    std::vector<double> errors(scales.size());
    std::vector<double> sums(scales.size());
    for_each_index(matrix.rows(), threads, [&](int64_t row) {
      const float* entries = tables.entries.data() + (row / rows << words_.bits);
      const uint8_t* codes = tables.codes.data() + row * columns;
      for (const uint16_t bits : matrix.of_rows(row, 1)) {
        const auto value = static_cast<double>(fp16_to_float(bits));
        const auto decoded = static_cast<double>(
            fp16_to_float(float_to_fp16(entries[*codes++] * scales[static_cast<size_t>(row)])));
        errors[static_cast<size_t>(row)] += (decoded - value) * (decoded - value);
        sums[static_cast<size_t>(row)] += value * value;
      }
    });
    Encoded encoded;
    for (size_t row = 0; row < errors.size(); ++row) {
      encoded.squared_error += errors[row];
      encoded.squared_sum += sums[row];
    }
    const auto form = this->form(weight);
    const DType dtype = weight.type.dtype;
    encoded.parts = {packed_codes(weight, std::move(tables.codes), form->parts[0].dtype,
                                  weight.type.shape, threads),
                     floats(dtype, form->parts[1].shape, tables.entries),
                     floats(dtype, form->parts[2].shape, scales)};
    return encoded;
  }

 private:
  PaletteWords words_;
};

Result<std::shared_ptr<const Scheme>> parse(const Terms& terms) {
  std::shared_ptr<const Scheme> scheme;
  if (terms.size() != 1) return scheme;
  ANEMONE_TRY(const auto words, parse_palette(terms[0]));
  if (words && words->scale) scheme = std::make_shared<ScaledPalette>(*words);
  return scheme;
}

}  // namespace

extern constinit const SchemeFamily k_scaled_palette{
    "lutB…:scale, each output channel divided by its largest magnitude", parse};

}  // namespace anemone::compress
