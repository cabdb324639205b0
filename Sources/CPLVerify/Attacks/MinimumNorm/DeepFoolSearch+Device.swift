// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

extension DeepFoolSearch {
  package static func images<Weight: TensorScalar>(
    of searches: [Self], shape: [Int], on device: Device
  ) throws(DeviceError) -> any ImagesOnDevice<Weight, Double> {
    SteppingImages(device: device, points: try device.upload(points(of: searches, shape: shape)))
  }
}

/// The images of many searches on a device.
private struct SteppingImages<Scalar: TensorScalar>: ImagesOnDevice {
  let device: Device
  var points: DeviceTensor<Scalar>

  mutating func select(_ rows: [Int]) throws(DeviceError) {
    points = try device.rows(rows, of: points)
  }

  mutating func move(
    _ margins: [Double], along gradients: DeviceTensor<Scalar>
  ) throws(DeviceError) {
    points = try device.stepsToBoundary(
      from: points, along: gradients, margins: margins, share: DeepFoolSearch<Float>.beyond,
      factor: DeepFoolSearch<Float>.overshoot)
  }
}
