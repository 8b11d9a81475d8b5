#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "text/bridge_test.h"

namespace anemone::text {
namespace {

using testing::HasSubstr;

TEST(Bridge, TokenizerNewRefusesWhatIsNoTokenizer) {
  anemone_bridge_tokenizer* handle = nullptr;
  const auto make = [&](std::string_view json) {
    return [&handle, json](ErrorPlace error) {
      return anemone_bridge_tokenizer_new(json.data(), json.size(), &handle, error);
    };
  };
  for (const std::string_view json :
       {"", "{", "[]", "{}", "\xff", "{\"model\": {\"type\": \"BPE\"}}"})
    expect_failure(ANEMONE_BRIDGE_INVALID_DATA, make(json));
  expect_failure(kInvalid, [&](ErrorPlace e) {
    return anemone_bridge_tokenizer_new(nullptr, 10, &handle, e);
  });
  EXPECT_EQ(handle, nullptr);
  const auto message = expect_failure(
      kInvalid, [](ErrorPlace e) { return anemone_bridge_tokenizer_new("{}", 2, nullptr, e); });
  EXPECT_THAT(message, HasSubstr("tokenizer is null"));
}

TEST(Bridge, EncodeChecksItsArguments) {
  const BridgeTokenizer tokenizer = make_tokenizer();
  anemone_bridge_encoding* encoding = nullptr;
  const auto encode = [&](const auto* t, const char* text, size_t size, int offsets, auto** out) {
    return [=](ErrorPlace error) {
      return anemone_bridge_tokenizer_encode(
          t, text, size, 1, static_cast<anemone_bridge_offsets>(offsets), out, error);
    };
  };
  const auto* t = tokenizer.get();
  const anemone_bridge_tokenizer* none = nullptr;
  expect_failure(kInvalid, encode(none, "a", 1, 0, &encoding));
  expect_failure(kInvalid, encode(t, nullptr, 1, 0, &encoding));
  expect_failure(kInvalid, encode(t, "a", size_t{1} << 63, 0, &encoding));
  expect_failure(kInvalid, encode(t, kNotUtf8.data(), kNotUtf8.size(), 0, &encoding));
  expect_failure(kInvalid, encode(t, "a", 1, 3, &encoding));
  expect_failure(kInvalid, encode(t, "a", 1, -1, &encoding));
  expect_failure(kInvalid, encode(t, "a", 1, 0, static_cast<anemone_bridge_encoding**>(nullptr)));
  EXPECT_EQ(encoding, nullptr);
}

TEST(Bridge, EncodeGivesOffsetsInTheUnitAskedFor) {
  const BridgeTokenizer tokenizer = make_tokenizer();
  const std::string text = "\u00e9 x";
  const auto last_end = [&](anemone_bridge_offsets unit) -> size_t {
    anemone_bridge_encoding* handle = nullptr;
    EXPECT_EQ(anemone_bridge_tokenizer_encode(tokenizer.get(), text.data(), text.size(), 0, unit,
                                              &handle, nullptr),
              ANEMONE_BRIDGE_OK);
    const BridgeEncoding encoding(handle);
    const size_t* offsets = anemone_bridge_encoding_offsets(handle);
    return offsets == nullptr ? 0 : offsets[2 * anemone_bridge_encoding_size(handle) - 1];
  };
  EXPECT_EQ(last_end(ANEMONE_BRIDGE_OFFSETS_NONE), 0U);
  EXPECT_EQ(last_end(ANEMONE_BRIDGE_OFFSETS_BYTES), 4U);
  EXPECT_EQ(last_end(ANEMONE_BRIDGE_OFFSETS_CHARS), 3U);
  anemone_bridge_encoding* handle = nullptr;
  ASSERT_EQ(anemone_bridge_tokenizer_encode(tokenizer.get(), nullptr, 0, 0,
                                            ANEMONE_BRIDGE_OFFSETS_BYTES, &handle, nullptr),
            ANEMONE_BRIDGE_OK);
  EXPECT_EQ(anemone_bridge_encoding_size(handle), 0U);
  anemone_bridge_encoding_free(handle);
}

TEST(Bridge, EncodeBatchChecksItsArguments) {
  const BridgeTokenizer tokenizer = make_tokenizer();
  const std::array<anemone_bridge_text, 2> texts = {{{"a", 1}, {kNotUtf8.data(), 2}}};
  std::array<anemone_bridge_encoding*, 2> encodings = {};
  const auto batch = [&](const auto* t, const auto* in, size_t count, auto** out) {
    return [=](ErrorPlace error) {
      return anemone_bridge_tokenizer_encode_batch(t, in, count, 1, ANEMONE_BRIDGE_OFFSETS_NONE, 2,
                                                   out, error);
    };
  };
  const auto* t = tokenizer.get();
  const anemone_bridge_tokenizer* none = nullptr;
  const anemone_bridge_text* no_texts = nullptr;
  expect_failure(kInvalid, batch(none, texts.data(), 1, encodings.data()));
  expect_failure(kInvalid, batch(t, no_texts, 1, encodings.data()));
  expect_failure(kInvalid, batch(t, texts.data(), SIZE_MAX / 2, encodings.data()));
  expect_failure(kInvalid,
                 batch(t, texts.data(), 1, static_cast<anemone_bridge_encoding**>(nullptr)));
  EXPECT_THAT(expect_failure(kInvalid, batch(t, texts.data(), 2, encodings.data())),
              HasSubstr("text 1"));
  EXPECT_EQ(encodings[0], nullptr);
  EXPECT_EQ(batch(t, no_texts, 0, encodings.data())(nullptr), ANEMONE_BRIDGE_OK);
  ASSERT_EQ(batch(t, texts.data(), 1, encodings.data())(nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_EQ(anemone_bridge_encoding_size(encodings[0]), 1U);
  anemone_bridge_encoding_free(encodings[0]);
}

TEST(Bridge, DecodeChecksItsArguments) {
  const BridgeTokenizer tokenizer = make_tokenizer();
  const uint32_t ids[] = {2, UINT32_MAX, 37};
  anemone_bridge_buffer text{};
  const auto decode = [&](const auto* t, const uint32_t* in, size_t count, auto* out) {
    return [=](ErrorPlace e) { return anemone_bridge_tokenizer_decode(t, in, count, 1, out, e); };
  };
  const auto* t = tokenizer.get();
  const anemone_bridge_tokenizer* none = nullptr;
  expect_failure(kInvalid, decode(none, ids, 3, &text));
  expect_failure(kInvalid, decode(t, nullptr, 3, &text));
  expect_failure(kInvalid, decode(t, ids, SIZE_MAX, &text));
  expect_failure(kInvalid, decode(t, ids, 3, static_cast<anemone_bridge_buffer*>(nullptr)));
  const auto* misaligned =
      reinterpret_cast<const uint32_t*>(reinterpret_cast<const char*>(ids) + 1);
  expect_failure(kInvalid, decode(t, misaligned, 1, &text));
  EXPECT_EQ(text.data, nullptr);
  ASSERT_EQ(decode(t, ids, 3, &text)(nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_EQ(take_text(text), "A");
}

TEST(Bridge, VocabularyFunctionsCheckTheirArguments) {
  const BridgeTokenizer tokenizer = make_tokenizer();
  const auto* t = tokenizer.get();
  anemone_bridge_buffer text{};
  uint32_t id = 0;
  int32_t found = 0;
  size_t size = 0;
  expect_failure(kInvalid, [&](ErrorPlace e) {
    return anemone_bridge_tokenizer_id_to_token(nullptr, 0, &text, e);
  });
  expect_failure(kInvalid, [&](ErrorPlace e) {
    return anemone_bridge_tokenizer_id_to_token(t, UINT32_MAX, &text, e);
  });
  expect_failure(kInvalid, [&](ErrorPlace e) {
    return anemone_bridge_tokenizer_id_to_token(t, 0, nullptr, e);
  });
  const auto to_id = [&](const auto* h, const char* token, size_t n, uint32_t* i, int32_t* f) {
    return [=](ErrorPlace e) { return anemone_bridge_tokenizer_token_to_id(h, token, n, i, f, e); };
  };
  const anemone_bridge_tokenizer* none = nullptr;
  expect_failure(kInvalid, to_id(none, "A", 1, &id, &found));
  expect_failure(kInvalid, to_id(t, nullptr, 1, &id, &found));
  expect_failure(kInvalid, to_id(t, kNotUtf8.data(), 2, &id, &found));
  expect_failure(kInvalid, to_id(t, "A", 1, nullptr, &found));
  expect_failure(kInvalid, to_id(t, "A", 1, &id, nullptr));
  ASSERT_EQ(to_id(t, "A", 1, &id, &found)(nullptr), 0);
  EXPECT_EQ(std::pair(id, found), (std::pair<uint32_t, int32_t>(37, 1)));
  ASSERT_EQ(to_id(t, "none such", 9, &id, &found)(nullptr), 0);
  EXPECT_EQ(found, 0);
  expect_failure(kInvalid, [&](ErrorPlace e) {
    return anemone_bridge_tokenizer_vocab_size(nullptr, 1, &size, e);
  });
  expect_failure(kInvalid, [&](ErrorPlace e) {
    return anemone_bridge_tokenizer_vocab_size(t, 1, nullptr, e);
  });
  ASSERT_EQ(anemone_bridge_tokenizer_vocab_size(t, 1, &size, nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_GT(size, 1000U);
  expect_failure(kInvalid, [&](ErrorPlace e) {
    return anemone_bridge_tokenizer_added_tokens(nullptr, &text, e);
  });
  expect_failure(
      kInvalid, [&](ErrorPlace e) { return anemone_bridge_tokenizer_added_tokens(t, nullptr, e); });
  ASSERT_EQ(anemone_bridge_tokenizer_added_tokens(t, &text, nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_THAT(take_text(text), HasSubstr("<|im_end|>"));
}

TEST(Bridge, StreamsCheckTheirArgumentsAndOutliveTheirTokenizer) {
  BridgeTokenizer tokenizer = make_tokenizer();
  anemone_bridge_stream* handle = nullptr;
  anemone_bridge_buffer text{};
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_stream_new(nullptr, 0, &handle, e); });
  expect_failure(kInvalid, [&](ErrorPlace e) {
    return anemone_bridge_stream_new(tokenizer.get(), 0, nullptr, e);
  });
  ASSERT_EQ(anemone_bridge_stream_new(tokenizer.get(), 0, &handle, nullptr), ANEMONE_BRIDGE_OK);
  const BridgeStream stream(handle);
  tokenizer.reset();
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_stream_step(nullptr, 37, &text, e); });
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_stream_step(handle, 37, nullptr, e); });
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_stream_finish(nullptr, &text, e); });
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_stream_finish(handle, nullptr, e); });
  ASSERT_EQ(anemone_bridge_stream_step(handle, 37, &text, nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_EQ(take_text(text), "A");
  ASSERT_EQ(anemone_bridge_stream_step(handle, UINT32_MAX, &text, nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_EQ(take_text(text), "");
  ASSERT_EQ(anemone_bridge_stream_finish(handle, &text, nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_EQ(take_text(text), "");
}

}  // namespace
}  // namespace anemone::text
