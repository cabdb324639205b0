extension StateDictionary {
  /// Mean and deviation of each channel of the images, and what to tell of them: as the settings
  /// say, or as the file stores them, or as the data set has them whose images fit.
  ///
  /// - Parameter configuration: the network's sizes but for the images' channels.
  /// - Throws: `ReferenceError` where nothing tells the mean, or both do not fit together.
  func normalization(
    _ settings: UnstoredSettings, _ buffers: StoredNormalization,
    of configuration: ModelConfiguration
  ) throws -> (mean: [Float], deviation: [Float], notes: [String]) {
    for (name, isDeviation, problem) in buffers.unusable
    where (isDeviation ? settings.standardDeviation : settings.mean) == nil {
      throw invalid(
        name,
        expected:
          "a \(isDeviation ? "deviation" : "mean") of the images that can be used, one number "
          + "a channel; or say it by \(isDeviation ? "--std" : "--mean")", found: problem)
    }
    let known = Self.dataSet(of: configuration)
    let channels = known == nil ? 1 : 3
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
          + (buffers.isForAnyChannels ? "; it does not tell for how many channels" : ""))
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
    } else {
      let (name, guess) = try guessedMean(of: configuration)
      mean = guess
      notes.append("its mean is not stored: taken as \(guess), that of \(name); --mean sets it")
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

  /// The mean of the data set that the network takes the images of.
  private func guessedMean(
    of configuration: ModelConfiguration
  ) throws -> (name: String, mean: [Float]) {
    guard let name = Self.dataSet(of: configuration) else {
      let (image, classes) = (configuration.image, configuration.classes)
      throw ReferenceError.mismatch(
        expected: "the mean of the images, which \(path) does not store: give --mean, one number a "
          + "channel"
          + ([image.height, image.width] == [28, 28] ? ", such as --mean 0.1307 for MNIST" : ""),
        found:
          "none, and a network of images of \(image.height)×\(image.width) pixels in \(classes) classes, "
          + "whose first layer has \(configuration.channels) channels: neither CIFAR-10's nor "
          + "CIFAR-100's")
    }
    return (name, ChannelStatistics.named(name).mean)
  }

  /// The data set whose images a network can take; nil where it is neither CIFAR-10 nor CIFAR-100.
  private static func dataSet(of configuration: ModelConfiguration) -> String? {
    guard [configuration.image.height, configuration.image.width] == [32, 32],
      configuration.channels >= 3
    else { return nil }
    return [10: "cifar10", 100: "cifar100"][configuration.classes]
  }
}
