// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference

/// Any number of results on the same images, in one table and one figure.
package struct Leaderboard: Sendable {
  let entries: [LeaderboardEntry]
  /// The certificates that any of them has, from the strongest statement to the weakest.
  let kinds: [CertificateKind]
  /// The strongest that all of them have.
  let common: CertificateKind?

  /// A leaderboard, the network with the largest certified accuracy first.
  ///
  /// - Parameter reports: with what each was read from.
  /// - Throws: `ReferenceError.mismatch` for results without accuracies, or on different images.
  package init(_ reports: [(path: String, report: VerificationReport)]) throws {
    var first: (path: String, report: VerificationReport)?
    for (path, report) in reports {
      guard let summary = report.accuracies, summary.images > 0 else {
        throw ReferenceError.mismatch(
          expected: "results with accuracies, which 'evaluate', 'certify' and 'audit' keep",
          found: "none in \(path)")
      }
      if let first, report.provenance.data.digest != first.report.provenance.data.digest {
        throw ReferenceError.mismatch(
          expected: "results on the same images",
          found: "\(first.path) on \(Self.images(first.report)) and \(path) on "
            + Self.images(report))
      }
      first = first ?? (path, report)
    }
    let held = reports.map { Set($0.report.accuracies?.certifiedAccuracy.keys.map { $0 } ?? []) }
    let shared = held.dropFirst().reduce(held.first ?? []) { $0.intersection($1) }
    let common = CertificateKind.allCases.last(where: shared.contains)
    kinds = CertificateKind.allCases.reversed().filter { kind in
      held.contains { $0.contains(kind) }
    }
    self.common = common
    let names = Self.names(of: reports.map(\.path))
    func rank(_ entry: LeaderboardEntry) -> (Double, Double) {
      (
        common.flatMap { entry.certified($0, Epsilon.published[0])?.share } ?? -1,
        entry.clean?.share ?? -1
      )
    }
    entries = zip(reports, names).map {
      LeaderboardEntry($0.report, path: $0.path, name: $1, kind: common)
    }.enumerated().sorted {
      let (one, other) = (rank($0.element), rank($1.element))
      return one == other ? $0.offset < $1.offset : one > other
    }.map(\.element)
  }

  private static func images(_ report: VerificationReport) -> String {
    "\(report.accuracies?.images ?? 0) images, digest "
      + (report.provenance.data.digest?.prefix(16).description ?? "unknown")
  }

  /// The paths without what all of them begin and end with.
  private static func names(of paths: [String]) -> [String] {
    let parts = paths.map { path in
      let name = path.hasSuffix(".h5") ? String(path.dropLast(3)) : path
      return name.split(separator: "/").map(String.init)
    }
    guard parts.count > 1 else { return parts.map { $0.last ?? "" } }
    func shared(_ lists: [[String]]) -> Int {
      let shortest = lists.map(\.count).min() ?? 0
      return (0..<max(shortest - 1, 0)).first { index in Set(lists.map { $0[index] }).count > 1 }
        ?? max(shortest - 1, 0)
    }
    let front = shared(parts)
    let rest = parts.map { Array($0.dropFirst(front)) }
    let back = shared(rest.map { $0.reversed() })
    return rest.map { $0.dropLast(back).joined(separator: "/") }
  }
}
