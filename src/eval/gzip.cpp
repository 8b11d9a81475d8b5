#include "eval/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace anemone::eval {
namespace {

constexpr size_t kStepBytes = 1u << 20;
constexpr int kGzipWindow = 15 + 16;  // zlib: largest window, gzip header expected

struct Inflater {
  z_stream stream{};
  ~Inflater() { inflateEnd(&stream); }
};

}  // namespace

Result<std::string> gunzip(std::span<const std::byte> bytes, size_t most_bytes) {
  Inflater inflater;
  z_stream& stream = inflater.stream;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK)
    return fail(ErrorCode::limit, "gzip: out of memory");
  std::string out;
  size_t consumed = 0;
  while (consumed < bytes.size() || stream.avail_in > 0) {
    if (stream.avail_in == 0) {
      const size_t step =
          std::min<size_t>(bytes.size() - consumed, std::numeric_limits<uInt>::max());
      stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data() + consumed));
      stream.avail_in = static_cast<uInt>(step);
      consumed += step;
    }
    const size_t filled = out.size();
    if (filled >= most_bytes)
      return fail(ErrorCode::limit, "gzip: more than {} bytes come out", most_bytes);
    out.resize(filled + std::min(kStepBytes, most_bytes - filled));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    stream.avail_out = static_cast<uInt>(out.size() - filled);
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0 && consumed == bytes.size()) return out;
      inflateReset(&stream);
    } else if (code != Z_OK) {
      return fail(ErrorCode::corrupt, "gzip: {} after {} bytes",
                  stream.msg != nullptr ? stream.msg : "the data end too early", out.size());
    }
  }
  return fail(ErrorCode::corrupt, "gzip: the data end too early, after {} bytes", out.size());
}

}  // namespace anemone::eval
