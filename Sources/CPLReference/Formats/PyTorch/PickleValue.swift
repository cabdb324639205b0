// SPDX-License-Identifier: Apache-2.0

import CPLFiles

/// A value of a pickled state dictionary. Containers, storages and tensors stand in the lists of
/// `PickleContents`, so that a pickle which puts a container into itself is no cycle in memory.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case real(Double)
  case text(String)
  case global(PickleGlobal)
  /// A position in `PickleContents.sequences`.
  case tuple(Int)
  case list(Int)
  /// A position in `PickleContents.sequences`: keys and values in turn.
  case dictionary(Int)
  /// A position in `PickleContents.storages`.
  case storage(Int)
  /// A position in `PickleContents.tensors`.
  case tensor(Int)
  /// Data that nothing here needs, by its type: "argparse.Namespace".
  case other(String)
}

/// Bytes of an archive that tensors lie in.
struct PickledStorage: Equatable {
  let key: String
  let format: NumberFormat
  /// In elements.
  let count: Int
}

/// A tensor as a pickle describes it; nothing of it is checked against its storage.
struct PickledTensor {
  let storage: PickledStorage
  /// In elements.
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

/// Everything that a pickle made.
struct PickleContents {
  var root: PickleValue = .none
  var sequences: [[PickleValue]] = []
  var storages: [PickledStorage] = []
  var tensors: [PickledTensor] = []

  /// The integers of a tuple or list; nil when it is none, or holds anything else.
  func integers(_ value: PickleValue) -> [Int]? {
    guard let values = sequence(value) else { return nil }
    var integers: [Int] = []
    for case .integer(let integer) in values { integers.append(integer) }
    return integers.count == values.count ? integers : nil
  }

  /// Whether attributes, in a dictionary or in a tuple of dictionaries, have a name that Python calls
  /// by itself.
  func holdsMethods(_ state: PickleValue) -> Bool {
    let states = if case .tuple = state { sequence(state) ?? [] } else { [state] }
    return states.contains { state in
      guard case .dictionary = state, let members = members(state) else { return false }
      return members.contains { $0.name.hasPrefix("__") }
    }
  }

  /// The members of a dictionary with their keys, or of a tuple or list with their positions; nil
  /// for anything else. Keys that are neither text nor numbers are left out.
  func members(_ value: PickleValue) -> [(name: String, value: PickleValue)]? {
    guard case .dictionary(let index) = value else {
      return sequence(value)?.enumerated().map { ("\($0)", $1) }
    }
    let members = sequences[index]
    return stride(from: 0, to: members.count, by: 2).compactMap { key in
      switch members[key] {
      case .text(let text): (text, members[key + 1])
      case .integer(let number): ("\(number)", members[key + 1])
      default: nil
      }
    }
  }

  /// The members of a tuple or list.
  func sequence(_ value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let index), .list(let index): sequences[index]
    default: nil
    }
  }
}

extension PickleValue {
  /// What the value is, in a message.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool, .integer, .real: "a number"
    case .text: "text"
    case .global: "a function or type"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .other(let type): type
    }
  }

  /// The value as company of weights is listed: a number itself, of others the kind.
  var summary: String {
    switch self {
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .real(let value): "\(value)"
    case .text(let text): text.count <= 40 ? "'\(text.forMessage)'" : "text"
    case .global(let global): global.name ?? kind
    default: kind
    }
  }
}
