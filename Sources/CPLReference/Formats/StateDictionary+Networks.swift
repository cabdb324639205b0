// SPDX-License-Identifier: Apache-2.0

import CPLFiles

extension StateDictionary {
  /// The tensors under one prefix, by their first names without it.
  struct Network {
    let family: any PublishedFamily
    let prefix: String
    fileprivate(set) var tensors: [String: StoredTensor] = [:]

    /// Whether another one has the same tensors with the same numbers.
    func isCopy(of other: Network) -> Bool {
      tensors.count == other.tensors.count
        && tensors.allSatisfy { other.tensors[$0.key]?.isCopy(of: $0.value) == true }
    }
  }

  /// What the names of the file's networks begin with, in the order of the file.
  package var networkPrefixes: [String] { emptyNetworks.map(\.prefix) }

  /// The networks, without their tensors.
  private var emptyNetworks: [Network] {
    let families = families
    var seen: Set<String> = []
    return tensors.compactMap { tensor in
      for family in families {
        guard let prefix = family.prefix(of: tensor.name).map(String.init) else { continue }
        return seen.insert(prefix).inserted ? Network(family: family, prefix: prefix) : nil
      }
      return nil
    }
  }

  /// The networks that can be read.
  ///
  /// - Throws: `ReferenceError.invalid` for two copies of a tensor that differ.
  func networks() throws -> [Network] {
    var networks = emptyNetworks
    guard networks.count <= 64 else {
      throw invalid("", expected: "at most 64 networks", found: "\(networks.count)")
    }
    let positions = Dictionary(
      networks.indices.map { (networks[$0].prefix, $0) }, uniquingKeysWith: { first, _ in first })
    let families = families
    for tensor in tensors {
      let found = families.lazy.compactMap { $0.prefix(of: tensor.name).map(String.init) }.first
      guard let prefix = found, let index = positions[prefix] else { continue }
      let family = networks[index].family
      let name = family.canonical(String(tensor.name.dropFirst(prefix.count)))
      guard let other = networks[index].tensors.updateValue(tensor, forKey: name) else { continue }
      guard tensor.isCopy(of: other) else {
        throw invalid(
          tensor.name, expected: "the same numbers as in \(other.name.forMessage)",
          found: "others")
      }
    }
    return networks
  }

  /// The position of the network that `choice` names: by its prefix, with or without the last dot, or by what only
  /// its prefix begins with.
  func choose(_ choice: String, of networks: [Network]) throws -> Int {
    let exact = networks.firstIndex { $0.prefix == choice || $0.prefix == choice + "." }
    let begun = networks.indices.filter {
      networks[$0].prefix.hasPrefix(choice.isEmpty ? "." : choice + ".")
    }
    guard let position = exact ?? (begun.count == 1 ? begun[0] : nil) else {
      throw invalid(
        "", expected: "--network to name one of \(networks.names)", found: "'\(choice.forMessage)'")
    }
    return position
  }

  /// What the file holds that is not used, in a line; nil where there is nothing.
  ///
  /// - Parameter isUsed: whether a tensor is.
  func listing(besides isUsed: (String) -> Bool) -> String? {
    var counts: [(name: String, count: Int)] = []
    for tensor in tensors where !isUsed(tensor.name) {
      // What lies in one dictionary is named once.
      let name = String(tensor.name.prefix { $0 != "." })
      if let index = counts.firstIndex(where: { $0.name == name }) {
        counts[index].count += 1
      } else if counts.count < 64 {
        counts.append((name, 1))
      }
    }
    let items =
      counts.map { "\($0.name.forMessage) (\($0.count) tensor\($0.count == 1 ? "" : "s"))" }
      + company.map { "\($0.name.forMessage) (\($0.what.forMessage))" }
    guard !items.isEmpty else { return nil }
    let rest = items.count > 12 ? " and \(items.count - 12) more" : ""
    return items.prefix(12).joined(separator: ", ") + rest
  }
}

extension [StateDictionary.Network] {
  /// The prefixes, for messages.
  var names: String { map { "'\($0.prefix.forMessage)'" }.joined(separator: " and ") }
}
