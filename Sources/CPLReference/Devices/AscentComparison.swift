// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The last of the comparisons that a device has to pass: steps of gradient attacks along gradients of many sizes, in
/// balls that hold the step, cut it, and reach beyond the box, held against the CPU's bit by bit.
package enum AscentComparison {
  private static let shape = [3, 9, 13]

  /// An image that is moved.
  private struct Sample<Scalar: TensorScalar> {
    let ball: Ball<Float>
    let point: [Float]
    /// Anywhere in the box.
    let previous: [Float]
    let gradient: [Scalar]
    let length: Double
    let share: Double

    var slope: ArraySlice<Double> { gradient.map { Double($0) }[...] }
  }

  /// What differs, in a sentence; nil where nothing does.
  package static func difference<Scalar: TensorScalar>(
    on device: Device, in scalar: Scalar.Type
  ) throws(DeviceError) -> String? {
    let samples: [Sample<Scalar>] = samples()
    func upload(_ images: [[Float]]) throws(DeviceError) -> DeviceTensor<Scalar> {
      try device.upload(
        Tensor<Float>(shape: [images.count] + shape, elements: images.flatMap(\.self)).converted())
    }
    let points = try upload(samples.map(\.point))
    let previous = try upload(samples.map(\.previous))
    let gradients = try device.upload(
      Tensor(shape: [samples.count] + shape, elements: samples.flatMap(\.gradient)))
    let balls = try DeviceBalls<Scalar>(samples.map(\.ball), shape: shape, on: device)
    let lengths = samples.map(\.length)
    // Images are too coarse to show an error of binary64.
    let steps = try device.download(device.stepScales(gradients, lengths, least: 1e-6))
    let expectedSteps = samples.map {
      Ball<Float>.scale(of: $0.slope, to: $0.length, least: 1e-6)
    }
    if let difference = difference("a step's scale", scalar, steps, expectedSteps) {
      return difference
    }
    let scales = try device.download(device.imageScales(previous, in: balls))
    let expectedScales = samples.map { $0.ball.scale(of: $0.previous) ?? -1 }
    if let difference = difference("a ball's scale", scalar, scales, expectedScales) {
      return difference
    }
    let places = samples.map { sample in sample.previous.map { Double($0) * 1.1 - 0.05 } }
    let projected = try device.projected(
      DeviceNumbers(places.flatMap(\.self), on: device), in: balls)
    let expectedPlaces = zip(samples, places).flatMap { $0.ball.projected($1) }
    if let difference = difference(
      "a projection", scalar, try device.download(projected), expectedPlaces)
    {
      return difference
    }
    let values = samples.indices.map { sample in
      let length = samples[sample].slope.euclideanLength
      return [0.02, -0.3, 0, 8, .infinity][sample % 5] * (length > 0 ? length : 1)
    }
    let boxSteps = try device.download(
      device.boxSteps(
        from: points, along: gradients, values: DeviceNumbers(values, on: device)))
    let expectedBoxSteps = zip(samples, values).flatMap { sample, value in
      boxStep(from: sample.point.map { Double($0) }, along: Array(sample.slope), value: value)
    }
    if let difference = difference("a step to a hyperplane", scalar, boxSteps, expectedBoxSteps) {
      return difference
    }
    for endsInBall in [false, true] {
      let rule = AscentRule(leastGradient: endsInBall ? 1e-6 : 0, endsInBall: endsInBall)
      let found = try device.ascent(
        from: points, along: gradients, lengths: lengths, rule, in: balls)
      let expected = samples.flatMap {
        $0.ball.ascent(from: $0.point, along: $0.slope, length: $0.length, rule)
      }
      if let difference = difference(
        "ascent", scalar, try device.download(found).elements, expected.map { Scalar($0) })
      {
        return difference
      }
    }
    let found = try device.ascentWithMomentum(
      from: points, previous: previous, along: gradients, lengths: lengths,
      shares: samples.map(\.share), in: balls)
    let expected = samples.flatMap {
      $0.ball.ascentWithMomentum(
        from: $0.point, previous: $0.previous, along: $0.slope, length: $0.length,
        share: $0.share)
    }
    return difference(
      "ascent with momentum", scalar, try device.download(found).elements,
      expected.map { Scalar($0) })
  }

  private static func difference<Number: TensorScalar, Scalar: TensorScalar>(
    _ name: String, _ scalar: Scalar.Type, _ found: [Number], _ expected: [Number]
  ) -> String? {
    zip(found, expected).enumerated().first { !$1.0.isIdentical(to: $1.1) }.map {
      "attacks in \(Scalar.formatName): \(name), number \($0), is \($1.0) there, \($1.1) on the CPU"
    }
  }

  /// Gradients of ordinary and of extreme size, each in each ball.
  private static func samples<Scalar: TensorScalar>() -> [Sample<Scalar>] {
    var random = CounterRandom(seed: 2, purpose: .deviceComparison)
    let count = shape.reduce(1, *)
    func pixels() -> [Float] { (0..<count).map { _ in Float(random.uniform()) } }
    let factors: [Scalar] = [
      1, 1e-7, .leastNormalMagnitude, Scalar.greatestFiniteMagnitude.squareRoot(), 0, .infinity,
    ]
    return factors.flatMap { factor in
      [0, 1e-3, 0.4, 40].map { radius in
        let center = pixels()
        let ball = Ball(center: center[...], radius: radius)
        func inside() -> [Float] {
          var point = pixels()
          ball.projectToBall(&point)
          Ball.projectToBox(&point)
          return point
        }
        return Sample(
          ball: ball, point: inside(), previous: pixels(),
          gradient: (0..<count).map { _ in Scalar(random.uniform() - 0.5) * factor },
          length: 0.3 * radius, share: random.below(2) == 0 ? 1 : 0.75)
      }
    }
  }
}
