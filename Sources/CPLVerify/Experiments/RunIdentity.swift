// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// What may not change between the parts of one run: all but the number of epochs, the place where
/// the images lie, and what follows from the rest. Taking a run up, reproducing it and the chain of
/// digests ask it alone.
package struct RunIdentity {
  /// With the rest left out.
  private let run: RunConfiguration

  package init(_ run: RunConfiguration) {
    self.run = RunConfiguration(
      experiment: Self.whateverItsEpochs(run.experiment),
      images: RunConfiguration.ImageSelection(
        digest: run.images.digest, testDigest: run.images.testDigest),
      augmentationSeed: run.augmentationSeed, command: nil)
  }

  private static func whateverItsEpochs(
    _ experiment: ExperimentConfiguration
  ) -> ExperimentConfiguration {
    var experiment = experiment
    experiment.training.epochs = 1
    return experiment
  }

  /// The text that a run's weights carry.
  package func yaml() throws -> String { try run.yaml() }

  /// Whether the run is one of an experiment, whatever its epochs.
  package func isRun(of experiment: ExperimentConfiguration) -> Bool {
    run.experiment == Self.whateverItsEpochs(experiment)
  }

  /// Where the run differs from the one that made weights.
  ///
  /// - Parameter origin: the identity that the weights carry.
  /// - Returns: the first lines that differ, quoted for a message; nil for the same run.
  package func difference(from origin: String) throws -> (origin: String, found: String)? {
    let lines = [origin, try yaml()].map { $0.split(separator: "\n") }
    guard lines[0] != lines[1] else { return nil }
    let difference = zip(lines[0], lines[1]).first { $0 != $1 }
    func quoted(_ line: Substring?) -> String {
      line.map { "'\($0.drop { $0 == " " })'" } ?? "another configuration"
    }
    return (quoted(difference?.0), quoted(difference?.1))
  }
}
