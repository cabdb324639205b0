// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The balls around images on a device, N×C×H×W. Images under attack are binary32 numbers, whatever the scalar is.
package struct DeviceBalls<Scalar: TensorScalar>: Sendable {
  let centers: DeviceTensor<Scalar>
  /// What projections aim at, `Ball.target`.
  let targets: DeviceNumbers
  private let hostTargets: [Double]

  /// - Parameter shape: that of one image.
  package init<Point: TensorScalar>(
    _ balls: [Ball<Point>], shape: [Int], on device: Device
  ) throws(DeviceError) {
    let centers = Tensor<Point>(shape: [balls.count] + shape, elements: balls.flatMap(\.center))
    try self.init(
      centers: device.upload(centers.converted()), targets: balls.map(\.target), on: device)
  }

  private init(
    centers: DeviceTensor<Scalar>, targets: [Double], on device: Device
  ) throws(DeviceError) {
    (self.centers, hostTargets) = (centers, targets)
    self.targets = try DeviceNumbers(targets, on: device)
  }

  /// Some of the balls.
  package func rows(_ rows: [Int], on device: Device) throws(DeviceError) -> DeviceBalls {
    try DeviceBalls(
      centers: device.rows(rows, of: centers), targets: rows.map { hostTargets[$0] }, on: device)
  }
}

/// The steps of gradient attacks, each of many images at once, with the bits of `Ball`'s.
extension Device {
  /// `Ball.ascent` of each image, by a length of its own.
  package func ascent<Scalar>(
    from points: DeviceTensor<Scalar>, along gradients: DeviceTensor<Scalar>, lengths: [Double],
    _ rule: AscentRule, in balls: DeviceBalls<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let steps = try stepScales(gradients, lengths, least: rule.leastGradient)
    let moved: DeviceTensor<Scalar> = try make(
      points.shape, by: "rounded_images",
      [
        .boolean(rule.endsInBall),
        .numbers(try ascended(points, along: gradients, scales: steps)),
      ])
    let scales = try imageScales(moved, in: balls)
    return try make(
      points.shape, by: "images_into_ball",
      [
        .integer(points.count / points.shape[0]), .numbers(steps), .array(points.array),
        .array(balls.centers.array),
        .numbers(scales), .boolean(!rule.endsInBall), .array(moved.array),
      ])
  }

  /// `Ball.ascentWithMomentum` of each image, by a length and a share of its own.
  package func ascentWithMomentum<Scalar>(
    from points: DeviceTensor<Scalar>, previous: DeviceTensor<Scalar>,
    along gradients: DeviceTensor<Scalar>, lengths: [Double], shares: [Double],
    in balls: DeviceBalls<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let columns = points.count / points.shape[0]
    let steps = try stepScales(gradients, lengths, least: 0)
    let ascended = try projected(ascended(points, along: gradients, scales: steps), in: balls)
    let moved = try DeviceNumbers(count: points.count, on: self)
    try run(
      "add_momentum", items: [points.count], group: [Self.line],
      [
        .integer(points.count), .integer(columns), .numbers(try DeviceNumbers(shares, on: self)),
        .array(points.array), .array(previous.array), .numbers(ascended), .numbers(moved),
      ])
    return try make(
      points.shape, by: "rounded_images",
      [.boolean(false), .numbers(try projected(moved, in: balls))])
  }

  /// `Ball.scale(of:)` of each image, −1 for nil.
  func imageScales<Scalar>(
    _ images: DeviceTensor<Scalar>, in balls: DeviceBalls<Scalar>
  ) throws(DeviceError) -> DeviceNumbers {
    let rows = images.shape[0]
    let scales = try DeviceNumbers(count: rows, on: self)
    try run(
      "image_scales", items: [rows], group: [Self.line],
      [
        .integer(rows), .integer(images.count / rows), .array(images.array),
        .array(balls.centers.array), .numbers(balls.targets), .numbers(scales),
      ])
    return scales
  }

