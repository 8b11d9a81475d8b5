// With bridge_tokenizer_test.cpp calls every function of bridge/include/anemone_bridge.h, with
// input that is wrong as well.

#include "text/bridge_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace anemone::text {
namespace {

using test::read_source_file;

using testing::HasSubstr;

BridgeTemplate make_template(anemone_bridge_dialect dialect, std::string_view source) {
  anemone_bridge_template* handle = nullptr;
  EXPECT_EQ(anemone_bridge_template_new(dialect, source.data(), source.size(), &handle, nullptr),
            ANEMONE_BRIDGE_OK);
  return BridgeTemplate(handle);
}

TEST(Bridge, HasTheVersionOfItsHeader) { EXPECT_EQ(anemone_bridge_version(), 1U); }

TEST(Bridge, NullHandlesAreHarmless) {
  anemone_bridge_buffer_free(nullptr);
  anemone_bridge_buffer empty{};
  anemone_bridge_buffer_free(&empty);
  anemone_bridge_error_free(nullptr);
  EXPECT_EQ(anemone_bridge_error_code(nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_EQ(anemone_bridge_error_message(nullptr).size, 0U);
  EXPECT_EQ(anemone_bridge_error_line(nullptr), 0U);
  anemone_bridge_tokenizer_free(nullptr);
  anemone_bridge_encoding_free(nullptr);
  EXPECT_EQ(anemone_bridge_encoding_size(nullptr), 0U);
  EXPECT_EQ(anemone_bridge_encoding_ids(nullptr), nullptr);
  EXPECT_EQ(anemone_bridge_encoding_offsets(nullptr), nullptr);
  anemone_bridge_stream_free(nullptr);
  anemone_bridge_template_free(nullptr);
  EXPECT_EQ(anemone_bridge_rows_count(nullptr), -1);
  anemone_bridge_rows_free(nullptr);
  anemone_bridge_compiler_free(nullptr);
  EXPECT_EQ(anemone_bridge_matcher_complete(nullptr), 0);
  anemone_bridge_matcher_free(nullptr);
}

TEST(Bridge, GrammarsRefuseWhatIsWrong) {
  const BridgeTokenizer tokenizer = make_tokenizer();
  anemone_bridge_compiler* compiler = nullptr;
  for (const size_t vocab_size : {size_t{0}, size_t{1} << 24})
    expect_failure(kInvalid, [&](ErrorPlace error) {
      return anemone_bridge_compiler_new(tokenizer.get(), vocab_size, nullptr, 0, &compiler, error);
    });
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_compiler_new(nullptr, 4096, nullptr, 0, &compiler, error);
  });
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_compiler_new(tokenizer.get(), 4096, nullptr, 2, &compiler, error);
  });
  ASSERT_EQ(anemone_bridge_compiler_new(tokenizer.get(), 4096, nullptr, 0, &compiler, nullptr),
            ANEMONE_BRIDGE_OK);
  const BridgeCompiler owner(compiler);

  anemone_bridge_matcher* matcher = nullptr;
  const auto make = [&](int kind, std::string_view text) {
    return [&matcher, compiler, kind, text](ErrorPlace error) {
      return anemone_bridge_matcher_new(compiler, static_cast<anemone_bridge_grammar>(kind),
                                        text.data(), text.size(), &matcher, error);
    };
  };
  expect_failure(kInvalid, make(9, "a"));
  expect_failure(kInvalid, make(ANEMONE_BRIDGE_GRAMMAR_REGEX, kNotUtf8));
  expect_failure(ANEMONE_BRIDGE_INVALID_DATA, make(ANEMONE_BRIDGE_GRAMMAR_REGEX, "("));
  ASSERT_EQ(make(ANEMONE_BRIDGE_GRAMMAR_REGEX, "a")(nullptr), ANEMONE_BRIDGE_OK);
  const BridgeMatcher matcher_owner(matcher);

  std::array<uint32_t, 128> words{};
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_matcher_mask(matcher, words.data(), words.size() - 1, error);
  });
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_matcher_mask(matcher, nullptr, words.size(), error);
  });
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_matcher_mask(nullptr, words.data(), words.size(), error);
  });
  size_t count = 0;
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_matcher_forced(matcher, nullptr, 4, &count, error);
  });
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_matcher_forced(matcher, words.data(), 4, nullptr, error);
  });
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_matcher_valid_prefix(matcher, nullptr, 4, &count, error);
  });
  expect_failure(kInvalid, [&](ErrorPlace error) {
    return anemone_bridge_matcher_copy(matcher, nullptr, error);
  });
  EXPECT_EQ(anemone_bridge_matcher_mask(matcher, words.data(), words.size(), nullptr),
            ANEMONE_BRIDGE_OK);
  expect_failure(ANEMONE_BRIDGE_LIMIT, [&](ErrorPlace error) {
    const uint32_t beyond = 1U << 30;
    return anemone_bridge_matcher_accept(matcher, &beyond, 1, error);
  });
  expect_failure(ANEMONE_BRIDGE_LIMIT, [&](ErrorPlace error) {
    return anemone_bridge_matcher_take_back(matcher, 3, error);
  });
}

