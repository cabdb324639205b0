// SPDX-License-Identifier: Apache-2.0

/// A certificate by its name. Every output names it.
public struct CertificateKind: Sendable {
  package let certificate: any Certificate.Type

  package init(_ certificate: any Certificate.Type) { self.certificate = certificate }

  /// As the published code computes it: no proof.
  public static let published = CertificateKind(PublishedCertificate.self)
  /// A theorem about the network in real arithmetic, whose margins' rounding is bounded once for all images.
  public static let lipschitz = CertificateKind(LipschitzCertificate.self)
  /// The same, with the rounding bounded at the very image; costly.
  public static let real = CertificateKind(RealCertificate.self)
  /// A theorem about the network as binary64 evaluates it.
  public static let sound = CertificateKind(SoundCertificate.self)
  /// As `sound`, by bounds around the very image, and never less; costly.
  public static let local = CertificateKind(LocalCertificate.self)

  /// Whether a radius of this kind is a theorem about some network, and not an estimate.
  public var isProved: Bool { certificate.gap == nil }

  /// Whether it is computed only where it is asked for.
  public var isCostly: Bool { certificate.isCostly }

  /// Whether it speaks of the class that the binary64 network computes; else of binary32's.
  package var isOfBinary64: Bool { certificate.arithmetic != .binary32 }
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
