// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation

/// A small run and places for it.
enum ExperimentSample {
  static var run: RunConfiguration {
    var training = TrainingConfiguration()
    training.epochs = 3
    return RunConfiguration(
      experiment: ExperimentConfiguration(
        name: "sample",
        model: .recipe(
          ModelRecipe(convolutionLayers: 1, channels: 4, linearLayers: 1, linearInner: 8)),
        training: training),
      images: RunConfiguration.ImageSelection(digest: "0123", testDigest: nil),
      augmentationSeed: nil, command: "cpl-verify train")
  }

  /// Runs `body` with the path of a folder of its own, which is removed afterwards.
  static func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }
}
