// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNetworks
import CPLNumerics

extension StateDictionary {
  /// Mean and deviation of each channel of the images, and what to tell of them: as the settings
  /// say, or as the file stores them, or as the data set has them whose images fit.
  ///
  /// - Parameters:
  ///   - configuration: the network's sizes but for the images' channels.
  ///   - published: the mean that the published code of such networks has, if it is known.
  /// - Throws: `ReferenceError` where nothing tells the mean, or both do not fit together.
  func normalization(
    _ settings: UnstoredSettings, _ buffers: StoredNormalization,
    of configuration: ModelConfiguration, published: [Float]?
  ) throws -> (mean: [Float], deviation: [Float], notes: [String]) {
    for (name, isDeviation, problem) in buffers.unusable
    where (isDeviation ? settings.standardDeviation : settings.mean) == nil {
      throw invalid(
        name,
        expected:
          "a \(isDeviation ? "deviation" : "mean") of the images that can be used, one number "
          + "a channel; or say it by \(isDeviation ? "--std" : "--mean")", found: problem)
    }
    // One number stands for every channel.
    let known = Self.descriptors(of: configuration)
    let channels = known.count == 1 ? known[0].image.channels : 1
    // What is not used need not be possible.
    let isTold = settings.mean != nil && settings.standardDeviation != nil
    let stored: (mean: [Float]?, deviation: [Float]?)
    do {
      stored = try buffers.values(channels: channels, of: self)
    } catch  where isTold {
      stored = (nil, nil)
    }
    var notes = buffers.unusable.map { "\($0.name.forMessage) is not used: \($0.problem)" }
    let kept = [
      settings.mean == nil ? stored.mean.map { "mean \($0)" } : nil,
      settings.standardDeviation == nil ? stored.deviation.map { "standard deviation \($0)" } : nil,
    ].compactMap(\.self)
    if !kept.isEmpty {
      let names = buffers.names.sorted().map { "'\($0.forMessage)'" }.joined(separator: " and ")
      notes.append(
        "images are normalised as the file stores it in \(names): \(kept.joined(separator: ", "))"
          + (buffers.isForAnyChannels ? "; for an unknown number of channels" : ""))
    }
    for (flag, said, stored) in [
      ("--mean", settings.mean, stored.mean),
      ("--std", settings.standardDeviation, stored.deviation),
    ] {
      guard let said, let stored, said != stored else { continue }
      notes.append("\(flag) \(said) is used, against the file, which stores \(stored)")
    }
    let deviation = settings.standardDeviation ?? stored.deviation
    let mean: [Float]
    if let told = settings.mean ?? stored.mean {
      mean = told
    } else if let published {
      mean = published
      notes.append(
        "its mean is not stored: taken as \(mean), which the published code subtracts; --mean "
          + "sets it")
    } else {
      let known = try knownDataset(of: configuration)
      mean = known.statistics.mean
      notes.append(
        "its mean is not stored: taken as \(mean), that of \(known.name); --mean sets it")
    }
    if deviation == nil {
      notes.append("its standard deviation is not stored: taken as 1; --std sets it")
    }
    let divisors = deviation ?? mean.map { _ in 1 }
    guard mean.count == divisors.count, mean.allSatisfy(\.isFinite),
      divisors.allSatisfy({ $0.isNormal && $0 > 0 })
    else {
      throw ReferenceError.mismatch(
        expected: "finite means, and as many positive deviations",
        found: "\(mean) and \(divisors)")
    }
    return (mean, divisors, notes)
  }

  /// The only data set whose images the network can take.
  private func knownDataset(of configuration: ModelConfiguration) throws -> DatasetDescriptor {
    let known = Self.descriptors(of: configuration)
    if known.count == 1 { return known[0] }
    let (image, classes) = (configuration.image, configuration.classes)
    let means = known.map {
      "--mean \($0.statistics.mean.map { "\($0)" }.joined(separator: ",")) for \($0.title)"
    }
    throw ReferenceError.mismatch(
      expected: "the mean of the images, which \(path) does not store: give --mean, one number a "
        + "channel" + (known.isEmpty ? "" : ", such as \(means.joined(separator: " or "))"),
      found: "none, and a network of images of \(image.height)×\(image.width) pixels in "
        + "\(classes) classes, whose first layer has \(configuration.channels) channels: those of "
        + (known.isEmpty
          ? "no data set that is known" : "several data sets"))
  }

  /// The data sets in files whose images a network can take; the images' channels are not known.
  private static func descriptors(of configuration: ModelConfiguration) -> [DatasetDescriptor] {
    DatasetDescriptor.all.filter {
      $0.isRead && configuration.channels >= $0.image.channels
        && configuration.image.height == $0.image.height
        && configuration.image.width == $0.image.width && configuration.classes == $0.classes
    }
  }
}
