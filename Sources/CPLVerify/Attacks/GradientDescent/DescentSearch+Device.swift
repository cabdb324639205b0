// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

extension DescentSearch {
  package static func images<Weight: TensorScalar>(
    of searches: [Self], shape: [Int], on device: Device
  ) throws(DeviceError) -> any ImagesOnDevice<Weight, Double> {
    try DescendingImages(
      points: device.upload(points(of: searches, shape: shape)),
      balls: DeviceBalls(searches.map(\.ball), shape: shape, on: device),
      rule: searches[0].variant.rule, device: device)
  }
}

/// The images of many searches of one variant on a device.
private struct DescendingImages<Scalar: TensorScalar>: ImagesOnDevice {
  private(set) var points: DeviceTensor<Scalar>
  private var balls: DeviceBalls<Scalar>
  private let rule: AscentRule
  let device: Device

  init(
    points: DeviceTensor<Scalar>, balls: DeviceBalls<Scalar>, rule: AscentRule, device: Device
  ) {
    (self.points, self.balls, self.rule, self.device) = (points, balls, rule, device)
  }

  mutating func select(_ rows: [Int]) throws(DeviceError) {
    points = try device.rows(rows, of: points)
    balls = try balls.rows(rows, on: device)
  }

  mutating func move(
    _ lengths: [Double], along gradients: DeviceTensor<Scalar>
  ) throws(DeviceError) {
    points = try device.ascent(from: points, along: gradients, lengths: lengths, rule, in: balls)
  }
}
