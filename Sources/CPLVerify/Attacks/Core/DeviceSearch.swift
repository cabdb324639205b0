// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

/// A search whose image stays on the device of a network there: what it decides from logits, on the host, is apart
/// from how its image moves. Both sides move images with the same bits, so that a search ends in the same way
/// wherever it runs.
package protocol DeviceSearch: ImageSearch {
  /// How an image is to move: a few numbers.
  associatedtype Move: Sendable

  /// Whether the point may be what is looked for, so that `decide` has to see it.
  func isCandidate(prediction: Int) -> Bool

  /// Takes what the network makes of the point, but for the gradient.
  ///
  /// - Parameter candidate: the point where it is a candidate, and nil elsewhere.
  /// - Returns: how the image moves; nil only where the search is over.
  mutating func decide(logits: [Double], prediction: Int, candidate: [Point]?) -> Move?

  /// Moves `point`.
  mutating func move(_ move: Move, along gradient: ArraySlice<Double>)

  /// Puts the images of searches of one attack on a device.
  static func images<Scalar: TensorScalar>(
    of searches: [Self], shape: [Int], on device: Device
  ) throws(DeviceError) -> any ImagesOnDevice<Scalar, Move>
}

/// Images under attack that stay on a device, with all that their moves need. `Scalar` is the network's.
package protocol ImagesOnDevice<Scalar, Move>: Sendable {
  associatedtype Scalar: TensorScalar
  associatedtype Move: Sendable

  var device: Device { get }
  /// Where the network is to be evaluated next, N×C×H×W.
  var points: DeviceTensor<Scalar> { get }

  /// Goes on with some of the images.
  mutating func select(_ rows: [Int]) throws(DeviceError)

  /// Moves each image: `DeviceSearch.move`.
  mutating func move(_ moves: [Move], along gradients: DeviceTensor<Scalar>) throws(DeviceError)
}

extension DeviceSearch {
  package mutating func take(logits: [Double], prediction: Int, gradient: ArraySlice<Double>?) {
    let move = decide(
      logits: logits, prediction: prediction,
      candidate: isCandidate(prediction: prediction) ? point : nil)
    if let move, let gradient { self.move(move, along: gradient) }
  }

  package static func ended<Scalar: TensorScalar>(
    _ searches: [Self], on network: CPLNetwork<Scalar>
  ) -> [Self]? {
    // Devices move images of binary32 numbers.
    guard Point.self == Float.self else { return nil }
    let shape = network.inputShape
    return network.mapOnDevice(searches.count) { network, range throws(DeviceError) in
      var some = Array(searches[range])
      try network.drive(&some, shape: shape)
      return some
    }
  }

  /// The points of searches as one tensor.
  static func points<Scalar: TensorScalar>(of searches: [Self], shape: [Int]) -> Tensor<Scalar> {
    Tensor<Point>(shape: [searches.count] + shape, elements: searches.flatMap(\.point)).converted()
  }
}

extension DeviceNetwork {
  /// Runs searches to their ends. What crosses in an iteration are the logits, their gradient and the numbers of the
  /// moves; beside these only candidates come back.
  fileprivate func drive<Search: DeviceSearch>(
    _ searches: inout [Search], shape: [Int]
  ) throws(DeviceError) {
    var alive = searches.indices.filter { !searches[$0].isOver }
    guard !alive.isEmpty else { return }
    var images: any ImagesOnDevice<Scalar, Search.Move> = try Search.images(
      of: alive.map { searches[$0] }, shape: shape, on: device)
    while !alive.isEmpty {
      let pass = try record(images.points)
      let predictions = pass.logits.rowMaxima
      let candidates: [Int: [Search.Point]] = try points(
        of: images,
        alive.indices.filter { searches[alive[$0]].isCandidate(prediction: predictions[$0]) })
      var (directions, moves, rows): ([Scalar], [Search.Move], [Int]) = ([], [], [])
      for (row, position) in alive.enumerated() {
        let logits = pass.logits.row(row).map { Double($0) }
        let wantsGradient = searches[position].wantsGradient
        directions +=
          wantsGradient
          ? searches[position].logitGradient(logits).map { Scalar($0) }
          : [Scalar](repeating: 0, count: logits.count)
        searches[position].forwardPasses += 1
        searches[position].backwardPasses += wantsGradient ? 1 : 0
        let move = searches[position].decide(
          logits: logits, prediction: predictions[row], candidate: candidates[row])
        guard let move, !searches[position].isOver else { continue }
        rows.append(row)
        moves.append(move)
      }
      if !rows.isEmpty {
        var gradients = try backward(
          Tensor(shape: pass.logits.shape, elements: directions), pass)
        if rows.count < alive.count {
          gradients = try device.rows(rows, of: gradients)
          try images.select(rows)
        }
        try images.move(moves, along: gradients)
      }
      alive = rows.map { alive[$0] }
    }
  }

  /// Some of the points, by their rows.
  private func points<Point: TensorScalar, Move>(
    of images: any ImagesOnDevice<Scalar, Move>, _ rows: [Int]
  ) throws(DeviceError) -> [Int: [Point]] {
    guard !rows.isEmpty else { return [:] }
    let points = try device.download(device.rows(rows, of: images.points))
    return Dictionary(
      uniqueKeysWithValues: rows.enumerated().map { index, row in
        (row, points.row(index).map { Point($0) })
      })
  }
}
