#pragma once

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "anemone/model.h"

namespace anemone::runtime {

/// For tests: the packages of an ANEMLL directory, run one token (or one block) after the other,
/// with nothing but Model and Runner.
class AnemllModel {
 public:
  static Result<AnemllModel> load(const std::filesystem::path& path, const Options& options) {
    AnemllModel model;
    std::vector<std::filesystem::path> packages;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (entry.path().extension() == ".mlpackage") packages.push_back(entry.path());
    std::ranges::sort(packages);
    for (const auto& file : packages) {
      ANEMONE_TRY(auto part, load_package(file, options));
      const std::string name = file.stem().string();
      if (name.find("_embeddings") != std::string::npos)
        model.embeddings_ = std::move(part);
      else if (name.find("_lm_head") != std::string::npos)
        model.head_ = std::move(part);
      else
        model.chunks_.push_back(std::move(part));
    }
    ANEMONE_RETURN_IF_ERROR(prepare(*model.embeddings_, "main", model.embed_));
    ANEMONE_RETURN_IF_ERROR(prepare(*model.head_, "main", model.logits_));
    for (const auto& chunk : model.chunks_) {
      model.steps_.emplace_back();
      ANEMONE_RETURN_IF_ERROR(prepare(*chunk, "infer", model.steps_.back()));
    }
    model.state_ = model.chunks_[0]->new_state();
    return model;
  }

  /// The logits after `token` at `position`.
  Result<std::vector<float>> step(int32_t token, int64_t position) {
    embed_->input("input_ids")->set(0, token);
    ANEMONE_RETURN_IF_ERROR(embed_->run(nullptr));
    const Tensor* hidden = embed_->output("hidden_states");
    for (const auto& chunk : steps_) {
      copy(*hidden, *chunk->input("hidden_states"));
      for (const char* name : {"position_ids", "current_pos"})
        if (Tensor* place = chunk->input(name)) place->set(0, static_cast<double>(position));
      fill_mask(*chunk->input("causal_mask"), position);
      ANEMONE_RETURN_IF_ERROR(chunk->run(&state_));
      hidden = chunk->output("output_hidden_states");
    }
    copy(*hidden, *logits_->input("hidden_states"));
    ANEMONE_RETURN_IF_ERROR(logits_->run(nullptr));
    std::vector<float> result;
    for (size_t part = 1; part <= logits_->output_names().size(); ++part) {
      const Tensor& values = *logits_->output("logits" + std::to_string(part));
      for (int64_t i = 0; i < values.element_count(); ++i)
        result.push_back(static_cast<float>(values.at(i)));
    }
    return result;
  }

  /// Carries tokens[0 …], a full block, by `prefill`.
  Status block(const std::vector<int32_t>& tokens, int64_t position) {
    const auto rows = static_cast<int64_t>(tokens.size());
    const Model::InputShape shape[] = {{"input_ids", Shape{1, rows}}};
    ANEMONE_TRY(const auto embed, embeddings_->prepare("main", shape));
    for (int64_t i = 0; i < rows; ++i)
      embed->input("input_ids")->set(i, tokens[static_cast<size_t>(i)]);
    ANEMONE_RETURN_IF_ERROR(embed->run(nullptr));
    Tensor hidden = embed->output("hidden_states")->clone();
    for (const auto& chunk : chunks_) {
      ANEMONE_TRY(const auto prefill, chunk->prepare("prefill", {}));
      copy(hidden, *prefill->input("hidden_states"));
      for (int64_t i = 0; i < rows; ++i)
        prefill->input("position_ids")->set(i, static_cast<double>(position + i));
      prefill->input("current_pos")->set(0, static_cast<double>(position));
      fill_mask(*prefill->input("causal_mask"), position);
      ANEMONE_RETURN_IF_ERROR(prefill->run(&state_));
      hidden = prefill->output("output_hidden_states")->clone();
    }
    return {};
  }

  State& state() { return state_; }
  Model& chunk(size_t i) { return *chunks_[i]; }
  Runner& infer(size_t i) { return *steps_[i]; }
  Runner& embed() { return *embed_; }
  Runner& head() { return *logits_; }

  static void fill_mask(Tensor& mask, int64_t first) {
    const int64_t columns = mask.shape()[mask.shape().rank() - 1];
    for (int64_t i = 0; i < mask.element_count(); ++i)
      mask.set(i,
               i % columns <= first + i / columns ? 0.0 : -std::numeric_limits<double>::infinity());
  }

  static void copy(const Tensor& from, Tensor& to) {
    for (int64_t i = 0; i < to.element_count(); ++i) to.set(i, from.at(i));
  }

 private:
  static Result<std::shared_ptr<Model>> load_package(const std::filesystem::path& path,
                                                     const Options& options) {
    ANEMONE_TRY(package::Package package, package::open(path));
    return Model::load(std::move(package), options);
  }
  static Status prepare(Model& model, std::string_view function, std::unique_ptr<Runner>& runner) {
    ANEMONE_TRY(runner, model.prepare(function, {}));
    return {};
  }

  std::shared_ptr<Model> embeddings_, head_;
  std::vector<std::shared_ptr<Model>> chunks_;
  std::unique_ptr<Runner> embed_, logits_;
  std::vector<std::unique_ptr<Runner>> steps_;
  State state_;
};

}  // namespace anemone::runtime
