import CoreML
import Foundation

/// A package `input_ids` int32 [1, N] -> `logits` [1, N, V], as `anemone convert --layout plain`
/// writes it. An actor: a model takes one prediction at a time.
public actor LogitsModel {
  private let model: MLModel
  /// Tokens that a call may have, ascending; none where any number is taken.
  private let lengths: [Int]

  public init(modelPath: String, units: MLComputeUnits = .all) async throws {
    let model = try await ModelLoader.load(modelPath, units: units)
    let description = model.modelDescription
    guard let ids = description.inputDescriptionsByName["input_ids"]?.multiArrayConstraint else {
      throw ModelError.wrongInput("\(modelPath) has no array input_ids")
    }
    self.model = model
    switch ids.shapeConstraint.type {
    case .enumerated:
      lengths = ids.shapeConstraint.enumeratedShapes.compactMap { $0.last?.intValue }.sorted()
    case .range:
      lengths = []
    default:
      lengths = ids.shape.last.map { [$0.intValue] } ?? []
    }
  }

  /// Logits of the token that follows `inputIDs`. A shorter text is padded behind its end, which
  /// a causal model's logits do not depend on.
  public func predict(inputIDs: [Int32]) async throws -> [Float] {
    guard let last = inputIDs.indices.last else {
      throw ModelError.wrongInput("no tokens")
    }
    let fitting = lengths.isEmpty ? inputIDs.count : lengths.first { $0 >= inputIDs.count }
    guard let count = fitting else {
      throw ModelError.noVariant(tokens: inputIDs.count, longest: lengths.last ?? 0)
    }
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
    return try (0..<shape[2]).map { token in
      let value = logits[[0, NSNumber(value: index), NSNumber(value: token)]].floatValue
      guard !value.isNaN else { throw ModelError.invalidOutput("logit \(token) is not a number") }
      return value
    }
  }
}
