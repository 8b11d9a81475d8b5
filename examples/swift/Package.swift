// swift-tools-version: 5.9
import PackageDescription

let package = Package(
  name: "anemone-swift",
  platforms: [.macOS("15.0"), .iOS("18.0")],
  products: [
    .library(name: "AnemoneModels", targets: ["AnemoneModels"]),
    .executable(name: "anemone-swift", targets: ["anemone-swift"]),
  ],
  dependencies: [
    // Tokenizers that read tokenizer.json.
    .package(url: "https://github.com/huggingface/swift-transformers", from: "1.0.0")
  ],
  targets: [
    .target(
      name: "AnemoneModels",
      dependencies: [.product(name: "Transformers", package: "swift-transformers")]),
    .executableTarget(name: "anemone-swift", dependencies: ["AnemoneModels"]),
    .testTarget(name: "AnemoneModelsTests", dependencies: ["AnemoneModels"]),
  ]
)
