// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference

/// Two stored results side by side: what changed between them, and what it did, image by image.
package struct ReportComparison: Sendable {
  /// A recorded fact of both.
  package struct Fact: Equatable, Sendable, Encodable {
    package let name: String
    package let first: String
    package let second: String
    package var changed: Bool { first != second }
  }

  /// A share of images under both, such as a certified accuracy.
  package struct Share: Sendable {
    package let name: String
    package let pairs: PairedProportions
  }

  /// A mean over images under both, such as that of radii.
  package struct Mean: Sendable {
    package let name: String
    package let pairs: PairedBootstrap
    /// The images left out, since a number of theirs is not finite.
    package let leftOut: Int
  }

  /// Configuration, data, code, weights, results and machine.
  package let facts: [Fact]
  /// The lines of the configurations that only one has.
  package let configuration: (onlyFirst: [String], onlySecond: [String])
  package let shares: [Share]
  package let means: [Mean]
  /// The number of images that were paired.
  package let images: Int
  /// What a reader must know first of each.
  package let notices: (first: [Notice], second: [Notice])

  /// What the bootstrap draws from.
  private static let seed: UInt64 = 0

  /// Compares two reports.
  ///
  /// - Parameter names: what they were read from, for messages.
  /// - Throws: `ReferenceError.mismatch` when they do not hold the certificates of the same images.
  package init(
    _ first: VerificationReport, _ second: VerificationReport,
    names: (first: String, second: String)
  ) throws {
    var tables: [CertificateTable] = []
    for (name, report) in [(names.first, first), (names.second, second)] {
      guard let table = report.certificates, table.count > 0 else {
        throw ReferenceError.mismatch(
          expected: "two results with a certificate for each image, which 'evaluate' and 'audit' "
            + "keep", found: "none in \(name)")
      }
      tables.append(table)
    }
    let data = [first, second].map { $0.provenance.data.digest ?? "unknown" }
    guard data[0] == data[1], tables[0].indices == tables[1].indices,
      tables[0].labels == tables[1].labels
    else {
      throw ReferenceError.mismatch(
        expected: "results on the same images, which can be paired",
        found: "\(names.first) on \(Self.images(tables[0], data[0])) and \(names.second) on "
          + Self.images(tables[1], data[1]))
    }
    images = tables[0].count
    notices = (first.provenance.notices ?? [], second.provenance.notices ?? [])
    facts = Self.facts(first, second)
    let lines = [first, second].map {
      ($0.provenance.configuration ?? "").split(separator: "\n").map(String.init)
    }
    configuration = (
      lines[0].filter { !lines[1].contains($0) }, lines[1].filter { !lines[0].contains($0) }
    )
    shares = Self.shares(tables[0], tables[1])
    means = Self.means(tables[0], tables[1]) + Self.distances(first.audit, second.audit)
  }

  private static func images(_ table: CertificateTable, _ digest: String) -> String {
    "\(table.count) images, digest \(digest.prefix(16))"
  }

  private static func facts(_ first: VerificationReport, _ second: VerificationReport) -> [Fact] {
    func fact(_ name: String, _ text: (VerificationReport) -> String?) -> Fact {
      Fact(
        name: name, first: text(first) ?? Shown.missing, second: text(second) ?? Shown.missing)
    }
    return [
      fact("results", \.contentDigest), fact("verdict", \.verdict?.rawValue),
      fact("weights", \.provenance.weightsDigest),
      fact("network that was executed", \.provenance.networkDigest),
      fact("steps", \.provenance.steps),
      fact("configuration", \.provenance.configurationDigest),
      fact("images", \.provenance.data.digest), fact("profile", \.provenance.profile),
      fact("certificate that was attacked") { $0.audit?.certificate.rawValue },
      fact("parameters") { $0.model.map { "\($0.parameters)" } },
      fact("Lipschitz constant at most") { Shown.upper($0.bounds?.lipschitzUpperBound) },
      fact("broken certificates") { $0.audit.map { "\($0.violations.count)" } },
      fact("checks that are violated") { report in
        report.checks.isEmpty ? nil : "\(report.checks.count { $0.verdict == .violated })"
      },
      fact("code") { report in
        report.provenance.gitCommit.map {
          "\(report.provenance.versions.program ?? "") \($0)"
            + (report.provenance.isDirty == true ? " with uncommitted changes" : "")
        }
      },
      fact("OpenBLAS's kernels", \.provenance.versions.openblasCore),
      fact("own kernels", \.provenance.machine.kernelLevel),
      fact("processor", \.provenance.machine.cpu),
      fact("threads") { $0.provenance.machine.threads.map { "\($0)" } },
    ]
  }

  private static func shares(_ first: CertificateTable, _ second: CertificateTable) -> [Share] {
    func isCorrect(_ table: CertificateTable, _ kind: CertificateKind) -> [Bool] {
      zip(table.predictions(of: kind), table.labels).map { $0 == $1 }
    }
    var shares = [
      Share(
        name: "clean accuracy",
        pairs: PairedProportions(isCorrect(first, .published), isCorrect(second, .published)))
    ]
    for kind in CertificateKind.allCases {
      guard let one = first.radii[kind], let other = second.radii[kind] else { continue }
      for epsilon in Epsilon.published {
        func certified(_ radii: [Double], _ correct: [Bool]) -> [Bool] {
          zip(radii, correct).map { $0 > epsilon.value && $1 }
        }
        shares.append(
          Share(
            name: "certified accuracy (\(kind)) at \(epsilon)",
            pairs: PairedProportions(
              certified(one, isCorrect(first, kind)), certified(other, isCorrect(second, kind)))))
      }
    }
    return shares
  }

  /// Of each kind the average certified radius, 0 for an image that is classified wrongly (Zhai et
  /// al., *MACER*, ICLR 2020).
  private static func means(_ first: CertificateTable, _ second: CertificateTable) -> [Mean] {
    CertificateKind.allCases.compactMap { kind in
      guard first.radii[kind] != nil, second.radii[kind] != nil else { return nil }
      func radii(_ table: CertificateTable) -> [Double] {
        (0..<table.count).map {
          table.predictions(of: kind)[$0] == table.labels[$0] ? table.radii[kind]![$0] : 0
        }
      }
      return mean("average certified radius (\(kind))", radii(first), radii(second))
    }
  }

  /// The distances of the nearest adversarial images, where both audits found one.
  private static func distances(_ first: AuditResult?, _ second: AuditResult?) -> [Mean] {
    guard let first, let second else { return [] }
    let others = Dictionary(
      second.images.map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
    let pairs = first.images.compactMap { image in
      others[image.index].flatMap {
        image.radius > 0 && $0.radius > 0 ? (image.distance, $0.distance) : nil
      }
    }
    return [
      mean("distance of the nearest adversarial image", pairs.map(\.0), pairs.map(\.1))
    ].compactMap { $0 }
  }

  private static func mean(_ name: String, _ first: [Double], _ second: [Double]) -> Mean? {
    let finite = zip(first, second).filter { $0.isFinite && $1.isFinite }
    return PairedBootstrap(finite.map(\.0), finite.map(\.1), seed: seed).map {
      Mean(name: name, pairs: $0, leftOut: first.count - finite.count)
    }
  }
}
