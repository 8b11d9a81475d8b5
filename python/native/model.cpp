#include "model.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <functional>
#include <span>

#include "anemone/generate.h"
#include "anemone/score.h"
#include "array.h"
#include "failure.h"
#include "sequence.h"
#include "token_ids.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace anemone::python {
namespace {

/// Whether Python has a signal to handle, such as Ctrl-C; its exception waits in the interpreter.
bool interrupted() {
  const nb::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

[[noreturn]] void raise_or(Error error) {
  if (PyErr_Occurred()) throw nb::python_error();
  throw Failure(std::move(error));
}

struct PyModel {
  std::shared_ptr<SerialModel> serial;
  std::filesystem::path tokenizer_path;
  std::optional<text::Tokenizer> loaded_tokenizer;

  PyModel(const std::filesystem::path& path, const std::string& numerics, int threads,
          const std::string& isa, const std::optional<std::filesystem::path>& adapter,
          int64_t context, const std::optional<std::filesystem::path>& tokenizer, bool single_steps,
          bool hash, const std::string& backend, const std::string& compute_units)
      : serial(std::make_shared<SerialModel>()), tokenizer_path(tokenizer.value_or(path)) {
    lm::LanguageModel::Options options;
    options.runtime.numerics = take(runtime::parse_numerics(numerics));
    options.runtime.threads = threads;
    options.runtime.isa = take(runtime::parse_isa(isa));
    options.runtime.backend = take(runtime::parse_backend(backend));
    options.runtime.compute_units = take(runtime::parse_compute_units(compute_units));
    options.adapter = adapter.value_or(std::filesystem::path());
    options.context = context;
    options.single_steps = single_steps;
    options.hash = hash;
    const nb::gil_scoped_release release;
    serial->model = take(lm::LanguageModel::open(path, options));
  }

  lm::LanguageModel& model() const { return *serial->model; }

  const text::Tokenizer& tokenizer() {
    if (!loaded_tokenizer) loaded_tokenizer = take(text::Tokenizer::load(tokenizer_path));
    return *loaded_tokenizer;
  }

  PySequence new_sequence() const {
    const RunningCall call(*serial);
    return {serial, model().new_sequence()};
  }

  LogitsRows logits(TokenIds tokens) const { return PySequence(new_sequence()).extend_all(tokens); }

  std::vector<eval::ContinuationScore> score(
      std::span<const eval::ScoreRequest> requests,
      const std::function<bool(uint64_t, uint64_t)>& progress) const {
    const RunningCall call(*serial);
    auto scores = [&] {
      const nb::gil_scoped_release release;
      return eval::score_continuations(model(), requests, [&](const Progress& step) {
        return !interrupted() && (!progress || progress(step.done, step.total));
      });
    }();
    if (!scores.ok()) raise_or(scores.error());
    return std::move(scores).value();
  }

  std::tuple<double, bool> loglikelihood(TokenIds context, TokenIds continuation) const {
    const eval::ScoreRequest request{token_ids(context), token_ids(continuation)};
    const auto scores = score({&request, 1}, {});
    return {scores[0].log_likelihood, scores[0].greedy};
  }

  nb::tuple loglikelihoods(const nb::iterable& pairs, const nb::object& progress) const {
    std::vector<eval::ScoreRequest> requests;
    for (const nb::handle item : pairs) {
      if (!PySequence_Check(item.ptr()) || nb::len(item) != 2)
        throw nb::type_error("loglikelihoods: expected pairs (context ids, continuation ids)");
      requests.push_back({token_ids(nb::object(item[0])), token_ids(nb::object(item[1]))});
    }
    std::function<bool(uint64_t, uint64_t)> report;
    if (!progress.is_none())
      report = [&](uint64_t done, uint64_t total) {
        const nb::gil_scoped_acquire gil;
        // No C++ exception may pass through the library: the exception waits in the interpreter.
        PyObject* result = PyObject_CallFunction(progress.ptr(), "KK", done, total);
        Py_XDECREF(result);
        return result != nullptr;
      };
    const auto scores = score(requests, report);
    std::vector<double> values;
    std::vector<uint8_t> greedy;
    for (const auto& item : scores) {
      values.push_back(item.log_likelihood);
      greedy.push_back(item.greedy ? 1 : 0);
    }
    const nb::object flags =
        nb::cast(to_numpy<uint8_t, nb::ndim<1>>(std::move(greedy), {scores.size()}));
    return nb::make_tuple(to_numpy<double, nb::ndim<1>>(std::move(values), {scores.size()}),
                          flags.attr("view")("bool"));
  }

  generate::Generation generate(nb::handle prompt, int64_t max_tokens, double temperature,
                                uint64_t seed, const std::vector<std::string>& stop,
                                const nb::object& on_text) {
    const auto ids = PyUnicode_Check(prompt.ptr())
                         ? take(tokenizer().encode(nb::cast<std::string>(prompt), true))
                         : token_ids(prompt);
    const text::Tokenizer& text = tokenizer();
    generate::Options options;
    options.max_tokens = max_tokens;
    options.sampling.temperature = temperature;
    options.sampling.seed = seed;
    options.stop = stop;
    const RunningCall call(*serial);
    auto generation = [&] {
      const nb::gil_scoped_release release;
      return generate::generate(model(), text, ids, options, [&](std::string_view piece) {
        const nb::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0) return false;
        if (on_text.is_none()) return true;
        const nb::object text = nb::steal(
            PyUnicode_DecodeUTF8(piece.data(), static_cast<Py_ssize_t>(piece.size()), "replace"));
        PyObject* result = PyObject_CallOneArg(on_text.ptr(), text.ptr());
        const bool go_on = result != nullptr && result != Py_False;
        Py_XDECREF(result);
        return go_on;
      });
    }();
    if (PyErr_Occurred()) throw nb::python_error();
    return take(std::move(generation));
  }
};

}  // namespace

