// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Parsed JSON. On Linux `JSONSerialization` reads 0.30000000000000004 as another number;
/// `JSONDecoder` does not.
enum JSONValue: Decodable, Equatable {
  case null
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  init(_ text: String) throws {
    self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([JSONValue].self) {
      self = .list(list)
    } else if let object = try? container.decode([String: JSONValue].self) {
      self = .object(object)
    } else {
      // A truth value: none of the promised keys has one.
      self = .text(try container.decode(Bool.self) ? "true" : "false")
    }
  }

  /// The keys of an object.
  var keys: Set<String> {
    guard case .object(let members) = self else { return [] }
    return Set(members.keys)
  }

  subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  subscript(position: Int) -> JSONValue? {
    guard case .list(let elements) = self, elements.indices.contains(position) else { return nil }
    return elements[position]
  }

  var count: Int {
    switch self {
    case .list(let elements): elements.count
    case .object(let members): members.count
    default: 0
    }
  }
}
