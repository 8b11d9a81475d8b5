#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "coreml_stand_in/arrays.h"
#include "coreml_stand_in/elsewhere.h"
#include "coreml_stand_in/program.h"

using anemone::NamedTensor;
using anemone::Tensor;
using anemone::stand_in::journal;
using anemone::stand_in::orders;
using anemone::stand_in::Program;

namespace anemone::stand_in {
namespace {

std::string g_variable;

}  // namespace

const std::string& variable_at_first_call() { return g_variable; }

Journal& journal() {
  static Journal journal;
  return journal;
}

Orders& orders() {
  static Orders orders;
  return orders;
}

void start_anew() {
  journal() = {};
  orders() = {};
}

}  // namespace anemone::stand_in

struct StandInState {
  anemone::runtime::State state;
};

struct StandInModel {
  std::unique_ptr<Program> program;
  std::string function;
  int units = -1;
};

namespace {

void note_first_call() {
  static bool is_first = true;
  const char* const value = std::getenv("COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE");
  if (is_first) anemone::stand_in::g_variable = value == nullptr ? "" : value;
  is_first = false;
}

void skew(Tensor& tensor) {
  if (anemone::is_integer(tensor.dtype())) return;
  for (int64_t i = 0; i < tensor.element_count(); ++i)
    tensor.set(i, tensor.at(i) * (1 + (i % 2 == 0 ? orders().skew : -orders().skew)));
}

NSString* text_of(const std::string& text) { return [NSString stringWithUTF8String:text.c_str()]; }

NSError* error_of(const std::string& text, NSInteger code) {
  NSError* const beneath =
      [NSError errorWithDomain:@"com.apple.appleneuralengine"
                          code:6
                      userInfo:@{NSLocalizedDescriptionKey : @"Program load failure"}];
  return [NSError
      errorWithDomain:MLModelErrorDomain
                 code:code
             userInfo:@{NSLocalizedDescriptionKey : text_of(text), NSUnderlyingErrorKey : beneath}];
}

/// A prediction from its begin to its end. Counts those that one model has at once.
class UnderWay {
 public:
  explicit UnderWay(MLModel* model) : model_(model) {
    {
      const std::lock_guard lock(mutex_);
      ++journal().predictions_tried;
      int& most = journal().predictions_at_once;
      most = std::max(most, ++counts_[model_]);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(orders().prediction_milliseconds));
  }
  ~UnderWay() {
    const std::lock_guard lock(mutex_);
    --counts_[model_];
  }

 private:
  static inline std::mutex mutex_;
  static inline std::map<MLModel*, int> counts_;
  MLModel* model_;
};

Tensor in_wanted_shape(const Tensor& output) {
  if (orders().output_shape.empty()) return output;
  Tensor given = Tensor::zeros(output.dtype(), anemone::Shape(orders().output_shape));
  for (int64_t i = 0; i < std::min(given.element_count(), output.element_count()); ++i)
    given.set(i, output.at(i));
  return given;
}

}  // namespace

@implementation MLModelConfiguration
- (instancetype)init {
  self = [super init];
  units_ = MLComputeUnitsAll;
  return self;
}
- (void)dealloc {
  [function_ release];
  [super dealloc];
}
- (MLComputeUnits)computeUnits {
  return units_;
}
- (void)setComputeUnits:(MLComputeUnits)computeUnits {
  units_ = computeUnits;
}
- (NSString*)functionName {
  return function_;
}
- (void)setFunctionName:(NSString*)functionName {
  [function_ autorelease];
  function_ = [functionName copy];
}
@end

@implementation MLState
- (void)dealloc {
  delete inside_;
  [super dealloc];
}
- (void)getMultiArrayForStateNamed:(NSString*)stateName
                           handler:(void(NS_NOESCAPE ^)(MLMultiArray* buffer))handler {
  ++journal().states_touched;
  if (orders().loses_states)
    [NSException raise:NSInternalInconsistencyException format:@"the buffer is gone"];
  NamedTensor* const named = inside_->state.find([stateName UTF8String]);
  if (named == nullptr)
    [NSException raise:NSInvalidArgumentException format:@"no state named %@", stateName];
  MLMultiArray* const padded = [[[MLMultiArray alloc] initPaddedLike:named->tensor] autorelease];
  handler(padded);
  const Tensor changed = [padded tensor];
  std::copy(changed.bytes().begin(), changed.bytes().end(), named->tensor.mutable_bytes().begin());
}
@end

@implementation MLModel

