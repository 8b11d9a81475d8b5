#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "anemone/language_model.h"
#include "model.h"
#include "token_ids.h"

namespace anemone::python {

using Logits = nanobind::ndarray<nanobind::numpy, float, nanobind::ndim<1>>;
using LogitsRows = nanobind::ndarray<nanobind::numpy, float, nanobind::ndim<2>>;
using Ids = nanobind::ndarray<nanobind::numpy, int32_t, nanobind::ndim<1>>;

/// A sequence that keeps its model alive. Each call is one of the model's serial calls.
class PySequence {
 public:
  PySequence(std::shared_ptr<SerialModel> owner, std::unique_ptr<lm::Sequence> sequence)
      : owner_(std::move(owner)), sequence_(std::move(sequence)) {}

  Logits prefill(TokenIds tokens);
  Logits predict(TokenIds token);
  LogitsRows extend_all(TokenIds tokens);
  void truncate(int64_t length);
  PySequence fork() const;
  Ids tokens() const;
  int64_t length() const { return sequence_->length(); }
  uint64_t size_bytes() const { return sequence_->size_bytes(); }

 private:
  size_t width() const { return static_cast<size_t>(owner_->model->info().vocab_size); }
  std::vector<float> extend(const std::vector<int32_t>& ids, lm::Rows rows);

  std::shared_ptr<SerialModel> owner_;
  std::unique_ptr<lm::Sequence> sequence_;
};

}  // namespace anemone::python
