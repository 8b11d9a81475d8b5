#include "token_ids.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstring>
#include <limits>
#include <string>

namespace nb = nanobind;

namespace anemone::python {
namespace {

using Array = nb::ndarray<nb::ro>;

std::string name_of_type(nb::handle object) {
  return nb::cast<std::string>(nb::str(object.type().attr("__name__")));
}

[[noreturn]] void fail_type(const std::string& found) {
  throw nb::type_error(("token ids: expected integers, got " + found).c_str());
}

template <typename T>
int32_t narrow(T value) {
  if (!std::in_range<int32_t>(value))
    throw nb::value_error(("token id " + std::to_string(value) + " is outside int32").c_str());
  return static_cast<int32_t>(value);
}

int32_t python_integer(nb::handle object) {
  if (PyBool_Check(object.ptr()) || !PyIndex_Check(object.ptr())) fail_type(name_of_type(object));
  const nb::object index = nb::steal(PyNumber_Index(object.ptr()));
  if (!index.is_valid()) throw nb::python_error();
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow != 0) throw nb::value_error("a token id is outside int32");
  if (value == -1 && PyErr_Occurred()) throw nb::python_error();
  return narrow(value);
}

/// `count` elements, `stride` elements apart.
template <typename T>
std::vector<int32_t> read(const void* data, size_t count, int64_t stride) {
  std::vector<int32_t> ids(count);
  const auto* bytes = static_cast<const std::byte*>(data);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes + static_cast<int64_t>(i) * stride * static_cast<int64_t>(sizeof(T)),
                sizeof(T));
    ids[i] = narrow(value);
  }
  return ids;
}

std::vector<int32_t> read_array(const Array& array, nb::handle source) {
  if (array.device_type() != nb::device::cpu::value)
    throw nb::value_error("token ids: the array is not in main memory; move it to the CPU first");
  const bool one_row = array.ndim() == 2 && array.shape(0) == 1;
  if (array.ndim() > 1 && !one_row) {
    std::string shape;
    for (size_t i = 0; i < array.ndim(); ++i)
      shape += (i > 0 ? ", " : "") + std::to_string(array.shape(i));
    throw nb::value_error(("token ids: shape [" + shape +
                           "], expected [T] or [1, T]: sequences are run one at a time")
                              .c_str());
  }
  const size_t count = array.ndim() == 0 ? 1 : array.shape(array.ndim() - 1);
  const int64_t stride = array.ndim() == 0 ? 1 : array.stride(array.ndim() - 1);
  const nb::dlpack::dtype type = array.dtype();
  const bool is_signed = type.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Int);
  const bool is_unsigned = type.code == static_cast<uint8_t>(nb::dlpack::dtype_code::UInt);
  if ((is_signed || is_unsigned) && type.lanes == 1) {
    switch (type.bits) {
      case 8:
        return is_signed ? read<int8_t>(array.data(), count, stride)
                         : read<uint8_t>(array.data(), count, stride);
      case 16:
        return is_signed ? read<int16_t>(array.data(), count, stride)
                         : read<uint16_t>(array.data(), count, stride);
      case 32:
        return is_signed ? read<int32_t>(array.data(), count, stride)
                         : read<uint32_t>(array.data(), count, stride);
      case 64:
        return is_signed ? read<int64_t>(array.data(), count, stride)
                         : read<uint64_t>(array.data(), count, stride);
      default:
        break;
    }
  }
  fail_type("an array of " +
            nb::cast<std::string>(nb::str(nb::getattr(source, "dtype", nb::none()))));
}

}  // namespace

std::vector<int32_t> token_ids(nb::handle ids) {
  if (PyUnicode_Check(ids.ptr()) || PyBytes_Check(ids.ptr())) fail_type(name_of_type(ids));
  if (!nb::hasattr(ids, "dtype") && PyIndex_Check(ids.ptr())) return {python_integer(ids)};
  if (Array array; nb::try_cast(ids, array)) return read_array(array, ids);
  if (!PySequence_Check(ids.ptr())) fail_type(name_of_type(ids));
  std::vector<int32_t> values;
  for (const nb::handle item : nb::iter(ids)) values.push_back(python_integer(item));
  return values;
}

}  // namespace anemone::python
