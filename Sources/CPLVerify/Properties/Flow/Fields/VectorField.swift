// SPDX-License-Identifier: Apache-2.0

/// A computed vector and how far, in Euclidean norm, it may lie from the exact one.
package struct Evaluation: Sendable {
  package var value: [Double]
  /// ‖value − exact‖ ≤ errorBound, rounding of the evaluation included.
  package var errorBound: Double

  package init(value: [Double], errorBound: Double) {
    self.value = value
    self.errorBound = errorBound
  }
}

/// The right-hand side of dx/dt = F_t(x), the flow that the paper starts from, with what is claimed
/// of it.
///
/// The claims are what `flow.contraction` and `flow.nonexpansive` put to the test; a field that
/// breaks its own claims is found out by them.
package protocol VectorField: Sendable {
  /// The number of components of x.
  var dimension: Int { get }

  /// F_t(x) in binary64 and a bound on its rounding.
  func evaluate(_ x: [Double], time: Double) -> Evaluation

  /// L with ‖F_t(x) − F_t(y)‖ ≤ L‖x − y‖ for all t in [0, `time`].
  ///
  /// It only turns the rounding of x into an error of F_t(x).
  func lipschitzUpperBound(until time: Double) -> Double

  /// ‖w_j‖, rounded up, where F_t(x) = G_t(x) + Σ_j ±w_j·max(b_j(x), 0) with affine b_j of gradient
  /// w_j; empty for a field without such bends.
  var bendWeights: [Double] { get }

  /// The b_j(x), each with at most the error given.
  func bendArguments(_ x: [Double]) -> Evaluation

  /// μ_t, claimed: μ_t I ⪯ Sym(∂F_t).
  var lowerRate: LinearRate { get }

  /// λ_t, claimed: Sym(∂F_t) ⪯ λ_t I.
  var upperRate: LinearRate { get }
}

extension VectorField {
  package var bendWeights: [Double] { [] }

  package func bendArguments(_ x: [Double]) -> Evaluation { Evaluation(value: [], errorBound: 0) }
}