+ (nullable instancetype)modelWithContentsOfURL:(NSURL*)url
                                  configuration:(MLModelConfiguration*)configuration
                                          error:(NSError**)error {
  note_first_call();
  const std::string path = [[url path] UTF8String];
  const std::string function =
      configuration.functionName == nil ? "" : [configuration.functionName UTF8String];
  const auto units = static_cast<int>(configuration.computeUnits);
  journal().loads.push_back({path, function, units});
  const auto refuse = [&](const std::string& reason) {
    if (error != nullptr) *error = error_of(reason, -14);
    return nil;
  };
  if (orders().busy_loads > 0) {
    --orders().busy_loads;
    return refuse("The Neural Engine is busy");
  }
  if (orders().refused_loads > 0) {
    --orders().refused_loads;
    return refuse(orders().refusal);
  }
  if (orders().refused_units.contains(units)) return refuse(orders().refusal);
  std::string reason;
  auto program = Program::open(path, reason);
  if (program == nullptr) return refuse(reason);
  if (!function.empty() && (!program->has_named_functions() || !program->has_function(function)))
    return refuse("The model has no function named " + function);
  MLModel* const model = [[[MLModel alloc] init] autorelease];
  const std::string chosen = function.empty() ? program->default_function() : function;
  model->inside_ = new StandInModel{std::move(program), chosen, units};
  return model;
}

+ (void)compileModelAtURL:(NSURL*)modelURL
        completionHandler:(void (^)(NSURL* _Nullable, NSError* _Nullable))handler {
  note_first_call();
  const std::string package = [[modelURL path] UTF8String];
  journal().compiled.push_back(package);
  std::string reason = "the compiler refuses it";
  const std::string folder =
      orders().refuses_to_compile ? "" : anemone::stand_in::compile_folder(package, reason);
  anemone::stand_in::run_elsewhere(^{
    if (folder.empty())
      handler(nil, error_of(reason, 3));
    else
      handler([NSURL fileURLWithPath:text_of(folder)], nil);
  });
}

- (void)dealloc {
  delete inside_;
  [super dealloc];
}

- (MLState*)newState {
  ++journal().states_made;
  MLState* const made = [[MLState alloc] init];
  made->inside_ = new StandInState{inside_->program->new_state()};
  return made;
}

- (nullable id<MLFeatureProvider>)predictionFromFeatures:(id<MLFeatureProvider>)input
                                                 options:(MLPredictionOptions*)options
                                                   error:(NSError**)error {
  return [self predict:input state:nullptr options:options error:error];
}

- (nullable id<MLFeatureProvider>)predictionFromFeatures:(id<MLFeatureProvider>)inputFeatures
                                              usingState:(MLState*)state
                                                 options:(MLPredictionOptions*)options
                                                   error:(NSError**)error {
  return [self predict:inputFeatures state:&state->inside_->state options:options error:error];
}

- (nullable id<MLFeatureProvider>)predict:(id<MLFeatureProvider>)features
                                    state:(anemone::runtime::State*)state
                                  options:(MLPredictionOptions*)options
                                    error:(NSError**)error {
  const UnderWay under_way(self);
  if (orders().raises_on_prediction)
    [NSException raise:NSInternalInconsistencyException format:@"the stand-in raises"];
  const auto refuse = [&](const std::string& reason) {
    if (error != nullptr) *error = error_of(reason, 0);
    return nil;
  };
  if (orders().busy_predictions > 0) {
    --orders().busy_predictions;
    return refuse("The Neural Engine is busy");
  }
  if (orders().fails_predictions) return refuse("Unable to compute the prediction");
  std::vector<NamedTensor> inputs;
  for (NSString* name in features.featureNames)
    inputs.push_back(
        {[name UTF8String], [[features featureValueForName:name].multiArrayValue tensor]});
  std::string reason;
  auto outputs = inside_->program->predict(inside_->function, inputs, state, reason);
  if (outputs.empty()) return refuse(reason);
  if (orders().skewed_units.contains(inside_->units))
    for (NamedTensor& output : outputs) skew(output.tensor);
  NSMutableDictionary<NSString*, id>* const values = [NSMutableDictionary dictionary];
  for (const NamedTensor& output : outputs) {
    NSString* const name = text_of(output.name);
    const Tensor given = in_wanted_shape(output.tensor);
    MLMultiArray* array =
        orders().ignores_backings ? nil : [options.outputBackings objectForKey:name];
    if (array != nil && [array hasShapeOf:given]) {
      ++journal().outputs_in_place;
      [array take:given];
    } else {
      array = [[[MLMultiArray alloc] initPaddedLike:given] autorelease];
    }
    [values setObject:[MLFeatureValue featureValueWithMultiArray:array] forKey:name];
  }
  ++journal().predictions;
  return [[[MLDictionaryFeatureProvider alloc] initWithDictionary:values
                                                            error:nullptr] autorelease];
}
@end
