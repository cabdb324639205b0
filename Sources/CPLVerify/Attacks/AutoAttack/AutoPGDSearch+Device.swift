// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

extension AutoPGDSearch {
  package static func images<Weight: TensorScalar>(
    of searches: [Self], shape: [Int], on device: Device
  ) throws(DeviceError) -> any ImagesOnDevice<Weight, AutoPGDMove> {
    try AutoPGDImages(
      points: device.upload(points(of: searches, shape: shape)),
      balls: DeviceBalls(searches.map(\.ball), shape: shape, on: device), device: device)
  }
}

/// The images of many searches on a device.
private struct AutoPGDImages<Scalar: TensorScalar>: ImagesOnDevice {
  let device: Device
  private(set) var points: DeviceTensor<Scalar>
  private var balls: DeviceBalls<Scalar>
  private var previous: DeviceTensor<Scalar>
  /// The best points so far, with their gradients; nil before the first.
  private var best: (points: DeviceTensor<Scalar>, slopes: DeviceTensor<Scalar>)?

  init(points: DeviceTensor<Scalar>, balls: DeviceBalls<Scalar>, device: Device) {
    (self.points, previous, self.balls, self.device) = (points, points, balls, device)
  }

  mutating func select(_ rows: [Int]) throws(DeviceError) {
    points = try device.rows(rows, of: points)
    previous = try device.rows(rows, of: previous)
    balls = try balls.rows(rows, on: device)
    if let old = best {
      best = (try device.rows(rows, of: old.points), try device.rows(rows, of: old.slopes))
    }
  }

  mutating func move(
    _ moves: [AutoPGDMove], along gradients: DeviceTensor<Scalar>
  ) throws(DeviceError) {
    func rows(
      of x: DeviceTensor<Scalar>, where isChosen: [Bool], otherwise y: DeviceTensor<Scalar>
    ) throws(DeviceError) -> DeviceTensor<Scalar> {
      if !isChosen.contains(true) { return y }
      return isChosen.contains(false)
        ? try device.rows(of: x, where: isChosen, otherwise: y) : x
    }
    let (old, isBest) = (best ?? (points, gradients), moves.map(\.isBest))
    let new = (
      points: try rows(of: points, where: isBest, otherwise: old.points),
      slopes: try rows(of: gradients, where: isBest, otherwise: old.slopes)
    )
    let returns = moves.map(\.returnsToBest)
    let start = try rows(of: new.points, where: returns, otherwise: points)
    let slopes = try rows(of: new.slopes, where: returns, otherwise: gradients)
    points = try device.ascentWithMomentum(
      from: start, previous: previous, along: slopes, lengths: moves.map(\.stepSize),
      shares: moves.map(\.share), in: balls)
    (previous, best) = (start, new)
  }
}
