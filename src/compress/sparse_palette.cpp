#include "base/error.h"
#include "compress/mask.h"
#include "compress/palette_form.h"
#include "compress/palette_tables.h"
#include "compress/schemes.h"

namespace anemone::compress {
namespace {

/// Indices into palettes for the largest elements, which alone the palettes are made of.
class SparsePalette : public Scheme {
 public:
  SparsePalette(const SparseWords& sparse, const PaletteWords& palette)
      : sparse_(sparse), palette_(palette) {}

  std::string text() const override { return palette_.text() + "+" + sparse_.text(); }

  std::optional<PaletteSize> palette() const override {
    return PaletteSize{palette_.bits, palette_.group};
  }

  Result<Form> form(const Weight& weight) const override {
    ANEMONE_RETURN_IF_ERROR(check_blockwise(weight, text(), sparse_.text()));
    const Shape kept{kept_count(weight, sparse_)};
    const int64_t tables = weight.rows() / rows_of_table(weight, palette_.group);
    const DType dtype = weight.type.dtype;
    Form form;
    form.parts = {{DType::uint1, weight.type.shape},
                  {index_dtype(palette_.bits), kept},
                  {dtype, table_shape(weight, tables, palette_.bits)}};
    form.operations = {
        {"constexpr_lut_to_sparse",
         {{"indices_mask", Form::Part{0}},
          {"indices_nonzero_data", Form::Part{1}},
          {"lut", Form::Part{2}}},
         {mil::ValueType::of(DType::uint1, weight.type.shape), mil::ValueType::of(dtype, kept)}},
        {"constexpr_sparse_to_dense",
         {{"mask", Form::Result{0, 0}}, {"nonzero_data", Form::Result{0, 1}}},
         {mil::ValueType{.tensor = weight.type}}}};
    return form;
  }

  Encoded encode(const Weight& weight, const Tensor& values, int threads) const override {
    const Matrix matrix(weight, values);
    std::vector<uint8_t> mask = mask_of(weight, matrix, sparse_, threads);
    PaletteTables tables =
        palette_tables(matrix, rows_of_table(weight, palette_.group), palette_.bits, threads, mask);
    const auto form = this->form(weight);
    const double lost = squared_sums(matrix, mask, threads).dropped;
    Encoded encoded{.squared_error = tables.squared_error + lost,
                    .squared_sum = tables.squared_sum + lost};
    Tensor indices = packed(compacted(weight, std::move(tables.codes), mask), form->parts[1].dtype,
                            form->parts[1].shape, threads);
    encoded.parts = {
        packed_codes(weight, std::move(mask), DType::uint1, weight.type.shape, threads),
        std::move(indices), floats(weight.type.dtype, form->parts[2].shape, tables.entries)};
    return encoded;
  }

 private:
  SparseWords sparse_;
  PaletteWords palette_;
};

Result<std::shared_ptr<const Scheme>> parse(const Terms& terms) {
  std::shared_ptr<const Scheme> scheme;
  ANEMONE_TRY(const auto joint, parse_joint(terms));
  if (!joint) return scheme;
  ANEMONE_TRY(const auto palette, parse_palette(joint->other));
  if (palette && palette->vector == 1 && !palette->int8 && !palette->scale)
    scheme = std::make_shared<SparsePalette>(joint->sparse, *palette);
  return scheme;
}

}  // namespace

extern constinit const SchemeFamily k_sparse_palette{"lutB…+sparse…", parse};

}  // namespace anemone::compress
