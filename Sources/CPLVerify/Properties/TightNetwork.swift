// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// A network whose certificates leave nothing over: an affine map into a normalised last layer. The
/// nearest image of another class lies at the certified radius, up to rounding, and is known.
package struct TightNetwork {
  package let network: CPLNetwork<Float>
  /// Images whose nearest images of another class lie in the box.
  package let images: ImageDataset
  /// The last layer as it should be.
  private let head: LastLayerNormalised<Float>

  private static let shape = ImageShape(channels: 3, height: 8, width: 8)

  /// A network with rows drawn by `random`, of this context's layers.
  package init(
    _ context: CheckContext, classes: Int, images count: Int, _ random: inout CounterRandom
  ) {
    let features = Self.shape.count
    let head = LastLayerNormalised<Float>(
      name: "head",
      weights: Tensor(
        shape: [classes, features], elements: random.normals(classes * features)),
      bias: Tensor(shape: [classes], elements: random.uniforms(classes, limit: 0.2)))
    network = context.altered(
      CPLNetwork(layers: [
        Normalize(
          name: "normalize", mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1],
          image: Self.shape),
        Flatten(name: "flatten", image: Self.shape), head,
      ]))
    var (pixels, found): ([UInt8], Int) = ([], 0)
    // Nearly half of the images drawn will do.
    for _ in 0..<100 * count where found < count {
      let image = (0..<features).map { _ in UInt8(77 + random.below(102)) }
      let nearest = Self.nearest(to: image.map { Double($0) / 255 }, head)
      guard nearest.distance > 0.02, nearest.point.allSatisfy({ (0.01...0.99).contains($0) })
      else { continue }
      pixels += image
      found += 1
    }
    images = ImageDataset(
      name: "drawn", classes: classes, imageShape: Self.shape, pixels: pixels,
      labels: (0..<found).map { $0 % classes })
    self.head = head
  }

  /// For each image its class, and the distance to the nearest image of another class, in binary64.
  package func distances() -> (classes: [Int], distances: [Double]) {
    let points = images.images(at: 0..<images.count)
    let found = (0..<images.count).map {
      Self.nearest(to: points.row($0).map { Double($0) }, head)
    }
    return (found.map(\.label), found.map(\.distance))
  }

  /// An image's class, and the nearest point of the boundary with another.
  private static func nearest(
    to image: [Double], _ head: LastLayerNormalised<Float>
  ) -> (label: Int, distance: Double, point: [Double]) {
    let rows = (0..<head.classes).map { label -> [Double] in
      let row = head.weights.row(label).map { Double($0) }
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return row.map { $0 / length }
    }
    let logits = rows.indices.map { label in
      zip(rows[label], image).reduce(Double(head.bias.elements[label])) {
        $0 + $1.0 * ($1.1 - 0.5)
      }
    }
    let best = rows.indices.max { logits[$0] < logits[$1] } ?? 0
    var nearest = (label: best, distance: Double.infinity, point: image)
    for other in rows.indices where other != best {
      let slope = zip(rows[best], rows[other]).map { $0 - $1 }
      let length = slope.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let distance = (logits[best] - logits[other]) / length
      guard distance < nearest.distance else { continue }
      nearest.distance = distance
      nearest.point = zip(image, slope).map { $0 - distance / length * $1 }
    }
    return nearest
  }
}
