// SPDX-License-Identifier: Apache-2.0

/// A certificate by its name. Every output names it.
public struct CertificateKind: Sendable {
  public let certificate: any Certificate.Type

  public init(_ certificate: any Certificate.Type) { self.certificate = certificate }

  public static let published = CertificateKind(PublishedCertificate.self)
  public static let lipschitz = CertificateKind(LipschitzCertificate.self)
  public static let real = CertificateKind(RealCertificate.self)
  public static let sound = CertificateKind(SoundCertificate.self)
  public static let local = CertificateKind(LocalCertificate.self)

  /// Whether a radius of this kind is a theorem about some network, and not an estimate.
  public var isProved: Bool { certificate.gap == nil }

  /// Whether it is computed only where it is asked for.
  public var isCostly: Bool { certificate.isCostly }

  /// Whether it speaks of the class that the binary64 network computes; else of binary32's.
  public var isOfBinary64: Bool { certificate.arithmetic != .binary32 }
}

extension CertificateKind: CaseIterable {
  /// Every certificate, from the weakest statement to the strongest.
  public static let allCases: [CertificateKind] = [published, lipschitz, real, sound, local]

  /// Those that every evaluation computes: all but the costly ones.
  public static let standing = allCases.filter { !$0.isCostly }

  /// The names, as messages list them.
  package static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension CertificateKind: RawRepresentable, Hashable, Encodable, CustomStringConvertible {
  public init?(rawValue: String) {
    guard let kind = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
    self = kind
  }

  public var rawValue: String { certificate.name }
  public var description: String { rawValue }
}
