// Lanes in lockstep compute what each computes alone: the same bits, whatever their number, the
// threads and the numerics.

#include "runtime/lockstep.h"

#include <gtest/gtest.h>

#include <cstring>

#include "runtime/anemll_model.h"
#include "runtime/planned_program.h"
#include "runtime/share_work.h"
#include "runtime/used_rows.h"

namespace anemone::runtime {
namespace {

std::unique_ptr<Runner> prepare(Model& model, const char* function) {
  auto runner = model.prepare(function, {});
  EXPECT_TRUE(runner.ok()) << runner.error().to_string();
  return runner.ok() ? *std::move(runner) : nullptr;
}

/// Every input a function of its lane; the position is one that every lane has reached.
void feed(Runner& runner, size_t lane, int64_t position) {
  Tensor& hidden = *runner.input("hidden_states");
  for (int64_t i = 0; i < hidden.element_count(); ++i)
    hidden.set(i, static_cast<double>((i * 7 + static_cast<int64_t>(lane) * 13) % 31 - 15) / 8);
  if (Tensor* mask = runner.input("causal_mask")) AnemllModel::fill_mask(*mask, position);
  for (const char* name : {"position_ids", "current_pos"})
    if (Tensor* tensor = runner.input(name)) tensor->set(0, static_cast<double>(position));
}

void expect_same(const Runner& a, const Runner& b) {
  for (const std::string& name : a.output_names()) {
    const auto x = a.output(name)->bytes();
    const auto y = b.output(name)->bytes();
    EXPECT_TRUE(std::ranges::equal(x, y)) << name;
  }
}

class LockstepOf : public testing::TestWithParam<std::tuple<Numerics, int>> {
 protected:
  /// Runs each number of lanes in turn, of the same sequences.
  static void compare(const char* function, const std::vector<size_t>& numbers_of_lanes) {
    const auto [numerics, threads] = GetParam();
    const std::filesystem::path path =
        std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
    auto opened = AnemllModel::load(path, {.numerics = numerics, .threads = threads});
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    Model& model = opened->chunk(0);
    const auto alone = prepare(model, function);
    std::vector<std::unique_ptr<Runner>> owned;
    std::vector<Runner*> runners;
    std::vector<State> states;
    std::vector<State*> pointers;
    std::vector<State> separate;
    for (size_t lane = 0; lane < std::ranges::max(numbers_of_lanes); ++lane) {
      owned.push_back(prepare(model, function));
      runners.push_back(owned.back().get());
      states.push_back(model.new_state());
      separate.push_back(model.new_state());
    }
    for (State& state : states) pointers.push_back(&state);
    for (const size_t lanes : numbers_of_lanes) {
      const auto position = static_cast<int64_t>(lanes) - 1;
      for (size_t lane = 0; lane < lanes; ++lane) feed(*runners[lane], lane, position);
      const Status status =
          run_lockstep(std::span(runners).first(lanes), std::span(pointers).first(lanes));
      ASSERT_TRUE(status.ok()) << status.error().to_string();
      for (size_t lane = 0; lane < lanes; ++lane) {
        feed(*alone, lane, position);
        ASSERT_TRUE(alone->run(&separate[lane]).ok());
        expect_same(*alone, *runners[lane]);
        for (size_t i = 0; i < states[lane].tensors().size(); ++i)
          EXPECT_TRUE(std::ranges::equal(states[lane].tensors()[i].tensor.bytes(),
                                         separate[lane].tensors()[i].tensor.bytes()))
              << lane << " of " << lanes;
      }
    }
  }
};

/// So many that each of three threads has lanes of its own.
TEST_P(LockstepOf, LanesHaveTheBitsOfSeparateRuns) {
  compare("infer", {1, 2, 3, 4, 5, 6, 7, 8, 9, 13});
}

TEST_P(LockstepOf, BlocksHaveTheBitsOfSeparateRuns) { compare("prefill", {1, 2, 5}); }

/// How many positions of each sequence are lanes, and how many it has behind it.
using Sequences = std::vector<std::pair<size_t, int64_t>>;

/// Threads have lanes of their own (8 lanes of three sequences), share the steps of too few lanes
/// (7) or of a sequence with nearly all lanes (more rows than one product takes), or have groups
/// that end before (3 of 12 behind 9) or behind the middle.
TEST_P(LockstepOf, PositionsOfOneStateHaveTheBitsOfOneAfterTheOther) {
  const auto [numerics, threads] = GetParam();
  const std::filesystem::path path =
      std::filesystem::path(ANEMONE_SOURCE_DIR) / "models/anemone-tiny-anemll";
  auto opened = AnemllModel::load(path, {.numerics = numerics, .threads = threads});
  ASSERT_TRUE(opened.ok()) << opened.error().to_string();
  Model& model = opened->chunk(0);
  const auto alone = prepare(model, "infer");
  ASSERT_TRUE(passes_over_unused_rows(*alone));
  std::vector<std::unique_ptr<Runner>> owned;
  for (const Sequences& sequences :
       {Sequences{{5, 0}, {2, 3}, {1, 0}}, Sequences{{5, 0}, {2, 3}}, Sequences{{100, 0}},
        Sequences{{101, 2}, {1, 0}}, Sequences{{5, 1}, {4, 0}, {3, 0}}}) {
    std::vector<State> states;
    std::vector<State> separate;
    states.reserve(sequences.size());  // pointed to
    std::vector<Runner*> runners;
    std::vector<State*> pointers;
    std::vector<std::pair<size_t, int64_t>> lanes;  // sequence and position
    for (size_t at = 0; at < sequences.size(); ++at) {
      states.push_back(model.new_state());
      separate.push_back(model.new_state());
      for (int64_t position = 0; position < sequences[at].second; ++position)
        for (auto* all : {&states, &separate}) {
          feed(*alone, 9, position);
          ASSERT_TRUE(alone->run(&(*all)[at]).ok());
        }
      for (size_t i = 0; i < sequences[at].first; ++i) {
        lanes.emplace_back(at, sequences[at].second + static_cast<int64_t>(i));
        if (owned.size() < lanes.size()) owned.push_back(prepare(model, "infer"));
        runners.push_back(owned[lanes.size() - 1].get());
        pointers.push_back(&states[at]);
        feed(*runners.back(), lanes.size() - 1, lanes.back().second);
        promise_used_rows(*runners.back(), lanes.back().second);
      }
    }
    ASSERT_TRUE(run_lockstep(runners, pointers).ok());
    for (size_t lane = 0; lane < lanes.size(); ++lane) {
      feed(*alone, lane, lanes[lane].second);
      ASSERT_TRUE(alone->run(&separate[lanes[lane].first]).ok());
      expect_same(*alone, *runners[lane]);
      EXPECT_EQ(used_rows(*runners[lane]), lanes[lane].second + 1);
    }
    for (size_t i = 0; i < sequences.size(); ++i)
      EXPECT_TRUE(std::ranges::equal(states[i].tensors()[0].tensor.bytes(),
                                     separate[i].tensors()[0].tensor.bytes()))
          << i << " of " << lanes.size() << " lanes";
  }
}

/// Also where the work of one calls for more.
TEST_P(LockstepOf, WorkIsSharedOnce) {
  PlannedProgram program(
      function_text("tensor<fp16, [2]> x", "    tensor<fp16, [2]> y = add(x = x, y = x);\n", "y"),
      Numerics::fp16, {}, std::get<1>(GetParam()));
  std::vector<int> calls(100, 0);
  share_work(program.runner(), calls.size(),
             [&](size_t i) { share_work(program.runner(), 2, [&](size_t) { ++calls[i]; }); });
  EXPECT_EQ(calls, std::vector<int>(100, 2));
  share_work(program.runner(), 0, [](size_t) { FAIL(); });
}

INSTANTIATE_TEST_SUITE_P(NumericsAndThreads, LockstepOf,
                         testing::Combine(testing::Values(Numerics::fp16, Numerics::fp32),
                                          testing::Values(1, 2, 3)));

std::string constant(int64_t rows, int64_t columns) {
  std::string text =
      "tensor<fp16, [" + std::to_string(rows) + ", " + std::to_string(columns) + "]>([";
  for (int64_t i = 0; i < rows; ++i) {
    text += i == 0 ? "[" : ", [";
    for (int64_t k = 0; k < columns; ++k)
      text += (k == 0 ? "" : ", ") + std::to_string((i * 3 + k * 5) % 17 - 8) + ".0";
    text += "]";
  }
  return text + "])";
}

TEST(Lockstep, RowsOfALaneStayTogetherAndAnErrorIsTheLanes) {
  const std::string body =
      "    tensor<fp16, [2, 40]> x = gather(x = " + constant(3, 40) +
      ", indices = rows, axis = int32(0), batch_dims = int32(0), validate_indices = "
      "bool(true));\n"
      "    tensor<fp16, [2, 21]> y = linear(x = x, weight = " +
      constant(21, 40) + ");\n";
  const std::string text = function_text("tensor<int32, [2]> rows", body, "y");
  PlannedProgram program(text, Numerics::fp16, {}, 2, &kernels::kernel_sets().back());
  ASSERT_EQ(program.error(), "");
  std::vector<std::unique_ptr<PlanRunner>> owned;
  std::vector<Runner*> runners;
  std::vector<State> states(3);
  std::vector<State*> pointers;
  for (size_t lane = 0; lane < 3; ++lane) {
    owned.push_back(program.another_runner());
    runners.push_back(owned.back().get());
    pointers.push_back(&states[lane]);
    owned.back()->input("rows")->set(0, static_cast<double>(lane));
    owned.back()->input("rows")->set(1, static_cast<double>(2 - lane));
  }
  ASSERT_TRUE(run_lockstep(runners, pointers).ok());
  for (size_t lane = 0; lane < 3; ++lane) {
    const auto expected = program.run({{static_cast<double>(lane), static_cast<double>(2 - lane)}});
    EXPECT_EQ(numbers(*runners[lane]->output("y")), numbers(expected[0])) << lane;
  }
  runners[1]->input("rows")->set(0, 3);
  const Status status = run_lockstep(runners, pointers);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::out_of_range) << status.error().to_string();
  runners[1]->input("rows")->set(0, 1);
  EXPECT_TRUE(run_lockstep(runners, pointers).ok());
}

TEST(Lockstep, LanesKeepTheMemoryLimit) {
  auto program = mil::parse(function_text("tensor<fp16, [100]> x",
                                          "    tensor<fp16, [100]> y = add(x = x, y = x);\n", "y"));
  ASSERT_TRUE(program.ok()) << program.error().to_string();
  const Shape shapes[] = {Shape{100}};
  Weights weights;
  const auto plan = [&](uint64_t limit) {
    return *make_plan({.function = *program->find_function("main"),
                       .input_shapes = shapes,
                       .kernels = &kernels::kernel_sets().back(),
                       .weights = &weights,
                       .memory_limit_bytes = limit});
  };
  ThreadPool pool(1);
  const uint64_t lane_bytes = plan(1 << 20)->lockstep.bytes;
  for (const bool fits : {false, true}) {
    const auto limited = plan(2 * lane_bytes - (fits ? 0 : 1));
    PlanRunner one(limited, pool, nullptr);
    PlanRunner two(limited, pool, nullptr);
    one.input("x")->set(7, 1);
    two.input("x")->set(7, 2);
    Runner* const runners[] = {&one, &two};
    State* const states[] = {nullptr, nullptr};
    ASSERT_TRUE(run_lockstep(runners, states).ok());
    EXPECT_EQ(one.output("y")->at(7), 2);
    EXPECT_EQ(two.output("y")->at(7), 4);
    const bool side_by_side = two.output("y")->bytes().data() ==
                              one.output("y")->bytes().data() + one.output("y")->bytes().size();
    EXPECT_EQ(side_by_side, fits);
  }
}

/// A promise is for one run, also where that fails before it comes to a lane.
TEST(Lockstep, AFailureTakesPromisesBack) {
  PlannedProgram program(function_text("state<tensor<fp16, [4, 2]>> s, tensor<fp16, [1, 2]> u",
                                       "tensor<fp16, [4, 2]> a = read_state(input = s);\n"
                                       "tensor<fp16, [4, 2]> b = slice_update(x = a, update = u, "
                                       "begin = tensor<int32, [2]>([1, 0]), end = "
                                       "tensor<int32, [2]>([2, 2]));\n"
                                       "write_state(data = b, input = s);\n"
                                       "tensor<fp16, [1, 2]> y = relu(x = u);",
                                       "y"),
                         Numerics::fp16, {}, 1, &kernels::kernel_sets().back());
  ASSERT_EQ(program.error(), "");
  const auto other = program.another_runner();
  Runner* const runners[] = {&program.runner(), other.get()};
  State* const states[] = {nullptr, &program.state()};
  for (Runner* runner : runners) promise_used_rows(*runner, 1);
  ASSERT_FALSE(run_lockstep(runners, states).ok());
  ASSERT_TRUE(other->run(&program.state()).ok());
  EXPECT_EQ(used_rows(*other), 4);
}

TEST(Lockstep, RunnersOfDifferentPlansRunOneAfterTheOther) {
  const auto text = [](const char* number) {
    return function_text(
        "tensor<fp16, [2]> x",
        std::string("    tensor<fp16, [2]> y = add(x = x, y = fp16(") + number + "));\n", "y");
  };
  PlannedProgram one(text("1"));
  PlannedProgram two(text("2"));
  one.fill({{1, 2}});
  two.fill({{1, 2}});
  Runner* const runners[] = {&one.runner(), &two.runner()};
  State* const states[] = {&one.state(), &two.state()};
  ASSERT_TRUE(run_lockstep(runners, states).ok());
  EXPECT_EQ(numbers(*runners[0]->output("y")), (std::vector<double>{2, 3}));
  EXPECT_EQ(numbers(*runners[1]->output("y")), (std::vector<double>{3, 4}));
}

/// Whoever is left out keeps inputs and results, and whoever comes back finds room of its own.
TEST(Lockstep, RunnersComeAndGo) {
  PlannedProgram program(function_text("tensor<fp16, [2]> x",
                                       "    tensor<fp16, [2]> z = mul(x = x, y = fp16(2));\n"
                                       "    tensor<fp16, [2]> y = add(x = z, y = x);\n",
                                       "y"),
                         Numerics::fp16, {}, 2, &kernels::kernel_sets().back());
  ASSERT_EQ(program.error(), "");
  std::vector<std::unique_ptr<PlanRunner>> owned;
  std::vector<State> states(3);
  for (size_t i = 0; i < 3; ++i) owned.push_back(program.another_runner());
  std::vector<double> given(3);
  double next = 1;
  const auto fill = [&](size_t i) {
    given[i] = next++;
    owned[i]->input("x")->set(0, given[i]);
    owned[i]->input("x")->set(1, -given[i]);
  };
  const auto run = [&](const std::vector<size_t>& those) {
    std::vector<Runner*> runners;
    std::vector<State*> pointers;
    for (const size_t i : those) {
      runners.push_back(owned[i].get());
      pointers.push_back(&states[i]);
    }
    ASSERT_TRUE(run_lockstep(runners, pointers).ok());
  };
  const auto expect_all = [&](const char* when) {
    for (size_t i = 0; i < 3; ++i)
      EXPECT_EQ(numbers(*owned[i]->output("y")), (std::vector<double>{3 * given[i], -3 * given[i]}))
          << when << ' ' << i;
  };
  for (const size_t i : {0u, 1u, 2u}) fill(i);
  run({0, 1, 2});
  expect_all("first");
  for (const size_t i : {0u, 2u}) fill(i);
  run({0, 2});
  expect_all("without one");
  for (const size_t i : {1u, 2u, 0u}) fill(i);
  run({0, 1, 2});
  expect_all("again");
  for (const size_t i : {2u, 1u}) fill(i);
  run({2, 1});
  expect_all("led by another");
  fill(0);
  ASSERT_TRUE(owned[0]->run(&states[0]).ok());
  expect_all("alone");
}

TEST(Lockstep, BlocksWithoutElementsAreNoWork) {
  PlannedProgram program(
      function_text("tensor<fp16, [1, 4]> x",
                    "    tensor<fp16, [1, 0]> none = slice_by_index(x = x, begin = tensor<int32, "
                    "[2]>([0, 2]), end = tensor<int32, [2]>([1, 2]));\n"
                    "    tensor<fp16, [1, 4]> y = concat(values = (none, x), axis = int32(1), "
                    "interleave = bool(false));\n",
                    "y"),
      Numerics::fp16, {}, 2, &kernels::kernel_sets().back());
  ASSERT_EQ(program.error(), "");
  ASSERT_EQ(program.count_steps(StepKind::bound), 1);
  const auto other = program.another_runner();
  Runner* const runners[] = {&program.runner(), other.get()};
  State states[2];
  State* const pointers[] = {&states[0], &states[1]};
  for (Runner* runner : runners)
    for (int64_t i = 0; i < 4; ++i) runner->input("x")->set(i, static_cast<double>(i + 1));
  ASSERT_TRUE(run_lockstep(runners, pointers).ok());
  for (const Runner* runner : runners)
    EXPECT_EQ(numbers(*runner->output("y")), (std::vector<double>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace anemone::runtime
