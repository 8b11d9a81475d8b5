#include "eval/store/answer_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <limits>

#include "support/scratch_folder.h"
#include "support/shared.h"

namespace anemone::eval {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::vector<int32_t> kContext = {1, 2, 3};
const std::vector<int32_t> kContinuation = {4, 5};
const AnswerKey kKey = key_of_score(kContext, kContinuation);

class Store : public testing::Test {
 protected:
  AnswerStore open(const std::string& scope = "this model") const {
    auto store = AnswerStore::open(path_, scope);
    EXPECT_TRUE(store.ok()) << store.error().to_string();
    return std::move(store).value();
  }
  Error refused() const {
    const auto store = AnswerStore::open(path_, "this model");
    EXPECT_FALSE(store.ok());
    return store.ok() ? Error{} : store.error();
  }
  std::optional<StoredAnswer> found(const AnswerKey& key, const std::string& scope = "this model") {
    AnswerStore store = open(scope);
    auto answer = store.find(key);
    EXPECT_TRUE(answer.ok()) << answer.error().to_string();
    return answer.ok() ? *answer : std::nullopt;
  }
  void execute(const char* sql) const {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }

  test::ScratchFolder folder_;
  fs::path path_ = folder_.path() / "responses.sqlite";
};

TEST_F(Store, KeepsEveryBitOfAnAnswer) {
  const std::vector<StoredAnswer> answers = {
      {-0.1, true, ""},
      {-0.0, false, ""},
      {std::numeric_limits<double>::denorm_min(), false, ""},
      {std::nextafter(-123.456, 0.0), true, ""},
      {0, false, std::string("text\0with \xff bytes", 17), 9}};
  {
    AnswerStore store = open();
    for (size_t i = 0; i < answers.size(); ++i)
      ASSERT_TRUE(
          store.add(key_of_score(kContext, std::vector<int32_t>(i + 1, 7)), answers[i]).ok());
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto answer = found(key_of_score(kContext, std::vector<int32_t>(i + 1, 7)));
    ASSERT_TRUE(answer.has_value()) << i;
    EXPECT_EQ(*answer, answers[i]) << i;
    EXPECT_EQ(std::bit_cast<uint64_t>(answer->log_likelihood),
              std::bit_cast<uint64_t>(answers[i].log_likelihood))
        << i;
  }
  EXPECT_EQ(open().size(), answers.size());
}

TEST_F(Store, TheLastAnswerCounts) {
  AnswerStore store = open();
  ASSERT_TRUE(store.add(kKey, {-1, false, ""}).ok());
  ASSERT_TRUE(store.add(kKey, {-2, true, ""}).ok());
  ASSERT_TRUE(store.flush().ok());
  EXPECT_EQ(store.find(kKey).value(), (StoredAnswer{-2, true, ""}));
}

TEST_F(Store, AnotherModelDoesNotAnswer) {
  {
    AnswerStore store = open("one model");
    ASSERT_TRUE(store.add(kKey, {-1, false, ""}).ok());
  }
  EXPECT_FALSE(found(kKey, "another model").has_value());
  EXPECT_TRUE(found(kKey, "one model").has_value());
  const AnswerStore other = open("another model");
  EXPECT_EQ(other.size(), 0U);
  EXPECT_EQ(other.foreign(), 1U);
}

TEST_F(Store, AnotherQuestionHasAnotherKey) {
  const std::vector<std::string> until = {"a", "b"};
  const std::vector<std::string> joined = {"ab"};
  const std::vector<AnswerKey> keys = {
      kKey,
      key_of_score(std::vector<int32_t>{1, 2}, std::vector<int32_t>{3, 4, 5}),
      key_of_score(std::vector<int32_t>{1, 2, 3, 4}, std::vector<int32_t>{5}),
      key_of_score(kContext, std::vector<int32_t>{4, 6}),
      key_of_generation(kContext, {}, 8),
      key_of_generation(kContext, {}, 9),
      key_of_generation(kContext, until, 8),
      key_of_generation(kContext, joined, 8)};
  for (size_t i = 0; i < keys.size(); ++i)
    for (size_t k = 0; k < i; ++k) EXPECT_NE(keys[i], keys[k]) << i << " " << k;
}

// Files of earlier runs depend on it.
TEST_F(Store, KeysStayAsTheyAre) {
  const auto hexadecimal = [](const AnswerKey& key) {
    std::string text;
    for (const std::byte byte : key) text += fmt::format("{:02x}", static_cast<int>(byte));
    return text;
  };
  EXPECT_EQ(hexadecimal(kKey), "4e951704a84880f60108bfc973de94cf");
  EXPECT_EQ(hexadecimal(key_of_generation(kContext, {}, 8)), "a5300b461fd1af1b2da2766ba9aafa8e");
}

TEST_F(Store, OutlivesAProcessThatIsKilled) {
  const pid_t child = fork();
  if (child == 0) {
    auto store = AnswerStore::open(path_, "this model");
    if (!store.ok()) _exit(1);
    for (int32_t i = 0; i < 1000; ++i)
      if (!store->add(key_of_score(kContext, std::vector<int32_t>{i}), {-i * 0.1, false, ""}).ok())
        _exit(1);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  AnswerStore store = open();
  EXPECT_GE(store.size(), 768U) << "a transaction every 256 answers";
  EXPECT_EQ(store.find(key_of_score(kContext, std::vector<int32_t>{700})).value(),
            (StoredAnswer{-700 * 0.1, false, ""}));
}

TEST_F(Store, OneRunAtATime) {
  const AnswerStore store = open();
  const Error error = refused();
  EXPECT_EQ(error.code, ErrorCode::io);
  EXPECT_THAT(error.to_string(), HasSubstr("responses.sqlite: another program has it open"));
}

TEST_F(Store, RefusesWhatIsNoStore) {
  folder_.write("responses.sqlite", std::string(5000, 'x'));
  EXPECT_EQ(refused().code, ErrorCode::corrupt);
  EXPECT_THAT(refused().to_string(), HasSubstr("responses.sqlite: file is not a database"));
  EXPECT_EQ(folder_.read("responses.sqlite"), std::string(5000, 'x')) << "left as it was";

  folder_.write("responses.sqlite", "hello");
  EXPECT_FALSE(AnswerStore::open(path_, "this model").ok());

  fs::remove(path_);
  execute("CREATE TABLE notes (text)");
  const std::string before = folder_.read("responses.sqlite");
  EXPECT_EQ(refused().code, ErrorCode::mismatch);
  EXPECT_THAT(refused().to_string(), HasSubstr("a database of another program"));
  EXPECT_EQ(folder_.read("responses.sqlite"), before) << "left as it was";

  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_EQ(refused().code, ErrorCode::io);
}

TEST_F(Store, RefusesANewerLayout) {
  open();
  execute("PRAGMA user_version=2");
  EXPECT_EQ(refused().code, ErrorCode::unsupported);
  EXPECT_THAT(refused().to_string(), HasSubstr("layout 2, this program knows 1"));
}

TEST_F(Store, FindsDamage) {
  {
    AnswerStore store = open();
    for (int32_t i = 0; i < 2000; ++i)
      ASSERT_TRUE(
          store.add(key_of_score(kContext, std::vector<int32_t>{i}), {-0.1, true, ""}).ok());
  }
  const std::string whole = folder_.read("responses.sqlite");
  ASSERT_GT(whole.size(), 16384U);

  folder_.write("responses.sqlite", whole.substr(0, 12288));
  EXPECT_EQ(refused().code, ErrorCode::corrupt);
  EXPECT_THAT(refused().to_string(), HasSubstr("responses.sqlite"));

  std::string damaged = whole;
  std::fill(damaged.begin() + 12288, damaged.begin() + 12400, '\x55');
  folder_.write("responses.sqlite", damaged);
  EXPECT_EQ(refused().code, ErrorCode::corrupt);

  folder_.write("responses.sqlite", whole);
  execute("UPDATE answers SET log_likelihood = log_likelihood + 1");
  AnswerStore store = open();
  const auto answer = store.find(key_of_score(kContext, std::vector<int32_t>{5}));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::corrupt);
  EXPECT_THAT(answer.error().to_string(), HasSubstr("an answer is not what was written"));
}

// Any file at all: it is refused, or what it gives has the check sum of an answer.
TEST_F(Store, HostileFilesAreRefusedOrSound) {
  {
    AnswerStore store = open();
    for (int32_t i = 0; i < 300; ++i)
      ASSERT_TRUE(
          store.add(key_of_score(kContext, std::vector<int32_t>{i}), {-0.25, true, ""}).ok());
  }
  const std::string whole = folder_.read("responses.sqlite");
  uint32_t random = 12345;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    for (int change = 0; change < 20; ++change) {
      random = random * 1664525 + 1013904223;
      damaged[(random >> 8) % damaged.size()] ^= static_cast<char>(1 << (random & 7));
    }
    folder_.write("responses.sqlite", damaged);
    fs::remove(path_.string() + "-wal");
    auto store = AnswerStore::open(path_, "this model");
    if (!store.ok()) {
      EXPECT_THAT(store.error().to_string(), HasSubstr("responses.sqlite"));
      continue;
    }
    for (int32_t i = 0; i < 300; i += 7) {
      const auto answer = store->find(key_of_score(kContext, std::vector<int32_t>{i}));
      if (answer.ok() && *answer) {
        EXPECT_EQ(**answer, (StoredAnswer{-0.25, true, ""}));
      }
    }
  }
}