  /// length/max(‖g‖, least) for each gradient g; 0 where it leads nowhere.
  func stepScales<Scalar>(
    _ gradients: DeviceTensor<Scalar>, _ lengths: [Double], least: Double
  ) throws(DeviceError) -> DeviceNumbers {
    let scales = try DeviceNumbers(count: lengths.count, on: self)
    try run(
      "step_scales", items: [lengths.count], group: [Self.line],
      [
        .integer(lengths.count), .integer(gradients.count / lengths.count),
        .array(gradients.array), .numbers(try DeviceNumbers(lengths, on: self)), .number(least),
        .numbers(scales),
      ])
    return scales
  }

  /// The points moved by scale·g, not rounded to images.
  private func ascended<Scalar>(
    _ points: DeviceTensor<Scalar>, along gradients: DeviceTensor<Scalar>, scales: DeviceNumbers
  ) throws(DeviceError) -> DeviceNumbers {
    let ascended = try DeviceNumbers(count: points.count, on: self)
    try run(
      "ascend", items: [points.count], group: [Self.line],
      [
        .integer(points.count), .integer(points.count / scales.count), .numbers(scales),
        .array(points.array), .array(gradients.array), .numbers(ascended),
      ])
    return ascended
  }

  /// `Ball.projected` of each point.
  func projected<Scalar>(
    _ points: DeviceNumbers, in balls: DeviceBalls<Scalar>
  ) throws(DeviceError) -> DeviceNumbers {
    let (rows, columns) = (balls.targets.count, points.count / balls.targets.count)
    let scales = try DeviceNumbers(count: rows, on: self)
    let projected = try DeviceNumbers(count: points.count, on: self)
    let centers: KernelArgument<Scalar> = .array(balls.centers.array)
    try run(
      "ball_scales", items: [rows], group: [Self.line],
      [
        .integer(rows), .integer(columns), .numbers(points), centers, .numbers(balls.targets),
        .numbers(scales),
      ])
    try run(
      "into_ball", items: [points.count], group: [Self.line],
      [
        .integer(points.count), .integer(columns), centers, .numbers(scales), .numbers(points),
        .numbers(projected),
      ])
    return projected
  }

  /// DeepFool's step of each image within the box: `factor` times the shortest one to where ⟨w, d⟩ = −(margin − share·‖w‖).
  package func stepsToBoundary<Scalar>(
    from points: DeviceTensor<Scalar>, along w: DeviceTensor<Scalar>, margins: [Double],
    share: Double, factor: Double
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let rows = margins.count
    let values = try DeviceNumbers(count: rows, on: self)
    try run(
      "margins_beyond", items: [rows], group: [Self.line],
      [
        .integer(rows), .integer(w.count / rows), .array(w.array),
        .numbers(try DeviceNumbers(margins, on: self)), .number(share), .numbers(values),
      ])
    let steps = try boxSteps(from: points, along: w, values: values)
    return try make(
      points.shape, by: "add_steps",
      [.number(factor), .numbers(steps), .array(points.array)])
  }

  /// `boxStep` of each image.
  func boxSteps<Scalar>(
    from points: DeviceTensor<Scalar>, along w: DeviceTensor<Scalar>, values: DeviceNumbers
  ) throws(DeviceError) -> DeviceNumbers {
    let (rows, steps) = (values.count, try DeviceNumbers(count: points.count, on: self))
    try run(
      "box_steps", items: [rows], group: [Self.line],
      [
        .integer(rows), .integer(points.count / rows), .array(points.array), .array(w.array),
        .numbers(values), .numbers(steps),
      ])
    return steps
  }

  /// The rows of a tensor N×… at some positions.
  package func rows<Scalar>(
    _ positions: [Int], of x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      [positions.count] + x.shape.dropFirst(), by: "take_rows",
      [
        .integer(x.count / x.shape[0]),
        .numbers(try DeviceNumbers(positions.map { Double($0) }, on: self)), .array(x.array),
      ])
  }

  /// For each row that of `x` where it is chosen, else that of `y`.
  package func rows<Scalar>(
    of x: DeviceTensor<Scalar>, where isChosen: [Bool], otherwise y: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      x.shape, by: "choose_rows",
      [
        .integer(x.count / x.shape[0]),
        .numbers(try DeviceNumbers(isChosen.map { $0 ? 1 : 0 }, on: self)), .array(x.array),
        .array(y.array),
      ])
  }
}
