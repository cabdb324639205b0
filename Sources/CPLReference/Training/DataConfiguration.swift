// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// Which data set an experiment is about, and what its training does to the images. What is nil is as the
/// data set's description has it.
public struct DataConfiguration: Codable, Equatable, Sendable {
  /// The data set's name, as `--dataset` gives it.
  public var dataset: String?
  /// What is subtracted from each channel.
  public var mean: [Float]?
  /// What each channel is divided by under `training.norm_input`.
  public var standardDeviation: [Float]?
  /// How many rows and columns reflection adds at each edge before an image is cropped.
  public var cropPadding: Int?
  /// Whether half of the images are mirrored.
  public var flip: Bool?

  /// Everything as the data set's description has it.
  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case dataset, mean
    case standardDeviation = "std"
    case cropPadding = "crop_padding"
    case flip
  }

  /// What makes these impossible for images of so many channels; nil when nothing does.
  func problem(channels: Int) -> (key: String, expected: String, found: String)? {
    let names = Set(
      DatasetDescriptor.all.map(\.name) + ImageSource.Kind.allCases.map(\.rawValue))
    if let dataset, !names.contains(dataset) {
      return (
        CodingKeys.dataset.rawValue, "one of \(names.sorted().joined(separator: ", "))",
        "'\(dataset.forMessage)'"
      )
    }
    for (key, numbers, isPossible) in [
      (CodingKeys.mean, mean, { (0...1).contains($0) }),
      (.standardDeviation, standardDeviation, { $0.isNormal && $0 > 0 && $0 <= 1 }),
    ] as [(CodingKeys, [Float]?, (Float) -> Bool)] {
      guard let numbers, numbers.count != channels || !numbers.allSatisfy(isPossible) else {
        continue
      }
      return (
        key.rawValue, "a number in [0, 1] for each of the \(channels) channels", "\(numbers)"
      )
    }
    if let cropPadding, !(0...256).contains(cropPadding) {
      return (CodingKeys.cropPadding.rawValue, "0 to 256", "\(cropPadding)")
    }
    return nil
  }
}

extension ExperimentConfiguration {
  /// Mean and deviation that training normalises the images of a data set by.
  ///
  /// - Throws: `ReferenceError.mismatch` where neither the configuration nor a description of the data
  ///   set tells them.
  public func normalization(
    of dataset: ImageDataset
  ) throws -> (mean: [Float], standardDeviation: [Float]) {
    let known = DatasetDescriptor.named(dataset.name)?.statistics
    func missing(_ what: String, _ key: String, _ value: [Float]) -> ReferenceError {
      .mismatch(
        expected: "the \(what) of the images of \(dataset.name) in the configuration, as "
          + "data.\(key): that of the training images is \(value)", found: "none")
    }
    guard let mean = data?.mean ?? known?.mean else {
      throw missing("mean", "mean", ChannelStatistics(of: dataset).mean)
    }
    guard training.normalizeInput else { return (mean, mean.map { _ in 1 }) }
    guard let deviation = data?.standardDeviation ?? known?.standardDeviation else {
      throw missing(
        "standard deviation", "std", ChannelStatistics(of: dataset).standardDeviation)
    }
    return (mean, deviation)
  }

  /// What training does to the images of a data set.
  public func augmentation(of dataset: ImageDataset) -> Augmentation.Policy {
    let known = DatasetDescriptor.named(dataset.name)?.augmentation ?? Augmentation.Policy()
    return Augmentation.Policy(
      cropPadding: data?.cropPadding ?? known.cropPadding, mirrors: data?.flip ?? known.mirrors)
  }

  /// What training on a data set takes for granted, a sentence each.
  package func assumptions(of dataset: ImageDataset) -> [String] {
    let known = DatasetDescriptor.named(dataset.name)
    var sentences: [String] = []
    if let known, let source = known.statistics.source, data?.mean == nil {
      sentences.append(
        "images are normalised by the mean \(known.statistics.mean), \(known.title)'s \(source); "
          + "data.mean sets another")
    }
    if known == nil, data?.flip == nil {
      sentences.append(
        "training crops and mirrors the images of \(dataset.name) as it does CIFAR's; data.flip and "
          + "data.crop_padding set it")
    }
    return sentences
  }
}
