#include <string>

#include "mil/ops/broadcast.h"
#include "mil/ops/hoist.h"
#include "mil/ops/inference.h"

namespace anemone::mil {
namespace {

enum : size_t { kValues, kEquation };
constexpr Parameter kParameters[] = {
    {"values", kFloat, Presence::required, BindingRule::variadic},
    {"equation", kString, Presence::required, BindingRule::constant}};

/// The equation with its letters renamed to a, b, c … in order of appearance, without spaces.
std::string canonical(std::string_view equation) {
  std::string letters;
  std::string result;
  for (const char c : equation) {
    if (c == ' ') continue;
    if (c == ',' || c == '-' || c == '>') {
      result += c;
      continue;
    }
    size_t place = letters.find(c);
    if (place == std::string::npos) {
      place = letters.size();
      letters += c;
    }
    result += static_cast<char>('a' + place);
  }
  return result;
}

std::optional<size_t> rank_of(std::string_view equation) {
  constexpr size_t kLongest = 64;  // 16 characters are enough; letters stay inside char
  if (equation.size() > kLongest) return std::nullopt;
  const std::string form = canonical(equation);
  if (form == "abcd,adce->abce") return 4;
  if (form == "abc,cbd->abd") return 3;
  return std::nullopt;
}

/// Both operands and the result without the axes that are multiplied: [batch, H].
struct Batches {
  Shape x;
  Shape y;
};

Batches batches_of(const Shape& x, const Shape& y) {
  const size_t rank = x.rank();
  Batches result;
  if (rank == 4) {
    result.x.push_back(x[0]);
    result.y.push_back(y[0]);
  }
  result.x.push_back(x[rank - 2]);
  result.y.push_back(y[rank - 2]);
  return result;
}

Inferred infer(const Operands& in, size_t) {
  const std::string_view equation = in.text(kEquation, "");
  const auto rank = rank_of(equation);
  if (!rank)
    return violates("c1", "equation is \"{}\", expected the form nchw,nwhu->nchu or chw,whr->chr",
                    equation);
  if (in.count(kValues) != 2)
    return violates("c2", "values holds {} tensors, expected 2", in.count(kValues));
  const Shape& x = in.shape(kValues, 0);
  const Shape& y = in.shape(kValues, 1);
  if (x.rank() != *rank || y.rank() != *rank)
    return violates("c3", "values are {} and {}, expected rank {}", x.to_string(), y.to_string(),
                    *rank);
  if (in.dtype(kValues, 0) != in.dtype(kValues, 1))
    return violates("c4", "values are {} and {}, expected one dtype",
                    to_string(in.dtype(kValues, 0)), to_string(in.dtype(kValues, 1)));
  const int64_t depth = x[*rank - 1];
  const int64_t other = y[*rank - 3];
  const Batches batches = batches_of(x, y);
  const auto batch = broadcast_shapes(batches.x, batches.y);
  if (!batch || (depth != other && depth != kUnknownDim && other != kUnknownDim))
    return violates("c5", "values {} and {} do not fit the equation", x.to_string(), y.to_string());
  Shape shape = x;
  if (*rank == 4) shape[0] = (*batch)[0];
  shape[*rank - 2] = (*batch)[batch->rank() - 1];
  shape[*rank - 1] = y[*rank - 1];
  return infers(in.dtype(kValues, 0), shape);
}

Status eval(const Operands& in, std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  const size_t rank = out.shape().rank();
  // With a batch axis in front of the shorter form both forms are n c h w, n w h u -> n c h u.
  const auto with_batch = [rank](Shape shape) {
    if (rank == 3) shape.insert(0, 1);
    return shape;
  };
  const Shape x_shape = with_batch(in.shape(kValues, 0));
  const Shape y_shape = with_batch(in.shape(kValues, 1));
  const Shape shape = with_batch(out.shape());
  const std::vector<float> x = hoist(*in.value(kValues, 0));
  const std::vector<float> y = hoist(*in.value(kValues, 1));
  const int64_t depth = x_shape[3];
  int64_t index = 0;
  for (int64_t n = 0; n < shape[0]; ++n) {
    for (int64_t c = 0; c < shape[1]; ++c) {
      for (int64_t h = 0; h < shape[2]; ++h) {
        const int64_t x_start = (x_shape[0] == 1 ? 0 : n) * x_shape.stride(0) +
                                c * x_shape.stride(1) +
                                (x_shape[2] == 1 ? 0 : h) * x_shape.stride(2);
        const int64_t y_start = (y_shape[0] == 1 ? 0 : n) * y_shape.stride(0) +
                                (y_shape[2] == 1 ? 0 : h) * y_shape.stride(2);
        for (int64_t u = 0; u < shape[3]; ++u) {
          double sum = 0;
          for (int64_t w = 0; w < depth; ++w)
            sum += static_cast<double>(x[static_cast<size_t>(x_start + w)]) *
                   static_cast<double>(y[static_cast<size_t>(y_start + w * y_shape.stride(1) + u)]);
          out.set(index++, sum);
        }
      }
    }
  }
  return {};
}

}  // namespace

extern constinit const OpDef k_einsum{
    .name = "einsum",
    .parameters = kParameters,
    .infer = infer,
    .eval = eval,
    .doc =
        "The products nchw,nwhu->nchu and chw,whr->chr, whatever the letters; n and h "
        "broadcast; sums in fp64, rounded once."};

}  // namespace anemone::mil
