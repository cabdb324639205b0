// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

extension RidgePotential {
  /// One step of the explicit Euler scheme, x − h∇f(x): a convex potential layer, for the ReLU's
  /// potential.
  ///
  /// The product with h and the difference are one fused operation.
  package func explicitStep(_ x: [Double], stepSize: Double) -> Evaluation {
    var step = gradient(x)
    for index in step.value.indices {
      step.value[index] = x[index].addingProduct(-stepSize, step.value[index])
    }
    step.errorBound =
      stepSize * step.errorBound * (1 + 0x1p-48)
      + 2 * Rounding.unitRoundoff * EuclideanNorm.upperBound(step.value)
    return step
  }

  /// One step of the implicit Euler scheme: the y with y + h∇f(y) = x, that is the proximal point
  /// argmin h·f(y) + ½‖y − x‖².
  ///
  /// G(y) = y + h∇f(y) − x is strongly monotone with constant 1, so that ‖y − y*‖ ≤ ‖G(y)‖ for
  /// every y: the error bound is the norm of the last residual, its rounding included, however y was
  /// found. It is found by Newton's method on the (generalised) Jacobian I + h∇²f, which halves a
  /// step until the residual shrinks, and which ends when no step shrinks it.
  ///
  /// - Throws: `enclosureNotFound` when a Jacobian is singular.
  /// - Complexity: d²n + d³/3 multiply-adds an iteration, of which there are about ten, and
  ///   some hundreds far out where a softmax saturates.
  package func implicitStep(
    _ x: [Double], stepSize: Double
  ) throws(VerificationError) -> Evaluation {
    var point = x
    var residual = implicitResidual(point, of: x, stepSize: stepSize)
    for _ in 0..<1000 {
      var jacobian = stepSize * hessian(point)
      for index in 0..<dimension { jacobian[index, index] += 1 }
      guard
        let newton = LAPACK.solve(
          jacobian.elements, order: dimension, rightSides: residual.value)
      else {
        throw .enclosureNotFound(what: "implicit step", reason: "I + h∇²f is singular")
      }
      var share = 1.0
      var (next, nextResidual) = (point, residual)
      repeat {
        next = zip(point, newton).map { $0 - share * $1 }
        nextResidual = implicitResidual(next, of: x, stepSize: stepSize)
        share /= 2
      } while !(nextResidual.norm < residual.norm) && share > 0x1p-30
      guard nextResidual.norm < residual.norm else { break }
      (point, residual) = (next, nextResidual)
    }
    return Evaluation(
      value: point, errorBound: Rounding.up.sum(residual.norm, residual.errorBound))
  }

  /// G(y) and a bound on its rounding.
  private func implicitResidual(
    _ y: [Double], of x: [Double], stepSize: Double
  ) -> Evaluation {
    var residual = gradient(y)
    let scale = stepSize * EuclideanNorm.upperBound(residual.value)
    for index in y.indices {
      residual.value[index] = (y[index] - x[index]) + stepSize * residual.value[index]
    }
    residual.errorBound =
      (stepSize * residual.errorBound
        + 2 * Rounding.unitRoundoff
        * (EuclideanNorm.upperBound(y) + EuclideanNorm.upperBound(x) + scale
          + EuclideanNorm.upperBound(residual.value)))
      * (1 + 0x1p-48)
    return residual
  }
}

extension Evaluation {
  fileprivate var norm: Double { EuclideanNorm.upperBound(value) }
}