void bind_model(nb::module_& module) {
  nb::class_<PyModel>(module, "Model", R"(A language model in whatever form: tokens in, logits out.

`path` is an ANEMLL directory, an `anemone` model directory, a `.mlpackage`, a `.mlmodelc` or a
Hugging Face checkpoint (whose program is built in memory and runs in fp32). `numerics` is "fp16"
(the package's own rounding) or "fp32"; `threads` 0 is one per core; `isa` forces an instruction
set ("scalar", "avx2", "avx512", "neon"). `adapter` and `context` are for checkpoints only. `hash`
fills `info.hash`, which reads every file. `backend` is "auto" (Core ML on a Mac where it takes the
package, else our executor), "cpu" or "coreml"; `compute_units` is what Core ML may use: "all",
"cpu", "cpu-gpu", "cpu-ane".

Token ids are an integer, a list or tuple of them, or an array (NumPy, torch or any with DLPack, on
the CPU) of any integer type and stride, of shape [T] or [1, T]. Arrays that come back are new,
contiguous and NumPy's. The lock of the interpreter is released while a model computes. A model
takes one call at a time: a call while another one runs raises Error.)")
      .def(nb::init<const std::filesystem::path&, const std::string&, int, const std::string&,
                    const std::optional<std::filesystem::path>&, int64_t,
                    const std::optional<std::filesystem::path>&, bool, bool, const std::string&,
                    const std::string&>(),
           "path"_a, nb::kw_only(), "numerics"_a = "fp16", "threads"_a = 0, "isa"_a = "auto",
           "adapter"_a = nb::none(), "context"_a = 0, "tokenizer"_a = nb::none(),
           "single_steps"_a = false, "hash"_a = false, "backend"_a = "auto",
           "compute_units"_a = "all")
      .def_prop_ro(
          "info",
          [](const PyModel& self) {
            lm::ModelInfo info = self.model().info();
            info.execution = self.model().execution();
            return info;
          },
          "What the model is: ModelInfo.")
      .def_prop_ro(
          "counters",
          [](const PyModel& self) {
            const lm::WorkCounters counters = self.model().counters();
            nb::dict result;
            result["prefill_tokens"] = counters.prefill_tokens;
            result["step_tokens"] = counters.step_tokens;
            result["calls"] = counters.calls;
            return result;
          },
          nb::sig("def counters(self) -> dict[str, int]"),
          "Tokens run so far by blocks and by single steps, and calls of functions.")
      .def_prop_ro(
          "tokenizer", [](PyModel& self) { return text::Tokenizer(self.tokenizer()); },
          "The tokenizer in the model's folder, or in the one given as `tokenizer`.")
      .def("new_sequence", &PyModel::new_sequence, "An empty sequence.")
      .def("logits", &PyModel::logits, "ids"_a,
           "Logits after each of the ids [T], from a clean state: float32 [T, V].")
      .def(
          "loglikelihood", &PyModel::loglikelihood, "context"_a, "continuation"_a,
          R"(Natural log-likelihood of the continuation's ids after the context's, summed in double,
and whether each of them is the arg max where it stands. The value `anemone eval` gives.)")
      .def("loglikelihoods", &PyModel::loglikelihoods, "pairs"_a, "progress"_a = nb::none(),
           nb::sig("def loglikelihoods(self, pairs: Iterable[tuple[TokenIds, TokenIds]], progress: "
                   "Callable[[int, int], object] | None = None) -> tuple[NDArray[numpy.float64], "
                   "NDArray[numpy.bool_]]"),
           R"(`loglikelihood` of many pairs (context, continuation): float64 [N] and bool [N].

What pairs share at their beginning is computed once; no score depends on that, or on the order.
`progress` is called with the tokens that are done and all there are; what it raises stops the run.)")
      .def("generate", &PyModel::generate, "prompt"_a, "max_tokens"_a = 128, "temperature"_a = 0.0,
           "seed"_a = 0, "stop"_a = std::vector<std::string>(), "on_text"_a = nb::none(),
           nb::sig("def generate(self, prompt: str | TokenIds, max_tokens: int = 128, temperature: "
                   "float = 0.0, seed: int = 0, stop: list[str] = [], on_text: "
                   "Callable[[str], object] | None = None) -> Generation"),
           R"(Continues a text or ids [T] in a new sequence.

A temperature of 0 takes the arg max. `stop` are texts that end the answer and are not part of it.
`on_text` gets each piece of text as soon as it is certain and ends the generation by returning
False.)")
      .def("__repr__", [](const PyModel& self) {
        return "<Model " + self.model().info().name + ": " + self.model().info().form + ">";
      });
}

}  // namespace anemone::python
