#include "eval/store/answer_store.h"

#include <zlib.h>

#include <bit>
#include <utility>

#include "anemone/version.h"
#include "base/error.h"
#include "eval/python_format.h"
#include "eval/value.h"

namespace anemone::eval {
namespace {

constexpr size_t kMostPending = 256;
constexpr std::chrono::milliseconds kMostWait{500};

constexpr int64_t kApplication = 0x416e654d;  // "AneM"
constexpr int64_t kLayout = 1;

const std::string kCreate = fmt::format(
    "BEGIN EXCLUSIVE;"
    "CREATE TABLE scopes (id INTEGER PRIMARY KEY, scope TEXT NOT NULL UNIQUE);"
    "CREATE TABLE answers (scope INTEGER NOT NULL, key BLOB NOT NULL, log_likelihood INTEGER NOT "
    "NULL, greedy INTEGER NOT NULL, generated INTEGER NOT NULL, text BLOB, crc INTEGER NOT NULL, "
    "PRIMARY KEY (scope, key)) "
    "WITHOUT ROWID;"
    "PRAGMA application_id={};"
    "PRAGMA user_version={};"
    "COMMIT",
    kApplication, kLayout);

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// CRC-32 over key and value: what a page of a damaged disk holds is not taken for an answer.
int64_t check_sum(const AnswerKey& key, const StoredAnswer& answer) {
  std::array<unsigned char, 17> value{};
  const auto bits = std::bit_cast<uint64_t>(answer.log_likelihood);
  for (size_t i = 0; i < 8; ++i) {
    value[i] = static_cast<unsigned char>(bits >> (8 * i));
    value[8 + i] = static_cast<unsigned char>(answer.generated_tokens >> (8 * i));
  }
  value[16] = answer.greedy ? 1 : 0;
  uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(key.data()), key.size());
  sum = crc32_z(sum, value.data(), value.size());
  sum = crc32_z(sum, reinterpret_cast<const Bytef*>(answer.text.data()), answer.text.size());
  return static_cast<int64_t>(sum);
}

/// Makes a new file ours, or finds that the file is.
Status adopt(Database& database, const std::string& path) {
  ANEMONE_TRY(const int64_t application, database.number("PRAGMA application_id"));
  ANEMONE_TRY(const int64_t layout, database.number("PRAGMA user_version"));
  ANEMONE_TRY(const int64_t tables, database.number("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && layout == 0 && tables == 0) {
    ANEMONE_RETURN_IF_ERROR(database.start_log());
    return database.execute(kCreate);
  }
  if (application != kApplication)
    return with_hint(fail(ErrorCode::mismatch,
                          "{}: a database of another program, not a store of answers", path),
                     "move it away, or give another --output-path");
  if (layout != kLayout)
    return with_hint(
        fail(ErrorCode::unsupported, "{}: layout {}, this program knows {}", path, layout, kLayout),
        "use the version of the program that wrote it, or remove the file");
  ANEMONE_RETURN_IF_ERROR(database.start_log());
  return database.check_pages();
}

Result<int64_t> scope_id(Database& database, const std::string& scope) {
  ANEMONE_TRY(Statement insert, database.prepare("INSERT OR IGNORE INTO scopes(scope) VALUES(?)"));
  insert.bind(1, std::string_view(scope));
  ANEMONE_TRY(bool row, insert.step());
  ANEMONE_TRY(Statement select, database.prepare("SELECT id FROM scopes WHERE scope = ?"));
  select.bind(1, std::string_view(scope));
  ANEMONE_TRY(row, select.step());
  return row ? select.integer(0) : 0;
}

}  // namespace

std::string answer_scope(const lm::ModelInfo& model, const text::Tokenizer& tokenizer) {
  return python::dumps(Value{{"model_hash", model.hash},
                             {"form", model.form},
                             {"numerics", runtime::to_string(model.numerics)},
                             {"context_length", model.context_length},
                             {"prefill_block_tokens", model.prefill_block_tokens},
                             {"score_block_tokens", model.score_block_tokens},
                             {"tokenizer_sha256", tokenizer.sha256()},
                             {"stop_ids", tokenizer.stop_ids()},
                             {"anemone", version()},
                             {"answers", kAnswersVersion}});
}

Result<AnswerStore> AnswerStore::open(const std::filesystem::path& path, const std::string& scope) {
  ANEMONE_TRY(Database database, Database::open(path));
  ANEMONE_RETURN_IF_ERROR(adopt(database, path.string()));
  ANEMONE_TRY(const int64_t id, scope_id(database, scope));
  ANEMONE_TRY(const int64_t own,
              database.number(fmt::format("SELECT count(*) FROM answers WHERE scope = {}", id)));
  ANEMONE_TRY(const int64_t all, database.number("SELECT count(*) FROM answers"));
  ANEMONE_TRY(Statement find,
              database.prepare("SELECT log_likelihood, greedy, generated, text, crc FROM answers "
                               "WHERE scope = ? AND key = ?"));
  ANEMONE_TRY(Statement add,
              database.prepare("INSERT OR REPLACE INTO answers VALUES(?, ?, ?, ?, ?, "
                               "?, ?)"));
  AnswerStore store(std::move(database), std::move(find), std::move(add), path.string(), id);
  store.size_ = static_cast<uint64_t>(own);
  store.foreign_ = static_cast<uint64_t>(all - own);
  return store;
}

AnswerStore::~AnswerStore() { (void)flush(); }

Result<std::optional<StoredAnswer>> AnswerStore::find(const AnswerKey& key) {
  find_.bind(1, scope_);
  find_.bind(2, std::span<const std::byte>(key));
  ANEMONE_TRY(const bool found, find_.step());
  if (!found) return std::optional<StoredAnswer>();
  StoredAnswer answer{std::bit_cast<double>(find_.integer(0)), find_.integer(1) != 0,
                      std::string(find_.bytes(3)), static_cast<uint64_t>(find_.integer(2))};
  const bool sound = check_sum(key, answer) == find_.integer(4);
  find_.reset();
  if (!sound)
    return with_hint(fail(ErrorCode::corrupt, "{}: an answer is not what was written", path_),
                     "remove the file to start without the answers that it held");
  return std::optional(std::move(answer));
}

Status AnswerStore::add(const AnswerKey& key, StoredAnswer answer) {
  pending_.push_back({key, std::move(answer)});
  if (pending_.size() < kMostPending && Clock::now() - last_flush_ < kMostWait) return {};
  return flush();
}

Status AnswerStore::write_pending() {
  ANEMONE_RETURN_IF_ERROR(database_.execute("BEGIN"));
  for (const auto& [key, answer] : pending_) {
    add_.bind(1, scope_);
    add_.bind(2, std::span<const std::byte>(key));
    add_.bind(3, std::bit_cast<int64_t>(answer.log_likelihood));
    add_.bind(4, int64_t{answer.greedy});
    add_.bind(5, static_cast<int64_t>(answer.generated_tokens));
    add_.bind(6, bytes_of(answer.text));
    add_.bind(7, check_sum(key, answer));
    ANEMONE_TRY([[maybe_unused]] const bool row, add_.step());
  }
  return database_.execute("COMMIT");
}

Status AnswerStore::flush() {
  last_flush_ = Clock::now();
  if (pending_.empty()) return {};
  Status status = write_pending();
  pending_.clear();
  if (!status.ok()) (void)database_.execute("ROLLBACK");
  return status;
}

}  // namespace anemone::eval
