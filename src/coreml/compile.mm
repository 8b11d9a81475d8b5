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
      std::string path;
      std::optional<Error> refused;
      std::string* const target = &path;
      std::optional<Error>* const failure = &refused;
      [MLModel compileModelAtURL:to_url(package)
               completionHandler:^(NSURL* compiled, NSError* error) {
                 if (compiled != nil)
                   *target = to_std(compiled.path);
                 else
                   *failure = to_error(ErrorCode::unsupported, "compiling", error);
                 done->finish();
               }];
      completion.wait();
      if (refused) return *refused;
      return std::filesystem::path(path);
    });
  }
}

}  // namespace anemone::coreml
