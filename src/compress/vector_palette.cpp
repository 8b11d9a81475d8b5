#include "base/error.h"
#include "base/float16.h"
#include "compress/cluster_vectors.h"
#include "compress/matrix.h"
#include "compress/palette_form.h"
#include "compress/schemes.h"

namespace anemone::compress {
namespace {

/// One index for several neighbouring output channels, into tables of vectors.
class VectorPalette : public Scheme {
 public:
  explicit VectorPalette(const PaletteWords& words) : words_(words) {}

  std::string text() const override { return words_.text(); }

  std::optional<PaletteSize> palette() const override {
    return PaletteSize{words_.bits, words_.group};
  }

  Result<Form> form(const Weight& weight) const override {
    ANEMONE_RETURN_IF_ERROR(check_palette_target(weight, words_));
    const int64_t rows = table_rows(weight);
    if (rows == 0 || rows % words_.vector != 0)
      return with_hint(
          fail(ErrorCode::unsupported, "{} output channels cannot be divided into vectors of {}",
               weight.rows(), words_.vector),
          fmt::format("the nearest is lut{}:g{}", words_.bits,
                      words_.group == 0 ? 16 : words_.group));
    Shape indices = weight.type.shape;
    indices[weight.output_axis] /= words_.vector;
    Form form;
    form.parts = {
        {index_dtype(words_.bits), indices},
        {weight.type.dtype, table_shape(weight, weight.rows() / rows, words_.bits, words_.vector)}};
    form.operations = {
        {"constexpr_lut_to_dense",
         {{"indices", Form::Part{0}},
          {"lut", Form::Part{1}},
          {"vector_axis", mil::make_int32(static_cast<int32_t>(weight.output_axis))}},
         {mil::ValueType{.tensor = weight.type}}}};
    return form;
  }

  Encoded encode(const Weight& weight, const Tensor& values, int threads) const override {
    const Matrix matrix(weight, values);
    const int64_t rows = table_rows(weight);
    const int64_t tables = matrix.rows() / rows;
    const int64_t columns = matrix.columns();
    const int64_t per_table = rows / words_.vector * columns;
    const auto entries = static_cast<size_t>((int64_t{1} << words_.bits) * words_.vector);
    std::vector<uint8_t> codes(static_cast<size_t>(tables * per_table));
    std::vector<float> luts(static_cast<size_t>(tables) * entries, 0.0f);
    std::vector<double> errors(static_cast<size_t>(tables));
    std::vector<double> sums(static_cast<size_t>(tables));
    // Either tables share the threads, or the points of the only table do.
    const auto encode_table = [&](int64_t table, int inner) {
      std::vector<float> planes(static_cast<size_t>(rows * columns));
      double& sum = sums[static_cast<size_t>(table)];
      for (int64_t row = 0; row < rows; ++row) {
        const auto from = matrix.of_rows(table * rows + row, 1);
        float* to = planes.data() + row % words_.vector * per_table + row / words_.vector * columns;
        for (const uint16_t bits : from) {
          *to = fp16_to_float(bits);
          sum += static_cast<double>(*to) * static_cast<double>(*to);
          ++to;
        }
      }
      const Points points{planes, per_table, words_.vector};
      std::vector<float> centers = cluster_vectors(points, int64_t{1} << words_.bits, inner);
      for (float& number : centers) number = fp16_to_float(float_to_fp16(number));
      errors[static_cast<size_t>(table)] =
          nearest_centers(points, centers, inner, codes.data() + table * per_table);
      std::ranges::copy(centers, luts.begin() + static_cast<int64_t>(entries) * table);
    };
    if (tables >= threads)
      for_each_index(tables, threads, [&](int64_t table) { encode_table(table, 1); });
    else
      for (int64_t table = 0; table < tables; ++table) encode_table(table, threads);
    Encoded encoded;
    for (size_t i = 0; i < errors.size(); ++i) {
      encoded.squared_error += errors[i];
      encoded.squared_sum += sums[i];
    }
    const auto form = this->form(weight);
    encoded.parts = {
        packed_codes(weight, std::move(codes), form->parts[0].dtype, form->parts[0].shape, threads),
        floats(weight.type.dtype, form->parts[1].shape, luts)};
    return encoded;
  }

 private:
  int64_t table_rows(const Weight& weight) const {
    return rows_of_table(weight, words_.group, words_.vector);
  }

  PaletteWords words_;
};

Result<std::shared_ptr<const Scheme>> parse(const Terms& terms) {
  std::shared_ptr<const Scheme> scheme;
  if (terms.size() != 1) return scheme;
  ANEMONE_TRY(const auto words, parse_palette(terms[0]));
  if (words && words->vector > 1) scheme = std::make_shared<VectorPalette>(*words);
  return scheme;
}

}  // namespace

extern constinit const SchemeFamily k_vector_palette{"lutB…:vN, one index for N output channels",
                                                     parse};

}  // namespace anemone::compress
