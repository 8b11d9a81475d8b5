#include "sequence.h"

#include <nanobind/stl/string.h>

#include <string>

#include "array.h"
#include "failure.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace anemone::python {

RunningCall::RunningCall(SerialModel& model) : model_(model) {
  if (model.running.exchange(true, std::memory_order_acquire))
    throw Failure({ErrorCode::invalid_argument,
                   "another call of this model is still running: calls are serial",
                   {},
                   "wait for it, or open the model a second time"});
}

std::vector<float> PySequence::extend(const std::vector<int32_t>& ids, lm::Rows rows) {
  if (ids.empty())
    throw Failure({ErrorCode::invalid_argument, "no token to run", {}, "give one id at least"});
  const RunningCall call(*owner_);
  const nb::gil_scoped_release release;
  std::vector<float> logits((rows == lm::Rows::all ? ids.size() : 1) * width());
  take(owner_->model->extend(*sequence_, ids, rows, logits));
  return logits;
}

Logits PySequence::prefill(TokenIds tokens) {
  return to_numpy<float, nb::ndim<1>>(extend(token_ids(tokens), lm::Rows::last), {width()});
}

Logits PySequence::predict(TokenIds token) {
  const auto ids = token_ids(token);
  if (ids.size() != 1)
    throw nb::value_error(
        ("predict: " + std::to_string(ids.size()) + " tokens, expected one; prefill takes many")
            .c_str());
  return to_numpy<float, nb::ndim<1>>(extend(ids, lm::Rows::last), {width()});
}

LogitsRows PySequence::extend_all(TokenIds tokens) {
  const auto ids = token_ids(tokens);
  return to_numpy<float, nb::ndim<2>>(extend(ids, lm::Rows::all), {ids.size(), width()});
}

void PySequence::truncate(int64_t length) {
  if (length < 0 || length > sequence_->length())
    throw Failure({ErrorCode::out_of_range,
                   "truncate to " + std::to_string(length) + ", the sequence has " +
                       std::to_string(sequence_->length()) + " tokens",
                   {},
                   {}});
  const RunningCall call(*owner_);
  sequence_->truncate(length);
}

PySequence PySequence::fork() const {
  const RunningCall call(*owner_);
  return {owner_, sequence_->fork()};
}

Ids PySequence::tokens() const {
  const auto all = sequence_->tokens();
  return to_numpy<int32_t, nb::ndim<1>>({all.begin(), all.end()}, {all.size()});
}

void bind_sequence(nb::module_& module) {
  nb::class_<PySequence>(module, "Sequence",
                         R"(One sequence: its tokens so far and the model's memory of them.

Made by `Model.new_sequence`. Calls on one model's sequences are serial: a call while another one
runs raises Error.)")
      .def("prefill", &PySequence::prefill, "ids"_a,
           R"(Appends ids [T] and returns the logits after the last of them: float32 [V].

The tokens run in blocks of the model's size, padded as the package wants it; the result is that of
`predict` on each of them.)")
      .def("predict", &PySequence::predict, "token"_a,
           "Appends one token and returns the logits after it: float32 [V].")
      .def("extend", &PySequence::extend_all, "ids"_a,
           "Appends ids [T] and returns the logits after each of them: float32 [T, V].")
      .def("truncate", &PySequence::truncate, "length"_a,
           "Forgets all tokens from `length` on; 0 <= length <= len(self).")
      .def(
          "reset", [](PySequence& self) { self.truncate(0); }, "Forgets all tokens.")
      .def("fork", &PySequence::fork, "An independent copy.")
      .def("__len__", [](const PySequence& self) { return self.length(); })
      .def_prop_ro("tokens", &PySequence::tokens, nb::rv_policy::move,
                   "The tokens so far: int32 [T], a copy.")
      .def_prop_ro(
          "size_bytes", [](const PySequence& self) { return self.size_bytes(); },
          "Memory of the states, in bytes.");
}

}  // namespace anemone::python
