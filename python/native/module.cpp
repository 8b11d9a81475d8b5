#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>

#include "anemone/evaluate.h"
#include "anemone/version.h"
#include "failure.h"
#include "model.h"

NB_MODULE(_native, module) {
  anemone::python::register_failures();
  anemone::python::bind_tokenizer(module);
  anemone::python::bind_reports(module);
  anemone::python::bind_sequence(module);
  anemone::python::bind_model(module);
  module.attr("__version__") = std::string(anemone::version());
  module.attr("HARNESS_VERSION") = std::string(anemone::eval::harness_version());
}
