// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// Why all ranks that train together end. Rank 0 tells it.
package enum RankFailure: Error {
  /// On rank 0: what is wrong on the lowest rank where something is.
  case on(rank: Int, ReferenceError, hint: String?)
  /// On other ranks: what rank 0 tells; nil where one of them was asked to stop.
  case toldByFirst(ReferenceError?)
}

extension RankFailure: CustomStringConvertible {
  package var description: String {
    switch self {
    case .on(let rank, let error, let hint):
      "\(rank == 0 ? "" : "rank \(rank): ")\(error)\(hint.map { " (\($0))" } ?? "")"
    case .toldByFirst: "rank 0 says why"
    }
  }
}

extension Ranks {
  /// Whether this rank is the one that writes and tells.
  package var isFirst: Bool { rank == 0 }

  /// Runs `body`, in which each rank is by itself, on all of them; where it fails on any, it fails on all.
  ///
  /// - Throws: `RankFailure`; where there is one rank, what `body` throws.
  package func agree<Result>(_ body: () throws -> Result) throws -> Result {
    guard count > 1 else { return try body() }
    let outcome = Swift.Result { try body() }
    var message: [UInt8] = []
    if case .failure(let error) = outcome {
      message = try Array(JSONEncoder().encode(Failure(error)))
    }
    let messages = gather(message)
    guard let rank = messages.firstIndex(where: { !$0.isEmpty }) else { return try outcome.get() }
    let failure = try JSONDecoder().decode(Failure.self, from: Data(messages[rank]))
    throw self.failure(rank, failure.error, hint: failure.hint)
  }

  /// Fails on all ranks where something that has to be the same on all is not.
  ///
  /// - Parameter facts: what it is called, and what it is here.
  package func agree(on facts: [(name: String, value: String)]) throws {
    guard count > 1 else { return }
    let all = try gather(Array(JSONEncoder().encode(facts.map(\.value)))).map {
      try JSONDecoder().decode([String].self, from: Data($0))
    }
    for (index, fact) in facts.enumerated() {
      guard let rank = all.firstIndex(where: { $0[index] != all[0][index] }) else { continue }
      // Of several lines, the first that differ.
      let lines: [[Substring]] = [0, rank].map { all[$0][index].split(separator: "\n") }
      let (first, other) = zip(lines[0], lines[1]).first(where: !=) ?? ("more", "less")
      let error = ReferenceError.mismatch(
        expected: "\(fact.name) of rank 0, \(first)", found: "\(other)")
      throw failure(rank, error)
    }
  }

  /// What all ranks throw of an error that they know of.
  func failure(_ rank: Int, _ error: ReferenceError, hint: String? = nil) -> RankFailure {
    isFirst ? .on(rank: rank, error, hint: hint) : .toldByFirst(error)
  }
}

/// An error on its way to another rank.
private struct Failure: Codable {
  let error: ReferenceError
  let hint: String?

  init(_ error: any Error) {
    switch error {
    case let error as HintedError: (self.error, hint) = (error.error, error.hint)
    case let error as ReferenceError: (self.error, hint) = (error, nil)
    default: (self.error, hint) = (.mismatch(expected: "no error", found: "\(error)"), nil)
    }
  }
}
