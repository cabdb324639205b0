// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// How the command that made results read weights and images, so that they come out as they did then.
package struct RecordedReading {
  package enum Weights {
    /// Those in a file, with what the command said of them.
    case file(String, UnstoredSettings)
    /// Those that the results name.
    case named
  }

  private let weights: Weights
  private let images: ImageChoice

  package init(_ weights: Weights, _ images: ImageChoice) {
    self.weights = weights
    self.images = images
  }

  /// Reads the weights.
  ///
  /// - Parameters:
  ///   - place: where they are now; nil for where the command found them.
  ///   - name: the file that the results name.
  func readWeights(at place: String?, named name: String) throws -> Checkpoint {
    switch weights {
    case .file(let path, let settings): try Checkpoint.read(place ?? path, settings: settings)
    case .named: try Checkpoint(path: place ?? name)
    }
  }

  /// Reads the test images.
  ///
  /// - Parameters:
  ///   - place: where they are now; nil for where the command found them.
  ///   - classes: how many classes they have, where the files do not tell.
  func readImages(at place: String?, classes: Int) throws -> ImageDataset {
    var choice = images
    choice.data = place ?? choice.data
    return try choice.read(.test, classes: classes)
  }
}
