// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// The local radii of a data set's images, as far as time allowed.
package struct LocalRadii: Sendable {
  /// For each image the radius that is proved: the `sound` one where no larger one is.
  package private(set) var radii: [Double]
  /// For each image whether the search for its radius came to its end.
  package private(set) var isSearched: [Bool]
  /// How many images it was now.
  package private(set) var searched = 0

  /// Some images, by their positions, whose search came to its end.
  package typealias Batch = [(position: Int, radius: Double)]

  /// Searches the radius of every image that has more to gain than its `sound` one, those with the most to gain
  /// first. What is found of an image depends neither on the others nor on the order.
  ///
  /// - Parameters:
  ///   - sound: the `sound` radius of each image.
  ///   - isCorrect: whether each image is of the class that is computed for it; those that are not come last.
  ///   - known: the radii of images that were searched before, by their positions.
  ///   - report: called before the first batch and after each with what is new and how many images have been searched
  ///     of how many; may throw to stop.
  package init(
    of images: EvaluatedImages, above sound: [Double], isCorrect: [Bool], known: [Int: Double],
    report: (_ new: Batch, _ searched: Int, _ of: Int) throws -> Void
  ) throws {
    let plan = images.network.localPlan
    let certificate = try CertifiedNetwork(images.network, .local)
    let gains = sound.map(plan.gain)
    radii = sound
    isSearched = gains.map { $0 == 0 }
    let total = isSearched.count { !$0 }
    for (position, radius) in known where !isSearched[position] {
      (radii[position], isSearched[position]) = (radius, true)
    }
    let waiting = isSearched.indices.filter { !isSearched[$0] }.sorted {
      (isCorrect[$0] ? 0 : 1, -gains[$0], $0) < (isCorrect[$1] ? 0 : 1, -gains[$1], $1)
    }
    let before = total - waiting.count
    try report([], before, total)
    for start in stride(from: 0, to: waiting.count, by: EvaluatedImages.batch) {
      guard plan.mayGoOn() else { break }
      let positions = waiting[start..<min(waiting.count, start + EvaluatedImages.batch)]
      let found = try certificate.radii(images.batch(at: positions)).map(\.radius)
      for (position, radius) in zip(positions, found) { radii[position] = radius }
      // What time ended is to be searched again.
      guard plan.mayGoOn() else { break }
      for position in positions { isSearched[position] = true }
      searched += positions.count
      try report(
        zip(positions, found).map { (position: $0, radius: $1) }, before + searched, total)
    }
  }
}