TEST(Bridge, TemplateNewChecksItsArguments) {
  anemone_bridge_template* handle = nullptr;
  const auto make = [&](int dialect, const char* source, size_t size, auto** out) {
    return [=](ErrorPlace error) {
      return anemone_bridge_template_new(static_cast<anemone_bridge_dialect>(dialect), source, size,
                                         out, error);
    };
  };
  expect_failure(kInvalid, make(2, "a", 1, &handle));
  expect_failure(kInvalid, make(-1, "a", 1, &handle));
  expect_failure(kInvalid, make(0, nullptr, 1, &handle));
  expect_failure(kInvalid, make(0, kNotUtf8.data(), 2, &handle));
  expect_failure(kInvalid, make(0, "a", 1, static_cast<anemone_bridge_template**>(nullptr)));
  for (const std::string_view bad :
       {"{{", "{% if %}", "{% for x in y %}", "{{ 'a }}", "{% nope %}"})
    expect_failure(ANEMONE_BRIDGE_INVALID_DATA, make(0, bad.data(), bad.size(), &handle));
  EXPECT_EQ(handle, nullptr);
  anemone_bridge_error* error = nullptr;
  make(1, "\n\n{% x %}", 9, &handle)(&error);
  EXPECT_EQ(anemone_bridge_error_line(error), 3U);
  anemone_bridge_error_free(error);
}

TEST(Bridge, RenderChecksItsArguments) {
  const BridgeTemplate compiled =
      make_template(ANEMONE_BRIDGE_DIALECT_CHAT, "{{ strftime_now('%Y') if now }}{{ text * 8 }}");
  const auto* c = compiled.get();
  anemone_bridge_buffer text{};
  const auto render = [&](const auto* t, std::string_view context, const auto* clock,
                          const auto* limits, auto* out) {
    return [=](ErrorPlace error) {
      return anemone_bridge_template_render(t, context.data(), context.size(), clock, limits, out,
                                            error);
    };
  };
  const anemone_bridge_template* none = nullptr;
  const anemone_bridge_clock* no_clock = nullptr;
  const anemone_bridge_limits* no_limits = nullptr;
  expect_failure(kInvalid, render(none, "{}", no_clock, no_limits, &text));
  expect_failure(kInvalid, render(c, {nullptr, 2}, no_clock, no_limits, &text));
  expect_failure(kInvalid, render(c, kNotUtf8, no_clock, no_limits, &text));
  expect_failure(
      kInvalid, render(c, "{}", no_clock, no_limits, static_cast<anemone_bridge_buffer*>(nullptr)));
  for (const std::string_view bad : {"", "{", "[]", "{\"a\":}", "{\"a\":1"})
    expect_failure(ANEMONE_BRIDGE_INVALID_DATA, render(c, bad, no_clock, no_limits, &text));
  const std::string deep = "{\"a\":" + std::string(5000, '[') + std::string(5000, ']') + "}";
  expect_failure(ANEMONE_BRIDGE_LIMIT, render(c, deep, no_clock, no_limits, &text));
  expect_failure(ANEMONE_BRIDGE_RENDER, render(c, "{\"now\":1}", no_clock, no_limits, &text));
  const anemone_bridge_clock bad_clock{2024, 13, 1, 0, 0, 0, 0};
  expect_failure(kInvalid, render(c, "{}", &bad_clock, no_limits, &text));
  const anemone_bridge_limits small{0, 7};
  expect_failure(ANEMONE_BRIDGE_LIMIT, render(c, "{\"text\":\"x\"}", no_clock, &small, &text));
  const anemone_bridge_limits short_run{2, 0};
  expect_failure(ANEMONE_BRIDGE_LIMIT, render(c, "{\"text\":\"x\"}", no_clock, &short_run, &text));
  EXPECT_EQ(text.data, nullptr);
  const anemone_bridge_clock clock{2024, 2, 29, 0, 0, 0, 0};
  ASSERT_EQ(render(c, "{\"text\":\"x\",\"now\":1}", &clock, no_limits, &text)(nullptr),
            ANEMONE_BRIDGE_OK);
  EXPECT_EQ(take_text(text), "2024xxxxxxxx");
}

