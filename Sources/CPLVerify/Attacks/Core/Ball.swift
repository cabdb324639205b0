// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// The images within ε of one image, inside the box [0, 1]^d.
package struct Ball<Scalar: TensorScalar>: Sendable {
  let center: ArraySlice<Scalar>
  let radius: Double

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
  package func contains(_ image: [Scalar]) -> Bool {
    image.allSatisfy { (0...1).contains($0) } && Self.distance(image, center) <= radius
  }

  /// Moves an image to the nearest one in the ball.
  func projectToBall(_ image: inout [Scalar]) {
    let length = Self.distance(image, center)
    guard length > target else { return }
    let scale = target / length
    for (index, origin) in zip(image.indices, center) {
      image[index] = Scalar(Double(origin) + (Double(image[index]) - Double(origin)) * scale)
    }
  }

  /// Moves an image to the nearest one in the box.
  package static func projectToBox(_ image: inout [Scalar]) {
    for index in image.indices { image[index] = min(max(image[index], 0), 1) }
  }

  /// The nearest point of the ball to a real point, and then the nearest of the box to that.
  func projected(_ point: [Double]) -> [Double] {
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
  var euclideanLength: Double {
    reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}
