// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference

/// The names in a file of results (`cpl-report`, version 2).
package enum ReportSchema {
  package static let format = "cpl-report"
  static let version: Int64 = 2
  /// Version 1 names a digest of the weights that leaves out steps, normalisation, padding and head,
  /// and so does not tell of which network the results are.
  static let readableVersions: ClosedRange<Int> = 1...2

  static let provenance = "/provenance"
  static let model = "/model"
  static let training = "/training"
  static let bounds = "/bounds"
  static let evaluation = "/evaluation"
  static let certificates = "/certificates"
  static let attacks = "/attacks"
  static let audit = "/audit"
  static let counterexamples = "/counterexamples"
  static let checks = "/checks"
  /// Of an attack: a row for each row of the columns that has a finite distance.
  static let adversarialImages = "adversarial_images"

  /// The group of an attack.
  ///
  /// - Throws: `ReferenceError.mismatch` for a name that HDF5 would take for a path.
  static func attack(_ name: String) throws -> String {
    guard !name.isEmpty, name != ".", !name.utf8.contains(UInt8(ascii: "/")) else {
      throw ReferenceError.mismatch(
        expected: "an attack's name without a slash", found: name.debugDescription)
    }
    return "\(attacks)/\(name)"
  }

  /// The groups of an audit's violations, by the images' indices; a second violation of an image
  /// that stands twice in a selection has its position behind the index.
  static func counterexamples(_ audit: AuditResult) -> [String] {
    var taken: Set<Int> = []
    return audit.violations.enumerated().map { position, violation in
      let isFirst = taken.insert(violation.index).inserted
      return "\(counterexamples)/\(violation.index)" + (isFirst ? "" : ".\(position)")
    }
  }
}
