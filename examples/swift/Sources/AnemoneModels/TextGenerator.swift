import CoreML
import Foundation
import Tokenizers

/// What a text was continued by.
public struct Continuation: Equatable {
  public enum End: Equatable {
    case endOfText
    case maxTokens
    /// The text is longer than the longest variant takes.
    case outgrown(longest: Int)
  }

  public let tokens: [Int32]
  public let end: End
}

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

  /// What follows `prompt`. Goes on to the next longer variant when a text outgrows one, and ends where
  /// there is none; a prompt that none takes is an error.
  public func generate(prompt: String, maxTokens: Int = 32) async throws -> Continuation {
    var tokens = encode(prompt)
    let start = tokens.count
    var variant = try family.variant(holding: max(start, 1))
    var model = try await LogitsModel(modelPath: variant.path, units: units)
    var end = Continuation.End.maxTokens
    while tokens.count - start < maxTokens {
      if tokens.count > variant.length {
        guard let longer = try? family.variant(holding: tokens.count) else {
          end = .outgrown(longest: variant.length)
          break
        }
        variant = longer
        model = try await LogitsModel(modelPath: variant.path, units: units)
      }
      let logits = try await model.predict(inputIDs: tokens)
      let best = Int32(greatest(logits))
      tokens.append(best)
      if endTokens.contains(best) {
        end = .endOfText
        break
      }
    }
    return Continuation(tokens: Array(tokens[start...]), end: end)
  }
}

/// The first of the largest values.
public func greatest(_ values: [Float]) -> Int {
  var best = 0
  for index in values.indices where values[index] > values[best] { best = index }
  return best
}
