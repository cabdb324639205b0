// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLProperties
import CPLReference
import CPLReports

/// What `verify` and `selftest` work on: stored weights or the built-in network, and images.
package struct CheckSubject {
  package let stored: CPLNetwork<Float>
  /// Where the weights were read from; nil for the built-in network.
  package let checkpoint: Checkpoint?
  /// Images that the network takes.
  package let images: ImageDataset?
  /// Whether the network was trained on data like these.
  package let isLabelled: Bool
  /// The accuracy on the images that chose the best epoch, of weights that remember it.
  private let validationAccuracy: Double?
  private let scratch: String
  /// Where weights and images were read from; nil for what is built in.
  private let place: (weights: String?, data: String?)
  private let recordedValues: String

  /// - Parameters:
  ///   - weights: the file; nil for the built-in network.
  ///   - settings: what the file does not tell of its network.
  ///   - choice: the images.
  ///   - scratch: a folder for temporary files.
  package init(
    _ weights: String?, _ settings: UnstoredSettings, _ choice: ImageChoice, scratch: String
  ) throws {
    self.scratch = scratch
    place = (weights, choice.data)
    recordedValues = try BuiltInFiles.recordedValues(scratch: scratch)
    checkpoint = try weights.map { try Checkpoint.read($0, settings: settings) }
    stored = try checkpoint?.network ?? BuiltInFiles.network(scratch: scratch)
    let images = try choice.read(.test, classes: stored.classes)
    if choice.data != nil { try stored.check(takes: images) }
    // Built-in images serve foreign weights too where they fit; their labels do not.
    let fits = stored.image == images.imageShape && stored.classes == images.classes
    self.images = fits ? images : nil
    isLabelled =
      fits
      && (weights == nil || choice.data != nil
        || checkpoint?.description.trainedOn?.name == images.name)
    let history =
      checkpoint?.training?.history ?? weights.map { RunFolder.history(beside: $0) } ?? []
    validationAccuracy = history.last?.selectionAccuracy
  }

  /// Bounds the layers. The built-in network, which is no file of anybody's, has verified steps
  /// unless others are asked for.
  package func verify(
    _ judging: Judging, workers: Workers, progress: @Sendable (_ done: Int, _ of: Int) -> Void
  ) throws -> VerifiedNetwork {
    if let checkpoint {
      return try judging.verify(checkpoint, workers: workers, progress: progress)
    }
    return try VerifiedNetwork(
      stored, profile: judging.profile,
      steps: judging.steps == .shipped ? .verified : judging.steps, workers: workers,
      progress: progress)
  }

  /// A context with all but the verified network.
  package func context(
    seed: UInt64, effort: CheckContext.Effort, workers: Workers
  ) -> CheckContext {
    var context = CheckContext(seed: seed, effort: effort, workers: workers)
    context.scratch = scratch
    context.recordedValues = recordedValues
    context.images = images
    context.isLabelled = isLabelled
    context.validationAccuracy = validationAccuracy
    return context
  }

  /// How results about it come to be.
  ///
  /// - Parameter flags: those with which the weights were read and judged.
  package func provenance(
    _ verified: VerifiedNetwork, under judging: Judging, flags: [String], seed: UInt64,
    workers: Workers
  ) throws -> Provenance {
    var provenance = Provenance()
    (provenance.profile, provenance.steps) = (judging.name, verified.steps.rawValue)
    provenance.seed = seed
    provenance.weights = place.weights ?? "built in"
    provenance.weightsFlags = Provenance.shellCommand(flags)
    provenance.weightsDigest = try stored.digest()
    provenance.networkDigest = try verified.network.digest()
    if let weights = place.weights, let checkpoint {
      let notices = Notice.all(of: verified, from: checkpoint, on: images, workers: workers)
      provenance.notices = notices.isEmpty ? nil : notices
      try RunFolder.configuration(of: checkpoint, at: weights)?.describe(in: &provenance)
    }
    if let images {
      provenance.data.name = images.name
      provenance.data.folder = place.data
      provenance.data.split = ImageDataset.Split.test.rawValue
      provenance.data.images = images.count
      provenance.data.available = images.available
      provenance.data.digest = images.digest
    }
    return provenance
  }
}