TEST(Bridge, RaisedErrorsCarryTheTemplatesWords) {
  const BridgeTemplate compiled =
      make_template(ANEMONE_BRIDGE_DIALECT_CHAT, "\n{{ raise_exception('no ' ~ x) }}");
  anemone_bridge_buffer text{};
  const auto message = expect_failure(ANEMONE_BRIDGE_RAISED, [&](ErrorPlace e) {
    return anemone_bridge_template_render(compiled.get(), "{\"x\":1.5}", 9, nullptr, nullptr, &text,
                                          e);
  });
  EXPECT_EQ(message, "no 1.5");
}

TEST(Bridge, RowsCheckTheirArguments) {
  const std::string bytes = read_source_file("tests/golden/rows/sample.parquet");
  anemone_bridge_rows* handle = nullptr;
  anemone_bridge_buffer text{};
  size_t count = 0;
  const auto open = [&](int format, const char* path, size_t size, auto** out) {
    return [=](ErrorPlace error) {
      return anemone_bridge_rows_open(static_cast<anemone_bridge_rows_format>(format), path, size,
                                      out, error);
    };
  };
  expect_failure(kInvalid, open(2, "/", 1, &handle));
  expect_failure(kInvalid, open(0, nullptr, 1, &handle));
  expect_failure(kInvalid, open(0, kNotUtf8.data(), 2, &handle));
  expect_failure(kInvalid, open(0, "/", 1, static_cast<anemone_bridge_rows**>(nullptr)));
  expect_failure(ANEMONE_BRIDGE_IO, open(0, "/", 1, &handle));
  expect_failure(ANEMONE_BRIDGE_IO, open(0, "/nowhere\0x", 10, &handle));
  const auto parse = [&](int format, const char* data, size_t size, auto** out) {
    return [=](ErrorPlace error) {
      return anemone_bridge_rows_open_bytes(static_cast<anemone_bridge_rows_format>(format), data,
                                            size, out, error);
    };
  };
  expect_failure(kInvalid, parse(9, bytes.data(), bytes.size(), &handle));
  expect_failure(kInvalid, parse(0, nullptr, 5, &handle));
  expect_failure(kInvalid,
                 parse(0, bytes.data(), bytes.size(), static_cast<anemone_bridge_rows**>(nullptr)));
  expect_failure(ANEMONE_BRIDGE_INVALID_DATA, parse(0, bytes.data(), bytes.size() / 2, &handle));
  expect_failure(ANEMONE_BRIDGE_INVALID_DATA, parse(1, bytes.data(), bytes.size(), &handle));
  expect_failure(ANEMONE_BRIDGE_INVALID_DATA, parse(0, nullptr, 0, &handle));
  EXPECT_EQ(handle, nullptr);
  ASSERT_EQ(parse(0, bytes.data(), bytes.size(), &handle)(nullptr), ANEMONE_BRIDGE_OK);
  const BridgeRows rows(handle);
  EXPECT_EQ(anemone_bridge_rows_count(handle), 40);
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_rows_schema(nullptr, &text, e); });
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_rows_schema(handle, nullptr, e); });
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_rows_next(nullptr, &text, &count, e); });
  expect_failure(
      kInvalid, [&](ErrorPlace e) { return anemone_bridge_rows_next(handle, nullptr, &count, e); });
  expect_failure(kInvalid,
                 [&](ErrorPlace e) { return anemone_bridge_rows_next(handle, &text, nullptr, e); });
  ASSERT_EQ(anemone_bridge_rows_next(handle, &text, &count, nullptr), ANEMONE_BRIDGE_OK);
  EXPECT_EQ(count, 40U) << "a refused call takes no rows";
  EXPECT_THAT(take_text(text), HasSubstr("Frage 1"));
}

}  // namespace
}  // namespace anemone::text
