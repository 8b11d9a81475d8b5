import CoreML
import Foundation

/// A package `input_ids` int32 [1, N] -> `logits` [1, N, V], as `anemone convert --layout plain`
/// writes it. An actor, for use from any task; predictions may overlap, which Core ML's asynchronous ones
/// without a state may.
public actor LogitsModel {
  /// Not marked Sendable by Core ML, whose asynchronous predictions leave the actor all the same.
  private nonisolated(unsafe) let model: MLModel
  private let lengths: SequenceLengths

  public init(modelPath: String, units: MLComputeUnits = .all) async throws {
    let model = try await ModelLoader.load(modelPath, units: units)
    let description = model.modelDescription
    guard let ids = description.inputDescriptionsByName["input_ids"]?.multiArrayConstraint else {
      throw ModelError.wrongInput("\(modelPath) has no array input_ids")
    }
    guard let lengths = SequenceLengths(of: ids) else {
      throw ModelError.wrongInput("input_ids of \(modelPath) has no axis of tokens")
    }
    self.model = model
    self.lengths = lengths
  }

  /// Logits of the token that follows `inputIDs`. A shorter text is padded behind its end, which
  /// a causal model's logits do not depend on.
  public func predict(inputIDs: [Int32]) async throws -> [Float] {
    guard let last = inputIDs.indices.last else {
      throw ModelError.wrongInput("no tokens")
    }
    let count = try lengths.shortest(holding: inputIDs.count)
    let ids = try MLMultiArray(shape: [1, NSNumber(value: count)], dataType: .int32)
    for index in 0..<count {
      ids[[0, NSNumber(value: index)]] = NSNumber(value: index <= last ? inputIDs[index] : 0)
    }
    let features = try MLDictionaryFeatureProvider(dictionary: ["input_ids": ids])
    let result = try await model.prediction(from: features)
    guard let logits = result.featureValue(for: "logits")?.multiArrayValue else {
      throw ModelError.invalidOutput("there is no array logits")
    }
    return try row(last, of: logits)
  }

  /// By the strides: rows of arrays that come from the Neural Engine are padded.
  private func row(_ index: Int, of logits: MLMultiArray) throws -> [Float] {
    let shape = logits.shape.map(\.intValue)
    guard shape.count == 3, shape[0] == 1, index < shape[1], shape[2] > 0 else {
      throw ModelError.invalidOutput("logits have shape \(shape)")
    }
    let strides = logits.strides.map(\.intValue)
    let places = (0..<shape[2]).map { index * strides[1] + $0 * strides[2] }
    let values: [Float]
    switch logits.dataType {
    case .float32:
      values = logits.withUnsafeBufferPointer(ofType: Float.self) { numbers in places.map { numbers[$0] } }
    #if arch(arm64)
      case .float16:
        values = logits.withUnsafeBufferPointer(ofType: Float16.self) { numbers in
          places.map { Float(numbers[$0]) }
        }
    #endif
    default:
      values = (0..<shape[2]).map {
        logits[[0, NSNumber(value: index), NSNumber(value: $0)]].floatValue
      }
    }
    if let token = values.firstIndex(where: \.isNaN) {
      throw ModelError.invalidOutput("logit \(token) is not a number")
    }
    return values
  }
}
