// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNetworks
import CPLNumerics

/// The tensors of a network in a state dictionary, by their first names without prefix.
struct PublishedTensors {
  let dictionary: StateDictionary
  let family: any PublishedFamily
  let prefix: String
  private var tensors: [String: StoredTensor] = [:]
  /// Names that no layer has asked for.
  private var unused: Set<String> = []
  /// The tensors that were rounded, and by how much.
  private var rounded: [String: (format: NumberFormat, largestError: Double)] = [:]

  /// What has to be told of how the network was found.
  private var choice: [String] = []
  /// The tensors that normalise the network's images.
  private(set) var normalization: StoredNormalization

  /// Finds a network's tensors among those of a file.
  ///
  /// - Parameter network: what their names begin with, where the file has several networks.
  /// - Throws: `ReferenceError.invalid` when there is none, more than one network and no choice, or
  ///   two copies of a tensor that differ.
  init(_ dictionary: StateDictionary, network: String? = nil) throws {
    self.dictionary = dictionary
    let networks = try dictionary.networks()
    guard let first = networks.first else { throw UnreadFamily.error(of: dictionary) }
    // Those of no network: whose they are is asked once a tensor, however many networks there are.
    let families = dictionary.families
    let outside = dictionary.tensors.filter { tensor in
      families.allSatisfy { $0.prefix(of: tensor.name) == nil }
    }
    let normalizations = networks.map { member in
      StoredNormalization(
        outside, of: member.prefix, others: networks.map(\.prefix).filter { $0 != member.prefix },
        company: dictionary.company, channels: member.family.channels(of: member))
    }
    var chosen = 0
    if let network {
      chosen = try dictionary.choose(network, of: networks)
      if networks.count > 1 {
        let prefix = networks[chosen].prefix.forMessage
        choice = ["--network \(network.forMessage) chooses '\(prefix)' of \(networks.names)"]
      }
    } else {
      guard networks.dropFirst().allSatisfy(first.isCopy),
        normalizations.dropFirst().allSatisfy(normalizations[0].isCopy)
      else {
        throw dictionary.invalid(
          "", expected: "one network, or a choice with --network",
          found: "\(networks.names), which differ")
      }
      if networks.count > 1 { choice = ["\(networks.names) hold the same network"] }
    }
    family = networks[chosen].family
    prefix = networks[chosen].prefix
    tensors = networks[chosen].tensors
    normalization = normalizations[chosen]
    if let family = UnreadFamily(ofLayers: tensors.keys) {
      throw family.error(of: dictionary)
    }
    unused = Set(tensors.keys)
    // Tensors may share their bytes: many large ones can stand in a small file.
    let byteCount = tensors.values.reduce(0) { $0 + Double($1.byteCount) }
    guard byteCount <= 2 * Double(dictionary.byteCount) + 0x1p25 else {
      throw dictionary.invalid(
        "", expected: "a network that fits into the \(dictionary.byteCount) bytes of the file",
        found: "tensors of \(byteCount) bytes that share them")
    }
  }

  /// How many layers in a row have a tensor `name`, counted from 0.
  func count(_ layer: (Int) -> String, with name: String) -> Int {
    var count = 0
    while tensors[layer(count) + name] != nil { count += 1 }
    return count
  }

  /// For each layer what the names of its tensors begin with.
  func stems(of layers: [LayerSpecification]) -> [String] {
    family.stems(of: layers, under: prefix)
  }

  /// Whether there is a tensor of that name.
  func contains(_ name: String) -> Bool { tensors[name] != nil }

  /// The shape of a tensor that has to have so many extents, none of them 0.
  func shape(_ name: String, rank: Int) throws -> [Int] {
    guard let tensor = tensors[name] else {
      throw dictionary.invalid(prefix + name, expected: "a tensor", found: "none of that name")
    }
    guard tensor.shape.count == rank, !tensor.shape.contains(0) else {
      throw dictionary.invalid(
        tensor.name, expected: "\(rank) extents that are not 0", found: "shape \(tensor.shape)")
    }
    return tensor.shape
  }

  /// Takes a tensor that has to be of `shape`, as one of `newShape`.
  mutating func take(
    _ name: String, _ shape: [Int], as newShape: [Int]? = nil
  ) throws -> Tensor<Float> {
    guard let tensor = tensors[name] else {
      throw dictionary.invalid(prefix + name, expected: "a tensor", found: "none of that name")
    }
    guard tensor.shape == shape else {
      throw dictionary.invalid(
        tensor.name, expected: "shape \(shape)", found: "shape \(tensor.shape)")
    }
    unused.remove(name)
    let (elements, largestError) = try tensor.floats(path: dictionary.path)
    if largestError > 0 { rounded[tensor.name] = (tensor.format, largestError) }
    return Tensor(shape: newShape ?? shape, elements: elements)
  }

  /// Takes the tensors of a layer, whose names begin with `stem`, in the shapes that its kind states.
  mutating func take(
    _ stored: [(name: String, shape: [Int])], at stem: String,
    as stated: [(name: String, shape: [Int])]
  ) throws -> [Tensor<Float>] {
    try zip(stored, stated).map { try take(stem + $0.name, $0.shape, as: $1.shape) }
  }

  /// Takes a number that may be missing, stored in whatever shape.
  mutating func takeNumber(_ name: String) throws -> Float? {
    guard let tensor = tensors[name] else { return nil }
    guard tensor.count == 1 else {
      throw dictionary.invalid(
        tensor.name, expected: "a single number", found: "shape \(tensor.shape)")
    }
    return try take(name, tensor.shape, as: [1]).elements[0]
  }

  /// What has to be told of the reading.
  var notes: [String] {
    var notes: [String] = []
    if let first = rounded.min(by: { $0.key < $1.key }) {
      let others = rounded.count > 1 ? " and \(rounded.count - 1) more" : ""
      let error = rounded.values.map(\.largestError).max() ?? 0
      notes.append(
        "\(first.key.forMessage)\(others) rounded from \(first.value.format.rawValue) to binary32, with a "
          + "relative error of at most \(Float(error))")
    }
    if let company = dictionary.listing(besides: isUsed) {
      notes.append("beside the network, passed over: \(company)")
    }
    return choice + notes
  }

  /// Whether a tensor belongs to the network or its images' normalisation.
  func isUsed(_ name: String) -> Bool {
    family.prefix(of: name).map { $0 == prefix } ?? normalization.names.contains(name)
  }

  /// Checks that every tensor was asked for.
  func checkAllTaken() throws {
    guard let stray = unused.min() else { return }
    throw dictionary.invalid(
      prefix + stray, expected: "tensors of the network's layers alone",
      found: "another one")
  }
}
