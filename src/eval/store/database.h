#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "anemone/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace anemone::eval {

/// A prepared statement. Parameters count from 1, columns from 0.
class Statement {
 public:
  void bind(int parameter, int64_t value);
  void bind(int parameter, std::string_view text);
  /// A blob; null when there is nothing.
  void bind(int parameter, std::span<const std::byte> bytes);

  /// Goes to the next row; false after the last one, where the statement can be used again.
  /// Errors: as Database::open.
  Result<bool> step();
  /// Ends a statement that was left before its last row.
  void reset();

  int64_t integer(int column) const;
  bool is_null(int column) const;
  /// Bytes of a text or blob; valid until the next step.
  std::string_view bytes(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, std::string path)
      : statement_(statement), path_(std::move(path)) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  std::string path_;
};

/// An SQLite file that one program alone has open. Not thread-safe.
class Database {
 public:
  /// Opens the file or creates an empty one. Errors name the file: io (it cannot be opened, read or
  /// written; the disk is full; another program has it open), corrupt (no database, or a damaged
  /// one).
  static Result<Database> open(const std::filesystem::path& path);

  /// From here on transactions go to a write-ahead log: what was committed survives the end of the
  /// program at any point. Errors: as open.
  Status start_log();

  /// One or more statements whose rows nobody wants.
  Status execute(const std::string& sql);
  Result<Statement> prepare(const std::string& sql);
  /// The first column of the first row.
  Result<int64_t> number(const std::string& sql);
  /// Errors: corrupt (pages that do not fit together).
  Status check_pages();

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

}  // namespace anemone::eval
