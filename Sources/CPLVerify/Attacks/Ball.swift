import CPLReference

/// The images within ε of one image, inside the box [0, 1]^d.
struct Ball {
  let center: ArraySlice<Float>
  let radius: Double

  /// What a projection aims at: a little less than ε, so that rounding does not leave the ball.
  private var target: Double { radius * (1 - 0x1p-20) }

  /// ‖a − b‖₂ of two images, rounded up by a few units in the last place.
  static func distance(
    _ a: some RandomAccessCollection<Float>, _ b: some RandomAccessCollection<Float>
  ) -> Double {
    Distance(a, b).upperBound
  }

  /// Whether an image lies in the ball and in the box.
  func contains(_ image: [Float]) -> Bool {
    image.allSatisfy { (0...1).contains($0) } && Self.distance(image, center) <= radius
  }

  /// Moves an image to the nearest one in the ball.
  func projectToBall(_ image: inout [Float]) {
    let length = Self.distance(image, center)
    guard length > target else { return }
    let scale = target / length
    for (index, origin) in zip(image.indices, center) {
      image[index] = Float(Double(origin) + (Double(image[index]) - Double(origin)) * scale)
    }
  }

  /// Moves an image to the nearest one in the box.
  static func projectToBox(_ image: inout [Float]) {
    for index in image.indices { image[index] = min(max(image[index], 0), 1) }
  }
}
