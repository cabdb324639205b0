// SPDX-License-Identifier: Apache-2.0

/// The images within ε of one image, inside the box [0, 1]^d.
package struct Ball<Scalar: TensorScalar>: Sendable {
  package let center: ArraySlice<Scalar>
  package let radius: Double

  package init(center: ArraySlice<Scalar>, radius: Double) {
    self.center = center
    self.radius = radius
  }

  /// What a projection aims at: a little less than ε, so that rounding does not leave the ball.
  package var target: Double { radius * (1 - 0x1p-20) }

  /// ‖a − b‖₂ of two images, rounded up by a few units in the last place.
  package static func distance(
    _ a: some RandomAccessCollection<Scalar>, _ b: some RandomAccessCollection<Scalar>
  ) -> Double {
    Distance(a, b).upperBound
  }

  /// Whether an image lies in the ball and in the box.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func contains(_ image: [Scalar]) -> Bool {
    image.allSatisfy { (0...1).contains($0) } && Self.distance(image, center) <= radius
  }

  /// What an image's difference to the centre is multiplied with to bring it into the ball; nil where it is there.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func scale(of image: [Scalar]) -> Double? {
    let length = Self.distance(image, center)
    return length > target ? target / length : nil
  }

  /// Moves an image to the nearest one in the ball.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func projectToBall(_ image: inout [Scalar]) {
    guard let scale = scale(of: image) else { return }
    for (index, origin) in zip(image.indices, center) {
      image[index] = Scalar(Double(origin) + (Double(image[index]) - Double(origin)) * scale)
    }
  }

  /// Moves an image to the nearest one in the box.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package static func projectToBox(_ image: inout [Scalar]) {
    for index in image.indices { image[index] = min(max(image[index], 0), 1) }
  }

  /// The nearest point of the ball to a real point, and then the nearest of the box to that.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func projected(_ point: [Double]) -> [Double] {
    let length = zip(point, center).lazy.map { $0 - Double($1) }.euclideanLength
    let scale = length > target ? target / length : 1
    return zip(point, center).map { coordinate, origin in
      let origin = Double(origin)
      return min(max(origin + (coordinate - origin) * scale, 0), 1)
    }
  }
}

extension Sequence where Element: BinaryFloatingPoint {
  /// ‖self‖₂, summed in binary64 in order.
  @inlinable
  package var euclideanLength: Double {
    reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}
