#pragma once

#include <memory>

#include "anemone/model.h"

namespace anemone::runtime {

/// As many threads as `options` say.
std::shared_ptr<ThreadPool> make_thread_pool(const Options& options);

/// Model::load of a part of a whole whose parts run one after the other, on threads that they
/// share: those of one part are still awake when the next one begins. `options.threads` says
/// nothing then.
Result<std::shared_ptr<Model>> load_on(std::shared_ptr<ThreadPool> pool, package::Package package,
                                       const Options& options);

}  // namespace anemone::runtime
