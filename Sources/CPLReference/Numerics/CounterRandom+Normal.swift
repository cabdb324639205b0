// SPDX-License-Identifier: Apache-2.0

import Foundation

extension CounterRandom {
  /// Two independent standard normal numbers (Box and Muller 1958).
  package mutating func normalPair() -> (Double, Double) {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    return (radius * cos(angle), radius * sin(angle))
  }

  /// `count` independent standard normal numbers, rounded to `Scalar`.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package mutating func normals<Scalar: TensorScalar>(
    _ count: Int, as type: Scalar.Type = Scalar.self
  ) -> [Scalar] {
    var numbers: [Scalar] = []
    numbers.reserveCapacity(count + 1)
    while numbers.count < count {
      let (first, second) = normalPair()
      numbers.append(Scalar(first))
      numbers.append(Scalar(second))
    }
    numbers.removeLast(numbers.count - count)
    return numbers
  }

  /// `count` independent numbers uniform in [−`limit`, `limit`), rounded to `Scalar`.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package mutating func uniforms<Scalar: TensorScalar>(
    _ count: Int, limit: Double, as type: Scalar.Type = Scalar.self
  ) -> [Scalar] {
    (0..<count).map { _ in Scalar((2 * uniform() - 1) * limit) }
  }
}
