#include "coreml/completion.h"
#include "coreml/objects.h"

namespace anemone::coreml {

std::string system_version() {
  @autoreleasepool {
    return to_std([[NSProcessInfo processInfo] operatingSystemVersionString]);
  }
}

Result<std::filesystem::path> compile(const std::filesystem::path& package) {
  using Compiled = Result<std::filesystem::path>;
  @autoreleasepool {
    return guarded(ErrorCode::unsupported, "compiling", [&]() -> Compiled {
      Completion completion;
      Completion* const done = &completion;
      // What the handler is given is kept and read here: nothing may be raised on its thread.
      Retained<NSURL*> made;
      Retained<NSError*> refused;
      Retained<NSURL*>* const kept = &made;
      Retained<NSError*>* const failure = &refused;
      [MLModel compileModelAtURL:to_url(package)
               completionHandler:^(NSURL* compiled, NSError* error) {
                 *kept = Retained<NSURL*>::share(compiled);
                 *failure = Retained<NSError*>::share(error);
                 done->finish();
               }];
      completion.wait();
      if (made.get() == nil) return to_error(ErrorCode::unsupported, "compiling", refused.get());
      return std::filesystem::path(to_std(made.get().path));
    });
  }
}

}  // namespace anemone::coreml
