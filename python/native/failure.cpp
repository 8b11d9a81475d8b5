#include "failure.h"

#include <nanobind/nanobind.h>

namespace nb = nanobind;

namespace anemone::python {
namespace {

nb::str text(const std::string& value) {
  return nb::steal<nb::str>(PyUnicode_DecodeUTF8(
      value.data(), static_cast<Py_ssize_t>(value.size()), "backslashreplace"));
}

void raise(const Error& error) {
  nb::list context;
  for (const std::string& frame : error.context) context.append(text(frame));
  const nb::object type = nb::module_::import_("anemone.errors").attr("Error");
  const nb::object raised = type(text(error.to_string()), nb::str(to_string(error.code)),
                                 text(error.message), context, text(error.hint));
  PyErr_SetObject(type.ptr(), raised.ptr());
}

}  // namespace

void register_failures() {
  nb::register_exception_translator([](const std::exception_ptr& exception, void*) {
    try {
      std::rethrow_exception(exception);
    } catch (const Failure& failure) {
      raise(failure.error());
    }
  });
}

}  // namespace anemone::python
