// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

extension CounterRandom {
  /// A vector of independent standard normal numbers.
  mutating func normalVector(_ shape: [Int]) -> Tensor<Double> {
    Tensor(shape: shape, elements: normals(shape.reduce(1, *)))
  }

  /// A vector of length 1.
  mutating func direction(_ shape: [Int]) -> Tensor<Double> {
    var vector = normalVector(shape)
    vector.scale(by: 1 / vector.norm)
    return vector
  }
}

extension Tensor<Double> {
  /// self + scale · other.
  func adding(_ other: Tensor, scale: Double) -> Tensor {
    var sum = self
    sum.add(other, scale: scale)
    return sum
  }

  /// self − other.
  func subtracting(_ other: Tensor) -> Tensor { adding(other, scale: -1) }
}

extension Layer {
  /// The layer's value at one input.
  func value(at input: Tensor<Scalar>) -> Tensor<Scalar> {
    forward(input.reshaped([1] + inputShape), recording: .nothing, workers: .serial).output
      .reshaped(outputShape)
  }

  /// The matrix of a layer that is affine, row-major outputs×inputs, from its values at the unit
  /// vectors.
  func matrix() -> [Scalar] {
    let (inputs, outputs) = (inputShape.reduce(1, *), outputShape.reduce(1, *))
    let origin = value(at: Tensor(shape: inputShape))
    var matrix = [Scalar](repeating: 0, count: inputs * outputs)
    for column in 0..<inputs {
      var unit = Tensor<Scalar>(shape: inputShape)
      unit.elements[column] = 1
      let image = value(at: unit)
      for row in 0..<outputs {
        matrix[row * inputs + column] = image.elements[row] - origin.elements[row]
      }
    }
    return matrix
  }
}

extension ConvexPotentialLayer<Double> {
  /// The layer with a bias of at least `level` in every unit, as executed.
  func active(above level: Double) -> Self {
    var (active, trained) = (self, level)
    repeat {
      active.updateParameters { index, value in
        if index == 1 { value = Tensor(repeating: trained, shape: value.shape) }
      }
      trained *= 2
      // A unit without weights may have no bias either; its descent is 0.
    } while trained.isFinite && active.bias.elements.contains { $0 != 0 && $0 < level }
    return active
  }
}

/// Where a linear map stretches most.
enum TopDirection {
  /// A unit vector along W's top right singular vector, by Lanczos' method on W's smaller side.
  static func of(_ map: any LinearMap<Double>) -> Tensor<Double> {
    let isWide = map.outputShape.reduce(1, *) <= map.inputShape.reduce(1, *)
    let shape = isWide ? map.outputShape : map.inputShape
    let order = shape.reduce(1, *)
    let found = Lanczos.largestEigenpair(order: order) { x, y in
      let vector = Tensor(
        shape: shape, elements: Array(UnsafeBufferPointer(start: x, count: order)))
      let image =
        isWide ? map.apply(map.applyTransposed(vector)) : map.applyTransposed(map.apply(vector))
      image.withUnsafeElements { y.update(from: $0, count: order) }
    }
    guard let found else {
      return CPLNetwork<Double>.randomUnitVector(shape: map.inputShape, seed: 0, stream: 0)
    }
    let vector = Tensor(shape: shape, elements: found.vector)
    var direction = isWide ? map.applyTransposed(vector) : vector
    direction.scale(by: 1 / direction.norm)
    return direction
  }
}
