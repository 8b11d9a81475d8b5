#pragma once

#import <CoreML/CoreML.h>

#include <filesystem>
#include <mutex>
#include <string>

#include "anemone/model.h"
#include "anemone/result.h"
#include "anemone/tensor.h"
#include "base/error.h"
#include "coreml/framework.h"
#include "coreml/retained.h"

/// Between our types and those of Foundation and Core ML.
namespace anemone::coreml {

NSString* to_ns(const std::string& text);
std::string to_std(NSString* text);
NSURL* to_url(const std::filesystem::path& path);
MLComputeUnits to_ml(runtime::ComputeUnits units);

/// "<what>: <description> (<domain> <code>)", and the errors beneath it.
Error to_error(ErrorCode code, const std::string& what, NSError* error);

/// The configuration that every load uses; autoreleased.
MLModelConfiguration* configuration_of(runtime::ComputeUnits units, const std::string& function);

/// Runs body(); what it raises becomes an error of `code`.
template <typename Body>
auto guarded(ErrorCode code, const char* what, const Body& body) -> decltype(body()) {
  @try {
    return body();
  } @catch (NSException* exception) {
    return fail(code, "Core ML: {}: raised {}: {}", what, to_std(exception.name),
                to_std(exception.reason));
  }
}

/// An array over the tensor's bytes, which must outlive it. Errors: unsupported (a dtype that Core
/// ML's arrays do not have).
Result<Retained<MLMultiArray*>> array_over(Tensor& tensor);
/// Copies an array of the tensor's dtype; `array` need not be dense. Nothing is done where the
/// array lies over the tensor's bytes already.
Status read_array(MLMultiArray* array, const std::string& name, Tensor& tensor);
Status write_array(const Tensor& tensor, const std::string& name, MLMultiArray* array);
/// Dimensions or strides.
std::vector<int64_t> to_numbers(NSArray<NSNumber*>* numbers);

struct StateBuffers::Handle {
  Retained<MLState*> state;
};

struct Function::Handle {
  Retained<MLModel*> model;
  std::string name;
  runtime::ComputeUnits units = runtime::ComputeUnits::all;
  mutable std::mutex in_use;
};

}  // namespace anemone::coreml
