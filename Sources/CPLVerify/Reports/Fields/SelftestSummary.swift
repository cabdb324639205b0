// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// What `selftest --json` printed, for a report: which planted faults the checks saw.
public struct SelftestSummary: Decodable, Sendable {
  package struct Fault: Decodable, Sendable {
    package let id: String
    package let statement: String
    package let caught: Bool
    /// The checks that came out violated, and those that had to.
    package let caughtBy: [String]
    package let namedChecks: [String]
  }

  package let faults: [Fault]
  package let checks: [String]
  package let seeds: Int
  package let falseAlarms: Int
  package let verdict: String

  /// Reads what the command printed.
  ///
  /// - Parameter path: what the text was read from, for messages.
  /// - Throws: `ReferenceError.invalid` for anything else.
  public init(json: String, path: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      self = try decoder.decode(SelftestSummary.self, from: Data(json.utf8))
    } catch {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "what 'selftest --json' prints",
        found: "something else")
    }
  }
}
