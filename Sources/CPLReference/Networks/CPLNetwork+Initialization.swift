// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension CPLNetwork {
  /// A network of freshly drawn parameters: weights and biases uniform in ±1/√fan_in (Kaiming
  /// uniform with a = √5) but in layers that start as the identity, u normal and of unit length. Each layer draws from streams of its own.
  public init(_ specifications: [LayerSpecification], seed: UInt64) {
    let names = Self.names(of: specifications)
    self.init(
      layers: specifications.indices.map { index in
        let specification = specifications[index]
        let limit = 1 / Double(specification.fanIn ?? 1).squareRoot()
        let startsAsIdentity = type(of: specification.value).startsAsIdentity
        let parameters = specification.parameterShapes.enumerated().map { position, parameter in
          if startsAsIdentity { return Self.identity(parameter.shape) }
          var random = CounterRandom(
            seed: seed, purpose: .initialization, major: UInt32(index), minor: UInt32(position))
          return Tensor<Scalar>(
            shape: parameter.shape,
            elements: random.uniforms(parameter.shape.reduce(1, *), limit: limit))
        }
        let buffers = specification.bufferShapes.map {
          Self.randomUnitVector(shape: $0.shape, seed: seed, stream: UInt32(index))
        }
        return specification.value.makeLayer(
          name: names[index], parameters: parameters, buffers: buffers)
      })
  }

  /// 1 from channel i to channel i at the middle tap of outputs×inputs×…, and 0 elsewhere; zeros of another shape.
  private static func identity(_ shape: [Int]) -> Tensor<Scalar> {
    var value = Tensor<Scalar>(shape: shape)
    guard shape.count > 1 else { return value }
    let taps = shape.dropFirst(2).reduce(1, *)
    for channel in 0..<min(shape[0], shape[1]) {
      value.elements[(channel * shape[1] + channel) * taps + taps / 2] = 1
    }
    return value
  }

  /// A normal vector divided by its length: the start of a power method.
  package static func randomUnitVector(
    shape: [Int], seed: UInt64, stream: UInt32
  ) -> Tensor<Scalar> {
    var random = CounterRandom(seed: seed, purpose: .powerMethodStart, major: stream)
    let numbers = random.normals(shape.reduce(1, *), as: Double.self)
    let length = Double.dot(numbers.count, numbers, numbers).squareRoot()
    return Tensor(shape: shape, elements: numbers.map { Scalar($0 / length) })
  }

  /// The network of given parameters.
  ///
  /// - Precondition: shapes as the specifications state.
  package init(
    _ specifications: [LayerSpecification], parameters: [[Tensor<Scalar>]],
    buffers: [[Tensor<Scalar>]]
  ) {
    let names = Self.names(of: specifications)
    self.init(
      layers: specifications.indices.map {
        specifications[$0].value.makeLayer(
          name: names[$0], parameters: parameters[$0], buffers: buffers[$0])
      })
  }

  /// The same network in another precision: every parameter, u and h converted.
  public func converted<Other: TensorScalar>(to type: Other.Type = Other.self) -> CPLNetwork<Other>
  {
    CPLNetwork<Other>(layers: layers.map { $0.converted(to: type) })
  }

  /// Layers are named by kind; those that come in numbers are counted from 0.
  package static func names(of specifications: [LayerSpecification]) -> [String] {
    var counts: [String: Int] = [:]
    return specifications.map { specification in
      let kind = specification.kind
      guard type(of: specification.value).isCounted else { return kind }
      defer { counts[kind, default: 0] += 1 }
      return "\(kind).\(counts[kind, default: 0])"
    }
  }
}
