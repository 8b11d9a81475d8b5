#include <gtest/gtest.h>

#include <map>

#include "mil/builder.h"
#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

/// Keeps what it sees of the values that it names.
class Keeper : public Observer {
 public:
  explicit Keeper(std::vector<std::string> names) : names_(std::move(names)) {}
  std::vector<std::string> wanted(const package::Package&, std::string_view) override {
    return names_;
  }
  Status observe(const Observation& seen) override {
    order.push_back(std::string(seen.value));
    values[order.back()] = numbers(seen.tensor);
    if (seen.value == refused) return Error{ErrorCode::interrupted, "no more", {}, {}};
    return {};
  }

  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> values;
  std::string refused;

 private:
  std::vector<std::string> names_;
};

/// `gone` reaches no result, `flat` is a view whose bytes the executor would give to others.
const std::string kProgram =
    function_text("tensor<fp32, [2, 2]> x",
                  "tensor<fp32, [2, 2]> gone = exp(x = x);\n"
                  "tensor<fp32, [2, 2]> twice = add(x = x, y = x);\n"
                  "tensor<fp32, [2, 2]> a = relu(x = twice);\n"
                  "tensor<fp32, [2, 2]> b = square(x = a);\n"
                  "tensor<fp32, [2, 2]> c = square(x = b);\n"
                  "tensor<fp32, [4]> flat = reshape(shape = tensor<int32, [1]>([4]), x = twice);\n"
                  "tensor<fp32, [2, 2]> y = add(x = c, y = c);",
                  "y");

std::shared_ptr<Model> load(const std::shared_ptr<Observer>& observer) {
  package::Package package;
  auto program = mil::parse(kProgram);
  EXPECT_TRUE(program.ok()) << program.error().to_string();
  package.program = *std::move(program);
  auto model = Model::load(std::move(package), Options{.threads = 1, .observer = observer});
  EXPECT_TRUE(model.ok()) << model.error().to_string();
  return *model;
}

std::vector<double> result_of(Model& model) {
  constexpr float kX[] = {1, -2, 3, 0.5};
  const NamedTensor inputs[] = {
      {"x", Tensor::from_values(DType::fp32, {2, 2}, std::span<const float>(kX))}};
  const auto outputs = model.predict("main", inputs, nullptr);
  EXPECT_TRUE(outputs.ok()) << outputs.error().to_string();
  return outputs.ok() ? numbers((*outputs)[0].tensor) : std::vector<double>{};
}

TEST(Observer, SeesValuesAsTheyAreMadeAndChangesNone) {
  const auto keeper =
      std::make_shared<Keeper>(std::vector<std::string>{"flat", "x", "gone", "a", "unknown"});
  EXPECT_EQ(result_of(*load(keeper)), result_of(*load(nullptr)));
  EXPECT_EQ(keeper->order, (std::vector<std::string>{"x", "gone", "a", "flat"}));
  EXPECT_EQ(keeper->values["x"], (std::vector<double>{1, -2, 3, 0.5}));
  EXPECT_FLOAT_EQ(static_cast<float>(keeper->values["gone"][0]), std::exp(1.0f));
  EXPECT_EQ(keeper->values["a"], (std::vector<double>{2, 0, 6, 1}));
  EXPECT_EQ(keeper->values["flat"], (std::vector<double>{2, -4, 6, 1}));
}

TEST(Observer, AnErrorEndsTheRun) {
  const auto keeper = std::make_shared<Keeper>(std::vector<std::string>{"a", "c"});
  keeper->refused = "a";
  const auto model = load(keeper);
  const NamedTensor inputs[] = {{"x", Tensor::zeros(DType::fp32, {2, 2})}};
  const auto outputs = model->predict("main", inputs, nullptr);
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().code, ErrorCode::interrupted);
  EXPECT_EQ(keeper->order, std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace anemone::runtime
