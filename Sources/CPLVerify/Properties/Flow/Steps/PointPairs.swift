// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// Pairs of points between which a map's expansion is looked for.
enum PointPairs {
  /// `count` random pairs, at distances of about √d, √d/100 and 100√d in turn.
  static func random(
    _ count: Int, dimension: Int, _ random: inout CounterRandom
  ) -> [(x: [Double], y: [Double])] {
    (0..<count).map { index in
      let x: [Double] = random.normals(dimension)
      return along(random.normals(dimension), from: x, by: [1, 0.01, 100][index % 3])
    }
  }

  /// x and x + length·direction.
  static func along(
    _ direction: [Double], from x: [Double], by length: Double = 1
  ) -> (x: [Double], y: [Double]) {
    (x, zip(x, direction).map { $0 + length * $1 })
  }
}
