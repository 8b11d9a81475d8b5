#include "eval/store/database.h"

#include <sqlite3.h>

#include <cstring>
#include <utility>

#include "base/error.h"

namespace anemone::eval {
namespace {

/// What SQLite says of the last failed call, as an error that names the file.
Error error_of(sqlite3* handle, const std::string& path) {
  const int code = sqlite3_extended_errcode(handle);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return with_hint(fail(ErrorCode::corrupt, "{}: {}", path, sqlite3_errmsg(handle)),
                       "remove the file to start without the answers that it held");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return with_hint(fail(ErrorCode::io, "{}: another program has it open", path),
                       "wait until that run ends, or give this one another --output-path");
    default:
      break;
  }
  const int system = sqlite3_system_errno(handle);
  const bool system_failed = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
  if (system_failed && system != 0)
    return fail(ErrorCode::io, "{}: {}: {}", path, sqlite3_errmsg(handle), std::strerror(system));
  return fail(ErrorCode::io, "{}: {}", path, sqlite3_errmsg(handle));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
}

void Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), parameter, text.data(), text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Statement::bind(int parameter, std::span<const std::byte> bytes) {
  if (bytes.empty())
    sqlite3_bind_null(statement_.get(), parameter);
  else
    sqlite3_bind_blob64(statement_.get(), parameter, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  Error error = error_of(sqlite3_db_handle(statement_.get()), path_);
  sqlite3_reset(statement_.get());
  return error;
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  if (data == nullptr) return {};
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Result<Database> Database::open(const std::filesystem::path& path) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  if (handle == nullptr) return fail(ErrorCode::limit, "{}: out of memory", path.string());
  Database database(handle, path.string());
  if (code != SQLITE_OK) return error_of(handle, database.path_);
  // A file from elsewhere is data: no code of its schema runs.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  ANEMONE_RETURN_IF_ERROR(database.execute("PRAGMA locking_mode=EXCLUSIVE"));
  return database;
}

Status Database::start_log() {
  // Locked before the log is opened it needs no shared memory, so that it works on network disks
  // too. Without synchronous=FULL a power cut may lose the last transactions, never more.
  return execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cell_size_check=ON; "
      "BEGIN EXCLUSIVE; COMMIT");
}

Status Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return error_of(handle_.get(), path_);
}

Result<Statement> Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
    return error_of(handle_.get(), path_);
  return Statement(statement, path_);
}

Result<int64_t> Database::number(const std::string& sql) {
  ANEMONE_TRY(Statement statement, prepare(sql));
  ANEMONE_TRY(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

Status Database::check_pages() {
  ANEMONE_TRY(Statement statement, prepare("PRAGMA quick_check(1)"));
  ANEMONE_TRY(const bool row, statement.step());
  const std::string said = row ? std::string(statement.bytes(0)) : "";
  if (said == "ok") return {};
  return with_hint(fail(ErrorCode::corrupt, "{}: {}", path_, said),
                   "remove the file to start without the answers that it held");
}

}  // namespace anemone::eval
