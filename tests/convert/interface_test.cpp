// What a converted package asks for and gives, in the forms that deployment guides name.

#include <gmock/gmock.h>

#include "anemone/systems.h"
#include "convert/convert_output.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Shape2 = std::vector<int64_t>;

class Interface : public test::ConvertOutput {
 protected:
  fs::path one() const { return scratch_.path() / "one.mlpackage"; }

  /// The package that a conversion to one file makes, without faults.
  package::Package made(ConvertOptions options) {
    options.layout = "plain";
    options.log = [this](LogLevel level, std::string_view line) {
      if (level == LogLevel::warning) warnings_ += std::string(line) + "\n";
    };
    fs::remove_all(one());
    if (!test::converted(checkpoint(), one(), options)) return {};
    auto package = package::open(one());
    EXPECT_TRUE(package.ok()) << package.error().to_string();
    if (!package.ok()) return {};
    EXPECT_THAT(package::verify(*package), IsEmpty());
    return *std::move(package);
  }

  std::vector<float> last_row(const fs::path& path, const std::vector<int32_t>& tokens) const {
    const auto model = test::opened(path, runtime::Numerics::fp32);
    if (model == nullptr) return {};
    std::vector<float> logits(static_cast<size_t>(model->info().vocab_size));
    const auto sequence = model->new_sequence();
    const Status status = model->extend(*sequence, tokens, lm::Rows::last, logits);
    EXPECT_TRUE(status.ok()) << status.error().to_string();
    return logits;
  }

  std::string warnings_;
};

TEST_F(Interface, S3_15_S3_16_S3_17_S3_21_FixedTokensGiveLogitsOfAnMlProgramInAPackage) {
  const auto package = made({.lengths = {16}});
  EXPECT_EQ(package.form, package::Form::mlpackage);
  ASSERT_EQ(package.functions.size(), 1u);
  EXPECT_EQ(package.program.functions.size(), 1u);
  const auto& function = package.functions[0];
  ASSERT_EQ(function.inputs.size(), 1u);
  EXPECT_EQ(function.inputs[0].name, "input_ids");
  EXPECT_EQ(function.inputs[0].dtype, DType::int32);
  EXPECT_EQ(function.inputs[0].shape, (Shape2{1, 16}));
  EXPECT_THAT(function.inputs[0].ranges, IsEmpty());
  EXPECT_THAT(function.inputs[0].enumerated_shapes, IsEmpty());
  ASSERT_EQ(function.outputs.size(), 1u);
  EXPECT_EQ(function.outputs[0].name, "logits");
  EXPECT_EQ(function.outputs[0].shape, (Shape2{1, 16, 4096}));
  EXPECT_EQ(warnings_.find("range"), std::string::npos);
}

TEST_F(Interface, S3_15_S3_47_ARangeIsPossibleAndWarnedOf) {
  const auto package = made({.lengths = {1, 64}, .any_length = true});
  EXPECT_THAT(warnings_, AllOf(HasSubstr("lengths 1 to 64 are a range"), HasSubstr("issue 2370")));
  const auto& ids = package.functions.at(0).inputs.at(0);
  EXPECT_EQ(ids.dtype, DType::int32);
  EXPECT_EQ(ids.shape, (Shape2{1, 64}));
  ASSERT_EQ(ids.ranges.size(), 2u);
  EXPECT_EQ(ids.ranges[0].lower, 1);
  EXPECT_EQ(ids.ranges[0].upper, 1);
  EXPECT_EQ(ids.ranges[1].lower, 1);
  EXPECT_EQ(ids.ranges[1].upper, 64);
  const fs::path fixed = scratch_.path() / "fixed.mlpackage";
  ASSERT_TRUE(test::converted(checkpoint(), fixed, {.layout = "plain", .lengths = {64}}));
  for (const std::vector<int32_t>& tokens :
       {std::vector<int32_t>{300}, std::vector<int32_t>(64, 77)})
    EXPECT_THAT(last_row(one(), tokens),
                ::testing::Pointwise(::testing::FloatNear(1e-4F), last_row(fixed, tokens)))
        << tokens.size();
  ASSERT_TRUE(test::converted(checkpoint(), out(),
                              {.layout = "plain", .lengths = {1, 64}, .any_length = true}));
  EXPECT_EQ(test::opened(out(), runtime::Numerics::fp32)->info().context_length, 64);
}

TEST_F(Interface, S3_15_ARangeHasTwoEnds) {
  for (const std::vector<int64_t>& ends : {Shape2{}, Shape2{8}, Shape2{1, 8, 16}}) {
    const auto refused =
        convert(checkpoint(), out(), {.layout = "plain", .lengths = ends, .any_length = true});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  }
}

TEST_F(Interface, S3_47_BatchIsOneAndLengthsGoFromOneTo512) {
  for (const int64_t length : {1, 512}) {
    const auto package = made({.lengths = {length}});
    EXPECT_EQ(package.functions.at(0).inputs.at(0).shape, (Shape2{1, length}));
  }
}

TEST_F(Interface, S3_19_MacOs14CanBeTheLowestTarget) {
  const auto package = made({.lengths = {8}, .target = "macOS14"});
  EXPECT_EQ(package.specification_version, 8);
  EXPECT_EQ(package.program.functions.at(0).opset, "CoreML7");
  const auto systems = package::systems_of(package);
  ASSERT_TRUE(systems);
  EXPECT_EQ(systems->macos, "14");
  EXPECT_EQ(systems->ios, "17");
  const auto logits = last_row(one(), {5, 300, 77});
  EXPECT_EQ(made({.lengths = {8}}).specification_version, 9);
  EXPECT_EQ(last_row(one(), {5, 300, 77}), logits) << "the opset changes no result";
  for (const char* layout : {"anemone", "anemll", "stateful"}) {
    const auto refused = convert(checkpoint(), out(), {.layout = layout, .target = "iOS17"});
    ASSERT_FALSE(refused.ok()) << layout;
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_THAT(refused.error().to_string(), HasSubstr("states"));
  }
}

