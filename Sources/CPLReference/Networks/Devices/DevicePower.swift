// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// A linear map on a device: `LinearMap`, as far as training needs it there.
protocol DeviceLinearMap<Scalar>: Sendable {
  associatedtype Scalar: TensorScalar

  /// W x, or Wᵀx.
  func apply(
    transposed: Bool, to x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar>

  /// gradient + s · Σ of the weight gradients of pairs (x, v), s = factor · number.
  func addWeightGradients(
    _ pairs: [(input: DeviceTensor<Scalar>, output: DeviceTensor<Scalar>)], factor: Scalar,
    times number: DeviceTensor<Scalar>, to gradient: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar>
}

/// The power method on a device: the operations of `PowerMethod`, in their order.
package struct DevicePower<Scalar: TensorScalar>: Sendable {
  let previousVector: DeviceTensor<Scalar>
  let vector: DeviceTensor<Scalar>
  let outputVector: DeviceTensor<Scalar>
  let image: DeviceTensor<Scalar>
  /// ‖W u‖ with the old u, and σ̂; not known before `finish`.
  private(set) var previousNorm: Scalar = 0
  private(set) var estimate: Scalar = 0

  /// How many sums the method leaves.
  static var numbers: Int { 3 }

  /// Asks for `iterations` ≥ 1 iterations from `start`.
  init(
    _ map: some DeviceLinearMap<Scalar>, from start: DeviceTensor<Scalar>, iterations: Int,
    on device: Device, numbers: DeviceNumbers, at index: Int
  ) throws(DeviceError) {
    func unit(
      _ vector: DeviceTensor<Scalar>, _ index: Int
    ) throws(DeviceError) -> DeviceTensor<Scalar> {
      try device.dot(vector, vector, to: numbers, at: index)
      return try device.scaled(
        vector, toUnitBy: numbers, at: index, tiny: PowerMethod<Scalar>.tiny)
    }
    var (previous, current, output) = (start, start, start)
    for _ in 0..<iterations {
      previous = current
      output = try unit(map.apply(transposed: false, to: previous), index)
      current = try unit(map.apply(transposed: true, to: output), index + 1)
    }
    (previousVector, vector, outputVector) = (previous, current, output)
    image = try map.apply(transposed: false, to: current)
    try device.dot(image, outputVector, to: numbers, at: index + 2)
  }

  /// Takes the method's sums.
  mutating func finish(_ numbers: ArraySlice<Double>) {
    previousNorm = Scalar(numbers[numbers.startIndex].squareRoot())
    estimate = Scalar(numbers[numbers.startIndex + 2])
  }

  /// `PowerMethod.addGradient`, with the scale factor · number.
  func addGradient(
    _ map: some DeviceLinearMap<Scalar>, newVectorThroughV: Bool, factor: Scalar,
    times number: DeviceTensor<Scalar>, to gradient: DeviceTensor<Scalar>, on device: Device
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    var pairs = [(input: vector, output: outputVector)]
    if previousNorm > 0 {
      let towards = try device.combine(
        image, factor: 1 / (previousNorm + PowerMethod<Scalar>.tiny), outputVector,
        scale: -estimate / previousNorm)
      pairs.append((newVectorThroughV ? vector : previousVector, towards))
    }
    return try map.addWeightGradients(pairs, factor: factor, times: number, to: gradient)
  }
}