TEST_F(Store, AnotherTokenizerOrModelIsAnotherScope) {
  const fs::path embedded = test::source_folder() / "models/anemone-tiny";
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"})
    fs::copy_file(embedded / file, folder_.path() / file);
  const auto scope = [&](const lm::ModelInfo& model = {}) {
    return answer_scope(model, *text::Tokenizer::load(folder_.path()));
  };
  const std::string before = scope();
  EXPECT_EQ(scope(), before);
  lm::ModelInfo model;
  model.score_block_tokens = 64;
  EXPECT_NE(scope(model), before);
  // The tokens stay the same, what is made of them may not.
  folder_.write("tokenizer_config.json", folder_.read("tokenizer_config.json") + "\n");
  const std::string other_settings = scope();
  EXPECT_NE(other_settings, before);
  folder_.write("tokenizer.json", folder_.read("tokenizer.json") + "\n");
  EXPECT_NE(scope(), before);
  EXPECT_NE(scope(), other_settings);
}

// /dev/full refuses every write as a full disk does.
TEST_F(Store, AFullDiskIsAnErrorThatNamesTheFile) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this system";
  const auto store = AnswerStore::open("/dev/full", "this model");
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::io);
  EXPECT_THAT(store.error().to_string(), HasSubstr("/dev/full"));
}

}  // namespace
}  // namespace anemone::eval
