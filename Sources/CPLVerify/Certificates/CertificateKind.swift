/// What a certified radius rests on. Every output names it.
public enum CertificateKind: String, Codable, CaseIterable, Sendable {
  /// What the paper's code says: steps from the power method, every layer taken for 1-Lipschitz.
  /// Not a proof.
  case published
  /// A verified Lipschitz bound, in real arithmetic: the rounding of the evaluation is not covered.
  case lipschitz
  /// The network evaluated in binary64, rounding included.
  case sound

  /// Whether a radius of this kind is a theorem about some network, and not an estimate.
  public var isProved: Bool { self != .published }
}
