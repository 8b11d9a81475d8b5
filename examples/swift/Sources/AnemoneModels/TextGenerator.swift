import CoreML
import Foundation
import Tokenizers

/// Greedy text from the packages of a folder that `anemone convert --layout plain` wrote.
public struct TextGenerator {
  private let family: ModelFamily
  private let tokenizer: any Tokenizer
  private let endTokens: Set<Int32>
  private let units: MLComputeUnits

  public init(folder: String, units: MLComputeUnits = .all) async throws {
    family = try ModelFamily(folder: folder)
    tokenizer = try await AutoTokenizer.from(modelFolder: URL(fileURLWithPath: folder))
    endTokens = Set([tokenizer.eosTokenId].compactMap { $0.map(Int32.init) })
    self.units = units
  }

  public func encode(_ text: String) -> [Int32] {
    tokenizer.encode(text: text).map(Int32.init)
  }

  public func decode(_ tokens: [Int32]) -> String {
    tokenizer.decode(tokens: tokens.map(Int.init))
  }

  /// The tokens that follow `prompt`. Goes on to the next longer variant when a text outgrows one.
  public func generate(prompt: String, maxTokens: Int = 32) async throws -> [Int32] {
    var tokens = encode(prompt)
    let start = tokens.count
    var variant = try family.variant(holding: max(start, 1))
    var model = try await LogitsModel(modelPath: variant.path, units: units)
    while tokens.count - start < maxTokens {
      if tokens.count > variant.length {
        variant = try family.variant(holding: tokens.count)
        model = try await LogitsModel(modelPath: variant.path, units: units)
      }
      let logits = try await model.predict(inputIDs: tokens)
      let best = Int32(greatest(logits))
      tokens.append(best)
      if endTokens.contains(best) { break }
    }
    return Array(tokens[start...])
  }
}

/// The first of the largest values.
public func greatest(_ values: [Float]) -> Int {
  var best = 0
  for index in values.indices where values[index] > values[best] { best = index }
  return best
}
