// SPDX-License-Identifier: Apache-2.0

import CPLFiles

/// The mean and deviation of images that a checkpoint stores beside its network: buffers such as
/// `mean` and `std`, `normalize.mean`, `0.mean`, of one number a channel.
struct StoredNormalization {
  /// The names of the tensors that are used.
  private(set) var names: Set<String> = []
  private var mean: StoredTensor?
  private var deviation: StoredTensor?
  /// What looks like a mean or a deviation and cannot be used, or contradicts what is used: without a
  /// flag that says it, a guess in its place would be another network's.
  private(set) var unusable: [(name: String, isDeviation: Bool, problem: String)] = []

  /// What a name's last component says, whatever is written around it: `_mean`, `pixel_mean`, `Mean`.
  private enum Role {
    case mean, deviation
    /// A variance, or the inverse of a deviation: nothing that can be used as it is.
    case other

    init?(_ component: Substring) {
      let words = component.lowercased().split(separator: "_")
      func says(_ names: Set<Substring>) -> Bool { words.contains { names.contains($0) } }
      if says(["var", "variance", "inv", "rstd"]) || says(["running"]) {
        guard words.count > 1 || says(["var", "variance", "rstd"]) else { return nil }
        self = .other
      } else if says(["mean", "means", "mu"]) {
        self = .mean
      } else if says(["std", "stds", "stdev", "stddev", "sd", "sds", "deviation", "sigma"]) {
        self = .deviation
      } else {
        return nil
      }
    }
  }

  /// Names under which lists of numbers are a normalisation, and how such lists are called.
  private static let plainNames: Set<String> = [
    "mean", "means", "std", "stds", "pixel_mean", "pixel_std", "image_mean", "image_std",
    "norm_mean", "norm_std", "data_mean", "data_std",
  ]
  private static let sequences: Set<String> = ["a list", "a tuple", "NumPy array"]
  /// What holds a state that is not the network's.
  private static let otherStates: Set<Substring> = [
    "optimizer", "optim", "opt", "scheduler", "lr_scheduler", "scaler", "amp",
  ]

  /// Finds the buffers that belong to the network under `prefix`: those in the smallest module
  /// around it, where several modules have some.
  ///
  /// - Parameters:
  ///   - tensors: those that are no network's.
  ///   - others: the prefixes of the file's other networks, whose buffers are theirs.
  ///   - company: what is no tensor beside the network.
  ///   - channels: how many the network's images can have at most.
  init(
    _ tensors: [StoredTensor], of prefix: String, others: [String],
    company: [StateDictionary.Company], channels: Int
  ) {
    for member in company where Self.sequences.contains(member.what) {
      guard let last = member.name.split(separator: ".").last, let role = Role(last),
        Self.plainNames.contains(last.lowercased())
      else { continue }
      unusable.append((member.name, role != .mean, "\(member.what), not a tensor"))
    }
    let home = Self.modules(of: prefix)
    let otherHomes = others.map(Self.modules)
    // By the module that they are in: how near it is, and the tensors.
    var candidates: [(module: [Substring], rank: (Int, Int))] = []
    var members: [String: (mean: StoredTensor?, deviation: StoredTensor?)] = [:]
    for tensor in tensors {
      let path = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
      guard let last = path.last, let role = Role(last), path.count <= 12,
        path.first.map(Self.otherStates.contains) != true
      else { continue }
      let module = Array(path.dropLast())
      let shared = Self.shared(module, home)
      guard module.count - shared <= 2, otherHomes.allSatisfy({ Self.shared(module, $0) <= shared })
      else { continue }
      let key = module.joined(separator: ".")
      if members[key] == nil { candidates.append((module, (shared, -module.count))) }
      if role == .mean {
        members[key, default: (nil, nil)].mean = tensor
      } else if role == .deviation || members[key]?.deviation == nil {
        members[key, default: (nil, nil)].deviation = tensor
      }
    }
    // A spectral norm is called sigma too: it is a deviation only beside a mean.
    let usable = candidates.filter {
      let found = members[$0.module.joined(separator: ".")]
      // A single number alone is a statistic of something else.
      return found?.mean.map { found?.deviation != nil || $0.count > 1 }
        ?? (found?.deviation.map { $0.count > 1 && !$0.name.hasSuffix("sigma") } ?? false)
    }
    guard let best = usable.max(by: { $0.rank < $1.rank }),
      let found = members[best.module.joined(separator: ".")]
    else { return }
    for (tensor, keyPath) in [
      (found.mean, \StoredNormalization.mean), (found.deviation, \.deviation),
    ] {
      guard let tensor else { continue }
      if let problem = Self.problem(of: tensor, isDeviation: keyPath == \.deviation, channels) {
        unusable.append((tensor.name, keyPath == \.deviation, problem))
      } else {
        self[keyPath: keyPath] = tensor
        names.insert(tensor.name)
      }
    }
    for other in usable where other.module != best.module {
      let members = members[other.module.joined(separator: ".")]
      for (tensor, used, isDeviation) in [
        (members?.mean, mean, false), (members?.deviation, deviation, true),
      ] {
        guard let tensor, used.map({ $0.isCopy(of: tensor) }) != true else { continue }
        let name = (mean ?? deviation)?.name.forMessage ?? "the file's"
        unusable.append(
          (tensor.name, isDeviation, "another normalisation than that of \(name)"))
      }
    }
  }

