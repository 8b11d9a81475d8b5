#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "anemone/program.h"
#include "compress/compensation.h"
#include "compress/threads.h"

/// How a weight can be stored, and the list of all ways.
namespace anemone::compress {

/// A weight of a program and how its reader understands it.
struct Weight {
  mil::TensorType type;    ///< fp16 or fp32, of rank 2 and more.
  size_t output_axis = 0;  ///< 0; or 1 of a matrix [in, out].
  int opset = 18;          ///< of the function, as mil::opset_number.

  int64_t rows() const { return type.shape[output_axis]; }
  int64_t columns() const { return type.shape.element_count() / rows(); }
  /// Along the axis of input channels.
  int64_t inputs() const { return type.shape[1 - output_axis]; }
};

/// The opset (iOS) from which on weights can be compressed.
inline constexpr int kFirstCompressed = 16;
/// Of a form called `text`. Errors: unsupported, where the program is of an earlier one.
Status check_compressed(const Weight& weight, std::string_view text);

/// The opset (iOS) from which on weights have blocks, groups, 4 bits and joint forms.
inline constexpr int kFirstBlockwise = 18;
/// Of a form called `text` that needs them. Errors: unsupported, where the program is of an earlier
/// one, with the nearest form that it can have.
Status check_blockwise(const Weight& weight, std::string_view text, std::string_view nearest);

/// The operations that stand for a weight, over parts that go to the weight file.
struct Form {
  struct Part {
    size_t index = 0;
  };
  struct Result {
    size_t operation = 0;
    size_t output = 0;
  };
  struct Operand {
    std::string parameter;
    std::variant<Part, Result, mil::Value> from;
  };
  struct Operation {
    std::string type;
    std::vector<Operand> operands;  ///< sorted by parameter.
    std::vector<mil::ValueType> outputs;
    bool by_attributes = false;  ///< operands are attributes, as in iOS16.
  };
  std::vector<mil::TensorType> parts;
  std::vector<Operation> operations;  ///< the first output of the last one is the weight.

  uint64_t stored_bytes() const;
};

/// Contents of the parts of a form, and what they lose.
struct Encoded {
  std::vector<Tensor> parts;
  double squared_error = 0;
  double squared_sum = 0;  ///< of the weight itself.
  /// Squared error of the outputs that calibration saw, over their sum of squares.
  std::optional<double> output_error;
};

/// Bits of an index, and output channels that share a table (0: all).
struct PaletteSize {
  int bits = 0;
  int64_t group = 0;
};

/// One way to store weights, with its numbers. Immutable; any thread.
class Scheme {
 public:
  virtual ~Scheme() = default;
  /// As it is spelt, in one spelling only.
  virtual std::string text() const = 0;
  /// Groups and blocks that do not divide the weight are replaced by the largest that do.
  /// Errors: unsupported (the opset knows no such operation), with the nearest that it knows.
  virtual anemone::Result<Form> form(const Weight& weight) const = 0;
  /// `values` has the type of the weight, is finite and fits into fp16. The result depends neither
  /// on the number of threads nor on the machine.
  virtual Encoded encode(const Weight& weight, const Tensor& values, int threads) const = 0;
  /// The same with regard to what the weight is multiplied with, of whose columns `inputs` is.
  /// Nothing: this scheme has no such way.
  virtual std::optional<Encoded> encode_for(const Weight& /*weight*/, const Tensor& /*values*/,
                                            const Compensation& /*inputs*/, int /*threads*/) const {
    return std::nullopt;
  }
  virtual std::optional<PaletteSize> palette() const { return std::nullopt; }
};

/// "lut4:g16+sparse50" is {{"lut4", "g16"}, {"sparse50"}}.
using Terms = std::vector<std::vector<std::string>>;

/// A line of schemes.inc: what is spelt so, and how to read it. `parse` gives null for what is
/// another scheme's. Errors: invalid_argument with the nearest spelling.
struct SchemeFamily {
  std::string_view spellings;
  Result<std::shared_ptr<const Scheme>> (*parse)(const Terms& terms);
};
std::vector<const SchemeFamily*> scheme_families();

}  // namespace anemone::compress
