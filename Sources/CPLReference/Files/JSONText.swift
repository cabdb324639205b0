// SPDX-License-Identifier: Apache-2.0

import CPLNumerics
import Foundation

/// A value as JSON with sorted keys: the same text for the same value.
package func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// A value that stands in a file as JSON.
package func decodeJSON<Value: Decodable>(_ json: Data, path: String, location: String) throws
  -> Value
{
  do {
    return try JSONDecoder().decode(Value.self, from: json)
  } catch {
    throw ReferenceError.invalid(
      path: path, location: location, expected: "a description in JSON",
      found: "text that is not: \(String(decoding: json.prefix(320), as: UTF8.self).forMessage)")
  }
}
