#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <vector>

namespace anemone::python {

/// An argument of a binding, named in signatures as in anemone.types.
struct TokenIds {
  nanobind::handle source;
};

/// Token ids out of what Python has: one integer; a list, tuple or other sequence of integers; an
/// array of NumPy, torch or anything with DLPack on the CPU, of any integer type and stride, shape
/// [T] or [1, T]. Raises TypeError (no integers), ValueError (another shape, an id outside int32).
std::vector<int32_t> token_ids(nanobind::handle ids);
inline std::vector<int32_t> token_ids(TokenIds ids) { return token_ids(ids.source); }

}  // namespace anemone::python

template <>
struct nanobind::detail::type_caster<anemone::python::TokenIds> {
  NB_TYPE_CASTER(anemone::python::TokenIds, const_name("TokenIds"))
  bool from_python(handle source, uint32_t, cleanup_list*) noexcept {
    value.source = source;
    return true;
  }
};
