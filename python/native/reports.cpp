#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>

#include "anemone/generate.h"
#include "array.h"
#include "model.h"

namespace nb = nanobind;

namespace anemone::python {
namespace {

void bind_info(nb::module_& module) {
  using lm::ModelInfo;
  nb::class_<ModelInfo>(module, "ModelInfo", "What a model is, for reports.")
      .def_ro("name", &ModelInfo::name)
      .def_ro("path", &ModelInfo::path)
      .def_ro("form", &ModelInfo::form, R"("anemll", "stateful", "plain", "checkpoint", ...)")
      .def_ro("architecture", &ModelInfo::architecture)
      .def_ro("vocab_size", &ModelInfo::vocab_size)
      .def_ro("context_length", &ModelInfo::context_length,
              "Most tokens that one sequence may have.")
      .def_ro("prefill_block_tokens", &ModelInfo::prefill_block_tokens,
              "Tokens of a prefill block; 0: no prefill function.")
      .def_ro("hash", &ModelInfo::hash, R"(SHA-256 of the model's files; "" unless asked for.)")
      .def_ro("weight_bytes", &ModelInfo::weight_bytes)
      .def_prop_ro("numerics", [](const ModelInfo& info) { return to_string(info.numerics); })
      .def_prop_ro(
          "backend", [](const ModelInfo& info) { return to_string(info.execution.backend); },
          R"("cpu" or "coreml".)")
      .def_prop_ro("compute_units",
                   [](const ModelInfo& info) { return to_string(info.execution.compute_units); })
      .def_prop_ro(
          "backend_notes", [](const ModelInfo& info) { return info.execution.notes; },
          "What differs from what was asked for, and why.")
      .def_ro("gives_logits", &ModelInfo::gives_logits,
              "False when only the arg max leaves the model.")
      .def("__repr__", [](const ModelInfo& info) {
        return "<ModelInfo " + info.name + ": " + info.form + ", context " +
               std::to_string(info.context_length) + ", " + to_string(info.numerics) + ">";
      });
}

void bind_generation(nb::module_& module) {
  using generate::Generation;
  nb::class_<Generation>(module, "Generation", "A generated text.")
      .def_ro("text", &Generation::text, "Special tokens left out.")
      .def_prop_ro(
          "tokens",
          [](const Generation& self) {
            return to_numpy<int32_t, nb::ndim<1>>(self.tokens, {self.tokens.size()});
          },
          nb::rv_policy::move, "All that were generated, the ending one included: int32 [T].")
      .def_prop_ro(
          "stop", [](const Generation& self) { return to_string(self.stop); },
          R"("end_of_text", "stop_text", "max_tokens", "context_full" or "cancelled".)")
      .def_ro("prompt_tokens", &Generation::prompt_tokens)
      .def_ro("prefill_ns", &Generation::prefill_ns, "Until the first token was chosen.")
      .def_ro("decode_ns", &Generation::decode_ns, "From then on.")
      .def("__repr__", [](const Generation& self) {
        return "<Generation of " + std::to_string(self.tokens.size()) + " tokens, " +
               to_string(self.stop) + ">";
      });
}

}  // namespace

void bind_reports(nb::module_& module) {
  bind_info(module);
  bind_generation(module);
}

}  // namespace anemone::python
