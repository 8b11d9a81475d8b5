import CoreML
import Foundation

/// A function whose cache lies in states, such as `infer` of a chunk that `anemone convert --layout
/// anemll` wrote: the state is made once for a text, and predictions update it in place.
public actor StatefulModel {
  private let model: MLModel
  private var state: MLState

  public init(modelPath: String, functionName: String?, units: MLComputeUnits = .all) async throws {
    model = try await ModelLoader.load(modelPath, units: units, functionName: functionName)
    guard !model.modelDescription.stateDescriptionsByName.isEmpty else {
      throw ModelError.wrongInput("\(modelPath) has no states")
    }
    state = model.makeState()
  }

  /// Begins another text.
  public func reset() { state = model.makeState() }

  /// Not asynchronous inside: predictions on one state must not overlap, and while an actor waits for a
  /// task, it takes other calls.
  public func predict(_ features: MLFeatureProvider) throws -> MLFeatureProvider {
    try model.prediction(from: features, using: state)
  }
}