TEST_F(Interface, S4_29_LengthsOf512And1024And2048AreServed) {
  fs::create_directory(scratch_.path() / "long");
  for (const auto& entry : fs::directory_iterator(checkpoint()))
    fs::copy(entry.path(), scratch_.path() / "long" / entry.path().filename());
  auto config = nlohmann::json::parse(test::read_file(checkpoint() / "config.json"));
  config["max_position_embeddings"] = 2048;
  scratch_.write("long/config.json", config.dump());
  const std::vector<int64_t> lengths{512, 1024, 2048};
  ASSERT_TRUE(
      test::converted(scratch_.path() / "long", one(), {.layout = "plain", .lengths = lengths}));
  const auto package = package::open(one());
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  EXPECT_EQ(package->functions.at(0).inputs.at(0).enumerated_shapes,
            (std::vector<Shape2>{{1, 512}, {1, 1024}, {1, 2048}}));
  ASSERT_TRUE(
      test::converted(scratch_.path() / "long", out(), {.layout = "plain", .lengths = lengths}));
  for (const int64_t length : lengths) {
    const auto fixed = package::open(out() / ("model_seq" + std::to_string(length) + ".mlpackage"));
    ASSERT_TRUE(fixed.ok()) << fixed.error().to_string();
    EXPECT_EQ(fixed->functions.at(0).inputs.at(0).shape, (Shape2{1, length}));
  }
  EXPECT_EQ(test::opened(one(), runtime::Numerics::fp32)->info().context_length, 2048);
}

/// The type that a parameter of an operation has; null when it is not given.
const mil::TensorType* type_of(const mil::Function& function, const mil::Operation& operation,
                               std::string_view parameter) {
  const mil::Argument* argument = operation.find_input(parameter);
  if (argument == nullptr) return nullptr;
  const mil::Binding& binding = argument->bindings.at(0);
  if (!binding.is_name()) return &binding.value().type.tensor;
  for (const mil::Operation& other : function.block.operations)
    for (const mil::NamedType& output : other.outputs)
      if (output.name == binding.name()) return &output.type.tensor;
  return nullptr;
}

/// Symmetric: integers and a scale, no offset; fp16 wherever something is computed.
TEST_F(Interface, S3_36_S3_37_S4_30_LinearWeightsAndHalfActivations) {
  for (const auto& [spec, dtype] : {std::pair{"int8", DType::int8}, {"int4", DType::int4}}) {
    const auto package = made({.lengths = {8}, .quantize = spec});
    const mil::Function& function = package.program.functions.at(0);
    int compressed = 0;
    for (const mil::Operation& op : function.block.operations) {
      for (const auto& output : op.outputs)
        EXPECT_NE(output.type.tensor.dtype, DType::fp32) << op.display_name();
      if (op.type == "conv") {
        EXPECT_EQ(type_of(function, op, "x")->dtype, DType::fp16) << op.display_name();
        EXPECT_EQ(op.outputs[0].type.tensor.dtype, DType::fp16) << op.display_name();
      }
      if (op.type != "constexpr_blockwise_shift_scale") continue;
      ++compressed;
      ASSERT_NE(type_of(function, op, "data"), nullptr);
      EXPECT_EQ(type_of(function, op, "data")->dtype, dtype) << op.display_name();
      EXPECT_EQ(type_of(function, op, "scale")->dtype, DType::fp16) << op.display_name();
      EXPECT_EQ(type_of(function, op, "offset"), nullptr) << op.display_name();
    }
    EXPECT_EQ(compressed, 5 * 7 + 1) << spec << ": seven matrices a layer, and the head";
  }
}

TEST_F(Interface, S3_20_SymmetricInt8PerTensorHalvesTheSizeAtAStatedError) {
  ASSERT_TRUE(test::converted(checkpoint(), one(), {.layout = "plain", .lengths = {8}}));
  const auto size = [&] {
    return fs::file_size(one() / "Data/com.apple.CoreML/weights/weight.bin");
  };
  const auto dense = static_cast<double>(size());
  fs::remove_all(one());
  const auto report =
      convert(checkpoint(), one(),
              {.layout = "plain",
               .lengths = {8},
               .quantize = "ffn=int8:tensor,attn=int8:tensor,head=int8:tensor,embed=int8:tensor"});
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_LT(static_cast<double>(size()), 0.52 * dense);
  EXPECT_FALSE(report->weights.empty());
  for (const CompressedWeight& weight : report->weights) {
    ASSERT_TRUE(weight.relative_error) << weight.name;
    EXPECT_GT(*weight.relative_error, 0) << weight.name;
    EXPECT_LT(*weight.relative_error, 0.01) << weight.name;
  }
  const auto package = package::open(one());
  ASSERT_TRUE(package.ok()) << package.error().to_string();
  const mil::Function& function = package->program.functions.at(0);
  for (const mil::Operation& op : function.block.operations)
    if (op.type == "constexpr_blockwise_shift_scale") {
      EXPECT_EQ(type_of(function, op, "scale")->shape.element_count(), 1) << op.display_name();
      EXPECT_EQ(type_of(function, op, "offset"), nullptr) << op.display_name();
    }
}

}  // namespace
}  // namespace anemone
