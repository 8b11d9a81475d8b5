#pragma once

#include <anemone_bridge.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "support/golden.h"
#include "text/bridge_call.h"

/// What the tests of the bridge's functions share.
namespace anemone::text {

using ErrorPlace = anemone_bridge_error**;

inline constexpr std::string_view kNotUtf8 = "a\xff";

/// Calls `function(&error)`, expects `code` and an error that says so, and returns its message.
template <typename Function>
std::string expect_failure(anemone_bridge_code code, Function&& function) {
  anemone_bridge_error* error = nullptr;
  EXPECT_EQ(function(&error), code);
  EXPECT_EQ(function(nullptr), code) << "without a place for the error";
  const BridgeError owner(error);
  EXPECT_EQ(anemone_bridge_error_code(error), code);
  const anemone_bridge_text message = anemone_bridge_error_message(error);
  EXPECT_GT(message.size, 0U);
  return {message.data, message.size};
}

inline constexpr auto kInvalid = ANEMONE_BRIDGE_INVALID_ARGUMENT;

inline BridgeTokenizer make_tokenizer() {
  const std::string json = test::read_source_file("models/anemone-tiny/tokenizer.json");
  anemone_bridge_tokenizer* handle = nullptr;
  EXPECT_EQ(anemone_bridge_tokenizer_new(json.data(), json.size(), &handle, nullptr),
            ANEMONE_BRIDGE_OK);
  return BridgeTokenizer(handle);
}

}  // namespace anemone::text
