#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "anemone/result.h"
#include "base/blake3.h"
#include "base/piece_consumer.h"

namespace anemone {

/// A new file, written from front to back. Small pieces are gathered; large ones go to the
/// operating system as they are, without a copy of ours, unless the file is hashed. What is hashed
/// goes past the page cache after its first 64 MiB, where the file system can.
class OutputFile {
 public:
  enum class Hashing : uint8_t { none, blake3 };

  /// With Hashing::blake3 one further thread hashes what is given to `write`, and another writes
  /// it. Errors: io (the file exists, the folder does not, no permission).
  static Result<OutputFile> create(const std::filesystem::path& path,
                                   Hashing hashing = Hashing::none);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  /// Errors: io, of this or an earlier call.
  Status write(std::span<const std::byte> bytes);
  /// To be called last: what is gathered is written and the system's late errors are heard. The
  /// bytes are then the operating system's, which brings them to the disk when it likes.
  Status close();
  /// After `close`: digest of the file (see Blake3::finish), empty when it was not asked for.
  const std::string& digest() const { return digest_; }

 private:
  struct Background;
  class PieceWriter;
  struct FreePiece {
    void operator()(std::byte* piece) const;
  };
  OutputFile(int descriptor, std::filesystem::path path, Hashing hashing);
  Status flush();

  int descriptor_;
  std::filesystem::path path_;
  std::array<std::unique_ptr<std::byte[], FreePiece>, PieceConsumer::kPieces> gathered_;
  size_t piece_ = 0;  ///< the one that is being filled.
  size_t gathered_bytes_ = 0;
  std::unique_ptr<Background> background_;  ///< null: not hashed. Ends before the pieces do.
  std::string digest_;
};

}  // namespace anemone
