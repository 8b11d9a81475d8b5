#pragma once

#include <anemone_bridge.h>

#include <memory>
#include <string>
#include <string_view>

#include "anemone/result.h"

namespace anemone::text {

template <auto free_function>
struct BridgeDeleter {
  template <typename T>
  void operator()(T* handle) const {
    free_function(handle);
  }
};

using BridgeTokenizer =
    std::unique_ptr<anemone_bridge_tokenizer, BridgeDeleter<anemone_bridge_tokenizer_free>>;
using BridgeEncoding =
    std::unique_ptr<anemone_bridge_encoding, BridgeDeleter<anemone_bridge_encoding_free>>;
using BridgeStream =
    std::unique_ptr<anemone_bridge_stream, BridgeDeleter<anemone_bridge_stream_free>>;
using BridgeCompiler =
    std::unique_ptr<anemone_bridge_compiler, BridgeDeleter<anemone_bridge_compiler_free>>;
using BridgeMatcher =
    std::unique_ptr<anemone_bridge_matcher, BridgeDeleter<anemone_bridge_matcher_free>>;
using BridgeTemplate =
    std::unique_ptr<anemone_bridge_template, BridgeDeleter<anemone_bridge_template_free>>;
using BridgeRows = std::unique_ptr<anemone_bridge_rows, BridgeDeleter<anemone_bridge_rows_free>>;
using BridgeError = std::unique_ptr<anemone_bridge_error, BridgeDeleter<anemone_bridge_error_free>>;

/// The library's error of a bridge error, which is freed. The message starts with "line N: " where
/// the bridge names one.
Error take_error(anemone_bridge_error* error);

/// Copies and frees.
std::string take_text(anemone_bridge_buffer buffer);

/// Calls `function(&error)`, which returns a code.
template <typename Function>
Status bridge_call(Function&& function) {
  anemone_bridge_error* error = nullptr;
  if (function(&error) == ANEMONE_BRIDGE_OK) return {};
  return take_error(error);
}

/// Calls `function(&handle, &error)` and owns the handle.
template <typename Handle, typename Function>
Result<Handle> bridge_make(Function&& function) {
  typename Handle::pointer handle = nullptr;
  anemone_bridge_error* error = nullptr;
  if (function(&handle, &error) == ANEMONE_BRIDGE_OK) return Handle(handle);
  return take_error(error);
}

/// Calls `function(&buffer, &error)` and takes the text.
template <typename Function>
Result<std::string> bridge_text(Function&& function) {
  anemone_bridge_buffer buffer{};
  anemone_bridge_error* error = nullptr;
  if (function(&buffer, &error) == ANEMONE_BRIDGE_OK) return take_text(buffer);
  return take_error(error);
}

}  // namespace anemone::text
