#include "convert/source_hash.h"

namespace anemone::converter {

SourceHash::SourceHash(checkpoint::Checkpoint checkpoint)
    : thread_([this, checkpoint = std::move(checkpoint)] {
        hash_ = checkpoint::hash_checkpoint(checkpoint, &stop_);
      }) {}

SourceHash::~SourceHash() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

Result<std::string> SourceHash::get() {
  if (thread_.joinable()) thread_.join();
  return *hash_;
}

}  // namespace anemone::converter
