/// What a certified radius rests on. Every output names it.
public enum CertificateKind: String, Codable, CaseIterable, Sendable {
  /// What the paper's code says: steps from the power method, every layer taken for 1-Lipschitz.
  /// Not a proof.
  case published
  /// The network in real arithmetic: a verified Lipschitz bound, and margins less what rounding may
  /// have done to them.
  case lipschitz
  /// The network evaluated in binary64, rounding included.
  case sound

  /// Whether a radius of this kind is a theorem about some network, and not an estimate.
  public var isProved: Bool { self != .published }

  /// Whether it speaks of the class that the binary64 network computes; else of binary32's.
  public var isOfBinary64: Bool { self != .published }
}
