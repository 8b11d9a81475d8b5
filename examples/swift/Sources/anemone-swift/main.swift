import AnemoneModels
import CoreML
import Foundation

// anemone-swift describe PACKAGE [all|cpu|cpu-gpu|cpu-ane]
// anemone-swift generate FOLDER PROMPT [TOKENS] [all|cpu|cpu-gpu|cpu-ane]

func computeUnits(_ name: String) throws -> MLComputeUnits {
  switch name {
  case "all": return .all
  case "cpu": return .cpuOnly
  case "cpu-gpu": return .cpuAndGPU
  case "cpu-ane": return .cpuAndNeuralEngine
  default: throw ModelError.wrongInput("units are all, cpu, cpu-gpu or cpu-ane, not \(name)")
  }
}

func run(_ arguments: [String]) async throws {
  switch (arguments.first, arguments.count) {
  case ("describe", 2...3):
    let units = try computeUnits(arguments.count > 2 ? arguments[2] : "all")
    print(ModelLoader.describe(try await ModelLoader.load(arguments[1], units: units)))
  case ("generate", 3...5):
    guard let count = arguments.count > 3 ? Int(arguments[3]) : 32, count > 0 else {
      throw ModelError.wrongInput("TOKENS is a number from 1")
    }
    let units = try computeUnits(arguments.count > 4 ? arguments[4] : "all")
    let generator = try await TextGenerator(folder: arguments[1], units: units)
    let made = try await generator.generate(prompt: arguments[2], maxTokens: count)
    print(made.tokens.map(String.init).joined(separator: " "))
    print(generator.decode(made.tokens))
    if case .outgrown(let longest) = made.end {
      FileHandle.standardError.write(Data("the longest variant takes \(longest) tokens\n".utf8))
    }
  default:
    throw ModelError.wrongInput("describe PACKAGE [UNITS] | generate FOLDER PROMPT [TOKENS] [UNITS]")
  }
}

do {
  try await run(Array(CommandLine.arguments.dropFirst()))
} catch {
  FileHandle.standardError.write(Data("error: \(error.localizedDescription)\n".utf8))
  exit(1)
}
