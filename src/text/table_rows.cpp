#include "text/table_rows.h"

namespace anemone::text {
namespace {

anemone_bridge_rows_format bridge_format(TableRows::Format format) {
  return format == TableRows::Format::parquet ? ANEMONE_BRIDGE_ROWS_PARQUET
                                              : ANEMONE_BRIDGE_ROWS_ARROW_STREAM;
}

}  // namespace

Result<TableRows> TableRows::open(Format format, const std::filesystem::path& path) {
  const std::string name = path.string();
  ANEMONE_TRY(auto bridge, bridge_make<BridgeRows>([&](auto** handle, auto** error) {
                return anemone_bridge_rows_open(bridge_format(format), name.data(), name.size(),
                                                handle, error);
              }));
  return TableRows(std::move(bridge));
}

Result<TableRows> TableRows::parse(Format format, std::string_view bytes) {
  ANEMONE_TRY(auto bridge, bridge_make<BridgeRows>([&](auto** handle, auto** error) {
                return anemone_bridge_rows_open_bytes(bridge_format(format), bytes.data(),
                                                      bytes.size(), handle, error);
              }));
  return TableRows(std::move(bridge));
}

std::optional<int64_t> TableRows::count() const {
  const int64_t count = anemone_bridge_rows_count(bridge_.get());
  return count < 0 ? std::nullopt : std::optional(count);
}

Result<std::string> TableRows::schema_json() const {
  return bridge_text([&](auto* buffer, auto** error) {
    return anemone_bridge_rows_schema(bridge_.get(), buffer, error);
  });
}

Result<TableRows::Lines> TableRows::next() {
  Lines lines;
  ANEMONE_TRY(lines.text, bridge_text([&](auto* buffer, auto** error) {
                return anemone_bridge_rows_next(bridge_.get(), buffer, &lines.rows, error);
              }));
  return lines;
}

}  // namespace anemone::text
