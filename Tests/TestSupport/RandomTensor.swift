// SPDX-License-Identifier: Apache-2.0

import CPLReference

extension Tensor {
  /// Independent standard normal numbers from the tests' own streams of `CounterRandom`, a stream
  /// for each number.
  package static func normal(_ shape: [Int], stream: UInt32) -> Tensor {
    var random = CounterRandom(seed: 0, purpose: .test, major: stream)
    return Tensor(shape: shape, elements: random.normals(shape.reduce(1, *)))
  }

  /// Independent numbers uniform in [0, 1), as pixels are.
  package static func uniform(_ shape: [Int], stream: UInt32) -> Tensor {
    var random = CounterRandom(seed: 1, purpose: .test, major: stream)
    return Tensor(
      shape: shape, elements: (0..<shape.reduce(1, *)).map { _ in Scalar(random.uniform()) })
  }
}