  private static func modules(of prefix: String) -> [Substring] {
    prefix.split(separator: ".", omittingEmptySubsequences: false).dropLast()
  }

  private static func shared(_ first: [Substring], _ second: [Substring]) -> Int {
    zip(first, second).prefix { $0 == $1 }.count
  }

  /// Why a tensor is no mean or deviation of channels.
  private static func problem(
    of tensor: StoredTensor, isDeviation: Bool, _ channels: Int
  ) -> String? {
    let shape = tensor.shape
    if tensor.name.split(separator: ".").last.flatMap(Role.init) == .other {
      return "a variance or another function of the deviation"
    }
    // One number a channel: (C), (C, 1, 1), (1, C, 1, 1) and the like.
    let isChannels = shape.count { $0 != 1 } <= 1
    guard isChannels, (1...64).contains(tensor.count), tensor.count <= channels,
      tensor.format.isFloatingPoint
    else {
      return "\(tensor.format) of shape \(shape) is not one number a channel, at most \(channels)"
    }
    let values = tensor.numbers.floats().values
    let isPossible = values.allSatisfy { isDeviation ? $0.isNormal && $0 > 0 : $0.isFinite }
    return isPossible
      ? nil : isDeviation ? "one that is not a positive number" : "one that is not a finite number"
  }

  /// Whether another network's images are normalised in the same way.
  func isCopy(of other: StoredNormalization) -> Bool {
    zip([mean, deviation], [other.mean, other.deviation]).allSatisfy { mine, theirs in
      guard let mine, let theirs else { return mine == nil && theirs == nil }
      return mine.isCopy(of: theirs)
    }
  }

  /// Whether a single number is stored for all channels, however many there are.
  var isForAnyChannels: Bool {
    !names.isEmpty && [mean, deviation].allSatisfy { $0?.count ?? 1 == 1 }
  }

  /// The stored numbers, one a channel.
  ///
  /// - Parameter channels: how many channels single numbers for all channels are for.
  /// - Throws: `ReferenceError.invalid` for a mean and a deviation that do not fit together, and for
  ///   those of images in 0…255.
  func values(
    channels: Int, of dictionary: StateDictionary
  ) throws -> (mean: [Float]?, deviation: [Float]?) {
    let largest = isForAnyChannels ? channels : max(mean?.count ?? 1, deviation?.count ?? 1)
    func numbers(_ tensor: StoredTensor?) throws -> [Float]? {
      guard let tensor else { return nil }
      let values = tensor.numbers.floats().values
      guard values.count == largest || values.count == 1 else {
        throw dictionary.invalid(
          tensor.name, expected: "one number for each of the \(largest) channels",
          found: "\(values.count)")
      }
      // A single number is that of every channel.
      return values.count == largest
        ? values : [Float](repeating: values[0], count: largest)
    }
    let values = (mean: try numbers(mean), deviation: try numbers(deviation))
    if let mean, let largest = values.mean?.map(abs).max(), largest > 1 {
      throw dictionary.invalid(
        mean.name,
        expected: "the mean of images in [0, 1]; --mean and --std say it otherwise",
        found: "\(largest), that of images in 0…255")
    }
    return values
  }

}
