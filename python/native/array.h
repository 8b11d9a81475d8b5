#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <vector>

namespace anemone::python {

/// A new contiguous NumPy array that owns `values`.
template <typename T, typename... Shape>
nanobind::ndarray<nanobind::numpy, T, Shape...> to_numpy(std::vector<T> values,
                                                         std::initializer_list<size_t> shape) {
  auto held = std::make_unique<std::vector<T>>(std::move(values));
  T* data = held->data();
  const nanobind::capsule owner(held.get(),
                                [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  held.release();
  return {data, shape, owner};
}

}  // namespace anemone::python
