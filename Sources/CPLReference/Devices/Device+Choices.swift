// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The operations of layers that choose or reorder numbers, which round nothing.
extension Device {
  /// Numbers N×C×… with pairs of channels (2c, 2c + 1) exchanged where those of `x` are in rising order.
  package func exchangePairs<Scalar>(
    _ numbers: DeviceTensor<Scalar>, where x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      x.shape, by: "exchange_pairs",
      [.integer(x.shape.dropFirst(2).reduce(1, *)), .array(x.array), .array(numbers.array)])
  }

  /// Images N×C×H×W as ones of window² times as many channels: pixel (i, j) of all squares is one of them.
  package func unshufflePixels<Scalar>(
    _ x: DeviceTensor<Scalar>, window: Int
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let (height, width) = (x.shape[2] / window, x.shape[3] / window)
    return try make(
      [x.shape[0], x.shape[1] * window * window, height, width], by: "unshuffle_pixels",
      [.integer(height), .integer(width), .integer(window), .boolean(false), .array(x.array)])
  }

  /// The inverse.
  package func shufflePixels<Scalar>(
    _ x: DeviceTensor<Scalar>, window: Int
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let (height, width) = (x.shape[2], x.shape[3])
    return try make(
      [x.shape[0], x.shape[1] / (window * window), height * window, width * window],
      by: "unshuffle_pixels",
      [.integer(height), .integer(width), .integer(window), .boolean(true), .array(x.array)])
  }

  /// The largest numbers of disjoint squares of images N×C×H×W.
  package func poolLargest<Scalar>(
    _ x: DeviceTensor<Scalar>, side: Int
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let (height, width) = (x.shape[2] / side, x.shape[3] / side)
    return try make(
      [x.shape[0], x.shape[1], height, width], by: "pool_largest",
      [.integer(height), .integer(width), .integer(side), .array(x.array)])
  }

  /// The gradient with respect to the images x, from the one with respect to the result.
  package func poolLargestGradient<Scalar>(
    _ gradient: DeviceTensor<Scalar>, of x: DeviceTensor<Scalar>, side: Int
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      x.shape, by: "pool_largest_gradient",
      [
        .integer(x.shape[2]), .integer(x.shape[3]), .integer(side), .array(x.array),
        .array(gradient.array),
      ])
  }
}
