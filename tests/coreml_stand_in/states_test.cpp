#include "coreml_stand_in/backend_fixture.h"

namespace anemone {
namespace {

using stand_in::journal;
using stand_in::orders;

/// The same calls through Core ML and on the executor.
class CoremlStates : public test::BackendFixture {
 protected:
  void SetUp() override {
    auto model = load(chunk());
    auto executor = load_executor(chunk());
    ASSERT_TRUE(model.ok() && executor.ok());
    model_ = *std::move(model);
    executor_ = *std::move(executor);
    for (const char* name : {"infer", "prefill"}) {
      ours_.push_back(*model_->prepare(name, {}));
      theirs_.push_back(*executor_->prepare(name, {}));
    }
    state_ = model_->new_state();
    expected_ = executor_->new_state();
  }

  /// Runs function 0 (infer) or 1 (prefill) at a position on both.
  void run(size_t which, int64_t position) {
    for (auto* side : {&ours_, &theirs_}) {
      runtime::Runner& runner = *(*side)[which];
      fill(runner, *model_->package().find_function(which == 0 ? "infer" : "prefill"), position);
      Tensor& mask = *runner.input("causal_mask");
      for (int64_t i = 0; i < mask.element_count(); ++i) mask.set(i, 0);
      runner.input("current_pos")->set(0, static_cast<double>(position));
      Tensor& positions = *runner.input("position_ids");
      for (int64_t i = 0; i < positions.element_count(); ++i)
        positions.set(i, static_cast<double>(position + i));
      const Status status = runner.run(side == &ours_ ? &state_ : &expected_);
      ASSERT_TRUE(status.ok()) << status.error().to_string();
    }
    const auto& name = ours_[which]->output_names()[0];
    EXPECT_TRUE(has_same_bytes(*ours_[which]->output(name), *theirs_[which]->output(name)))
        << position;
  }
  bool states_agree() {
    return has_same_bytes(state_.tensors()[0].tensor, expected_.tensors()[0].tensor);
  }

  std::shared_ptr<runtime::Model> model_;
  std::shared_ptr<runtime::Model> executor_;
  std::vector<std::unique_ptr<runtime::Runner>> ours_;
  std::vector<std::unique_ptr<runtime::Runner>> theirs_;
  runtime::State state_;
  runtime::State expected_;
};

TEST_F(CoremlStates, S4_23_CallsUpdateTheStateInPlaceAndCopyNothing) {
  run(1, 0);
  const int touched = journal().states_touched;
  EXPECT_EQ(touched, 1);  // the zeros it began with.
  for (const int64_t position : {64, 65, 66}) run(0, position);
  run(1, 67);
  EXPECT_EQ(journal().states_touched, touched);
  EXPECT_EQ(journal().states_made, 1);  // both functions share it.
  EXPECT_TRUE(states_agree());
  EXPECT_EQ(journal().states_touched, touched + 1);
}

TEST_F(CoremlStates, WhatIsWrittenIntoTheTensorsCounts) {
  run(0, 0);
  run(0, 1);
  for (runtime::State* state : {&state_, &expected_}) {
    Tensor& cache = state->tensors()[0].tensor;
    for (int64_t i = 0; i < cache.element_count(); i += 64) cache.set(i, 0.5);
  }
  run(0, 2);
  EXPECT_TRUE(states_agree());
}

TEST_F(CoremlStates, ReadingLeavesThemWhereTheyAre) {
  run(0, 0);
  const int touched = journal().states_touched;
  const runtime::State& read = state_;
  EXPECT_FALSE(read.tensors().empty());
  EXPECT_FALSE(read.tensors().empty());
  run(0, 1);
  EXPECT_EQ(journal().states_touched, touched + 1);
  EXPECT_TRUE(states_agree());
}

TEST_F(CoremlStates, ACopyIsIndependent) {
  run(0, 0);
  const runtime::State kept = state_.clone();
  const runtime::State kept_expected = expected_.clone();
  run(0, 1);
  state_ = kept.clone();
  expected_ = kept_expected.clone();
  run(0, 2);
  EXPECT_TRUE(states_agree());
  state_.reset();
  expected_.reset();
  run(0, 3);
  EXPECT_TRUE(states_agree());
}

TEST_F(CoremlStates, PaddedBuffersAreReadAndWrittenByTheirStrides) {
  orders().row_padding = 5;
  run(1, 0);
  EXPECT_TRUE(states_agree());
  state_.tensors()[0].tensor.set(3, 1);
  expected_.tensors()[0].tensor.set(3, 1);
  run(0, 64);
  EXPECT_TRUE(states_agree());
}

TEST_F(CoremlStates, AStateGoesFromOneBackendToTheOther) {
  run(0, 0);
  fill(*theirs_[0], *model_->package().find_function("infer"), 9);
  ASSERT_TRUE(theirs_[0]->run(&state_).ok());
  ASSERT_TRUE(theirs_[0]->run(&expected_).ok());
  run(0, 1);
  EXPECT_TRUE(states_agree());
}

TEST_F(CoremlStates, ContentsThatCoreMLDoesNotGiveBackAreLostInEveryCopyUntilReset) {
  run(0, 0);
  orders().loses_states = true;
  runtime::State copy = state_.clone();
  const Status status = copy.sync();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("the buffer is gone"), std::string::npos);
  orders().loses_states = false;  // what was copied stays what it was.
  for (runtime::State* state : {&copy, &state_}) {
    EXPECT_EQ(ours_[0]->run(state).error().code, ErrorCode::io);
    EXPECT_EQ(theirs_[0]->run(state).error().code, ErrorCode::io);
  }
  state_.reset();
  expected_.reset();
  run(0, 0);
  EXPECT_TRUE(states_agree());
}

TEST_F(CoremlStates, AStateOfAnotherShapeIsRefused) {
  const auto tensors = state_.tensors();
  runtime::State other(std::vector<NamedTensor>{
      {tensors[0].name, Tensor::zeros(tensors[0].tensor.dtype(), {1, 2, 3})}});
  const Status status = ours_[0]->run(&other);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::mismatch);
  EXPECT_NE(status.error().message.find("expected"), std::string::npos);
  EXPECT_EQ(journal().states_made, 0);
}

TEST_F(CoremlStates, AStateThatLacksOneIsRefused) {
  EXPECT_EQ(ours_[0]->run(nullptr).error().code, ErrorCode::mismatch);
  runtime::State other;
  const Status status = ours_[0]->run(&other);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::mismatch);
  EXPECT_NE(status.error().message.find("model_model_kv_cache_0"), std::string::npos);
}

}  // namespace
}  // namespace anemone
