#include "ane/op_support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "mil/op.h"

namespace anemone::ane {
namespace {

constexpr std::string_view kListed[] = {
#define OP(type, support, role) #type,
#include "ane/op_support.inc"
#undef OP
};

TEST(OpSupport, EveryLineNamesAnOpOnce) {
  std::set<std::string_view> seen;
  for (const std::string_view type : kListed) {
    EXPECT_NE(mil::find_op(type), nullptr) << type;
    EXPECT_TRUE(seen.insert(type).second) << type;
  }
}

TEST(OpSupport, S3_40_OpsThatSuitAreRecognised) {
  for (const char* type : {"matmul", "conv", "batch_norm", "relu", "sigmoid", "tanh", "add", "mul"})
    EXPECT_EQ(support_of(type), OpSupport::suited) << type;
}

TEST(OpSupport, S3_41_OpsThatDoNotSuitAreRecognised) {
  for (const char* type : {"lstm", "cumsum", "non_zero", "scatter", "while_loop", "gather_nd"})
    EXPECT_EQ(support_of(type), OpSupport::never) << type;
  EXPECT_EQ(support_of("my_custom_layer"), OpSupport::unmeasured);
}

TEST(OpSupport, RolesAreThoseOfTheOneList) {
  for (const char* type : {"conv", "einsum", "softmax", "lstm"})
    EXPECT_TRUE(is_heavy(type)) << type;
  for (const char* type : {"reshape", "transpose", "cast", "flatten2d"})
    EXPECT_TRUE(keeps_elements(type) && hands_on(type)) << type;
  for (const char* type : {"split", "slice_by_index", "slice_by_size"})
    EXPECT_TRUE(!keeps_elements(type) && hands_on(type)) << type;
  for (const char* type : {"read_state", "slice_update", "gather", "my_custom_layer"})
    EXPECT_FALSE(hands_on(type) || is_heavy(type)) << type;
}

package::Package package_of(const std::string& body) {
  auto program = mil::parse(std::string("program(1.3)\n{\n    func main<ios18>(tensor<fp16, [4, "
                                        "64]> x, tensor<int32, [2]> n) {\n") +
                            body + "\n        } -> (y);\n}\n");
  package::Package package;
  if (program.ok())
    package.program = std::move(program).value();
  else
    ADD_FAILURE() << program.error().to_string();
  return package;
}

template <typename Judge>
auto judge_last(const std::string& body, const Judge& judge)
    -> decltype(judge(std::declval<const FunctionView&>(), std::declval<const OpView&>())) {
  PackageView view;
  view.package = package_of(body);
  if (view.package.program.functions.empty()) {
    ADD_FAILURE() << "no function";
    return {};
  }
  const FunctionView function(view, view.package.program.functions[0]);
  return judge(function, function.ops().back());
}

OpSupport support_of_last(const std::string& body) {
  return judge_last(body, [](const FunctionView& function, const OpView& op) {
    return support_of(function, op);
  });
}

bool last_is_index_arithmetic(const std::string& body) {
  return judge_last(body, &is_index_arithmetic);
}

TEST(OpSupport, IndexArithmeticIsOfFewNarrowIntegersOrALookup) {
  EXPECT_TRUE(last_is_index_arithmetic("tensor<int32, [2]> y = add(x = n, y = int32(1));"));
  const auto tiled = [](const char* type, int times) {
    return fmt::format("tensor<{}, [{}]> y = tile(reps = tensor<int32, [1]>([{}]), x = n);", type,
                       2 * times, times);
  };
  EXPECT_TRUE(last_is_index_arithmetic(tiled("int32", kMostIndices / 2)));
  EXPECT_FALSE(last_is_index_arithmetic(tiled("int32", kMostIndices / 2 + 1)));
  EXPECT_TRUE(last_is_index_arithmetic(tiled("uint32", 1)));
  EXPECT_FALSE(last_is_index_arithmetic(tiled("int64", 1)));
  EXPECT_FALSE(last_is_index_arithmetic("tensor<fp16, [4, 64]> y = add(x = x, y = fp16(1));"));
  EXPECT_TRUE(
      last_is_index_arithmetic("tensor<fp16, [2, 64]> y = gather(axis = int32(0), batch_dims = "
                               "int32(0), indices = n, validate_indices = bool(false), x = x);"));
}

TEST(OpSupport, DependsOnOperands) {
  EXPECT_EQ(support_of_last("tensor<int32, [2]> y = add(x = n, y = int32(1));"), OpSupport::never);
  EXPECT_EQ(support_of_last("tensor<fp16, [4, 64]> y = add(x = x, y = fp16(1));"),
            OpSupport::suited);
  EXPECT_EQ(support_of_last("tensor<fp16, [2, 64]> y = gather(axis = int32(0), batch_dims = "
                            "int32(0), indices = n, validate_indices = bool(false), x = x);"),
            OpSupport::never);
  EXPECT_EQ(support_of_last("tensor<fp16, [2, 64]> y = gather(axis = int32(0), batch_dims = "
                            "int32(0), indices = tensor<int32, [2]>([1, 3]), validate_indices = "
                            "bool(false), x = x);"),
            OpSupport::suited);
  EXPECT_EQ(support_of_last("tensor<fp16, [1, 64]> y = slice_by_size(begin = n, size = "
                            "tensor<int32, [2]>([1, 64]), x = x);"),
            OpSupport::never);
  EXPECT_EQ(support_of_last("tensor<fp32, [4, 64]> y = cast(dtype = string(\"fp32\"), x = x);"),
            OpSupport::suited);
}

}  // namespace
}  // namespace anemone::ane
