#include "base/error.h"
#include "compress/fitted_palette.h"
#include "compress/matrix.h"
#include "compress/palette_form.h"
#include "compress/palette_tables.h"
#include "compress/schemes.h"

namespace anemone::compress {
namespace {

/// Indices into tables of fp16 numbers, one for a group of output channels or one for all.
class Palette : public Scheme {
 public:
  explicit Palette(const PaletteWords& words) : words_(words) {}

  std::string text() const override { return words_.text(); }

  std::optional<PaletteSize> palette() const override {
    return PaletteSize{words_.bits, words_.group};
  }

  Result<Form> form(const Weight& weight) const override {
    ANEMONE_RETURN_IF_ERROR(check_palette_target(weight, words_));
    Form form;
    const mil::ValueType dense{.tensor = weight.type};
    const Shape& shape = weight.type.shape;
    if (weight.opset >= kFirstBlockwise) {
      const int64_t tables = weight.rows() / rows_of_table(weight, words_.group);
      form.parts = {{index_dtype(words_.bits), shape},
                    {weight.type.dtype, table_shape(weight, tables, words_.bits)}};
      form.operations = {{"constexpr_lut_to_dense",
                          {{"indices", Form::Part{0}}, {"lut", Form::Part{1}}},
                          {dense}}};
      return form;
    }
    // iOS16: the packed bytes, and the shape beside them.
    const int64_t bytes = *checked_byte_count(index_dtype(words_.bits), shape.element_count());
    form.parts = {{DType::uint8, {bytes}}, {weight.type.dtype, {int64_t{1} << words_.bits}}};
    form.operations = {
        {"constexpr_lut_to_dense",
         {{"indices", Form::Part{0}}, {"lut", Form::Part{1}}, {"shape", shape_value(shape)}},
         {dense},
         true}};
    return form;
  }

  Encoded encode(const Weight& weight, const Tensor& values, int threads) const override {
    const Matrix matrix(weight, values);
    const int64_t rows = rows_of_table(weight, words_.group);
    return stored(weight, palette_tables(matrix, rows, words_.bits, threads), threads);
  }

  std::optional<Encoded> encode_for(const Weight& weight, const Tensor& values,
                                    const Compensation& inputs, int threads) const override {
    const Matrix matrix(weight, values);
    const int64_t rows = rows_of_table(weight, words_.group);
    FittedPalette fitted = fitted_palette(matrix, rows, words_.bits, inputs, threads);
    Encoded encoded = stored(weight, std::move(fitted.tables), threads);
    encoded.output_error = fitted.output_sum > 0 ? fitted.output_error / fitted.output_sum : 0.0;
    return encoded;
  }

 private:
  Encoded stored(const Weight& weight, PaletteTables tables, int threads) const {
    const auto form = this->form(weight);
    Encoded encoded{.squared_error = tables.squared_error, .squared_sum = tables.squared_sum};
    Tensor indices = packed_codes(weight, std::move(tables.codes), index_dtype(words_.bits),
                                  weight.type.shape, threads);
    encoded.parts = {as_type(indices, form->parts[0]),
                     floats(weight.type.dtype, form->parts[1].shape, tables.entries)};
    return encoded;
  }

  PaletteWords words_;
};

Result<std::shared_ptr<const Scheme>> parse(const Terms& terms) {
  std::shared_ptr<const Scheme> scheme;
  if (terms.size() != 1) return scheme;
  ANEMONE_TRY(const auto words, parse_palette(terms[0]));
  if (words && words->vector == 1 && !words->int8 && !words->scale)
    scheme = std::make_shared<Palette>(*words);
  return scheme;
}

}  // namespace

extern constinit const SchemeFamily k_palette{"lutB[:tensor|:gN], B of 1, 2, 3, 4, 6, 8", parse};

}  // namespace anemone::compress
