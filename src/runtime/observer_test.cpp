#include <gtest/gtest.h>

#include <map>

#include "mil/builder.h"
#include "runtime/lane_observer.h"
#include "runtime/planned_program.h"

namespace anemone::runtime {
namespace {

/// Keeps what it sees of the values that it names.
template <typename Base>
class KeeperOf : public Base {
 public:
  explicit KeeperOf(std::vector<std::string> names) : names_(std::move(names)) {}
  std::vector<std::string> wanted(const package::Package&, std::string_view) override {
    return names_;
  }
  Status observe(const Observation& seen) override {
    order.push_back(std::string(seen.value));
    values[order.back()] = numbers(seen.tensor);
    sums.push_back(values[order.back()][0] + values[order.back()][1]);
    if (seen.value == refused) return Error{ErrorCode::interrupted, "no more", {}, {}};
    return {};
  }

  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> values;
  std::vector<double> sums;  ///< of the first two elements of each.
  std::string refused;

 private:
  std::vector<std::string> names_;
};
using Keeper = KeeperOf<Observer>;
using LaneKeeper = KeeperOf<LaneObserver>;

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

/// The results of three Runners in lockstep, whose inputs are 1, 10 and 100 times the same.
std::vector<std::vector<double>> results_in_lockstep(Model& model) {
  std::vector<std::unique_ptr<Runner>> owned;
  std::vector<Runner*> runners;
  for (const double scale : {1.0, 10.0, 100.0}) {
    owned.push_back(std::move(*model.prepare("main", {})));
    runners.push_back(owned.back().get());
    for (int64_t i = 0; i < 4; ++i)
      runners.back()->input("x")->set(i, scale * (2 - 1.5 * static_cast<double>(i)));
  }
  const std::vector<State*> states(3, nullptr);
  const Status status = run_lockstep(runners, states);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  std::vector<std::vector<double>> results;
  for (Runner* runner : runners) results.push_back(numbers(*runner->output("y")));
  return results;
}

TEST(Observer, OfLanesSeesTheFirstOfThoseInLockstep) {
  const std::vector<std::string> names{"flat", "x", "gone", "y"};
  const auto lanes = std::make_shared<LaneKeeper>(names);
  const auto each = std::make_shared<Keeper>(names);
  const auto results = results_in_lockstep(*load(nullptr));
  EXPECT_EQ(results_in_lockstep(*load(lanes)), results);
  EXPECT_EQ(results_in_lockstep(*load(each)), results);
  const std::vector<std::string> order{"x", "gone", "flat", "y"};
  EXPECT_EQ(lanes->order, order);
  EXPECT_EQ(lanes->values["x"], (std::vector<double>{2, 0.5, -1, -2.5}));
  EXPECT_EQ(lanes->values["y"], results[0]);
  ASSERT_EQ(each->order.size(), 12U);
  EXPECT_EQ(each->sums[0], 2.5);
  EXPECT_EQ(each->sums[4], 25);
  EXPECT_EQ(each->sums[8], 250);
}

TEST(Observer, OfLanesEndsTheRunOfAllWithItsError) {
  const auto keeper = std::make_shared<LaneKeeper>(std::vector<std::string>{"a", "c"});
  keeper->refused = "a";
  const auto model = load(keeper);
  const auto first = std::move(*model->prepare("main", {}));
  const auto second = std::move(*model->prepare("main", {}));
  Runner* const runners[] = {first.get(), second.get()};
  State* const states[] = {nullptr, nullptr};
  const Status status = run_lockstep(runners, states);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::interrupted);
  EXPECT_EQ(keeper->order, std::vector<std::string>{"a"});
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
