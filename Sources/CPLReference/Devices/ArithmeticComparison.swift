// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The first of the comparisons that a device has to pass: single operations on operands that are hard to get
/// right, held against the CPU's results bit by bit.
package enum ArithmeticComparison {
  /// A result of the kernel `arithmetic`, and how the CPU computes it.
  private struct Operation<Scalar: TensorScalar> {
    let name: String
    let compute: (_ a: Scalar, _ b: Scalar, _ c: Scalar) -> Scalar
  }

  private static func operations<Scalar: TensorScalar>() -> [Operation<Scalar>] {
    [
      Operation(name: "a + b") { a, b, _ in a + b },
      Operation(name: "a · b") { a, b, _ in a * b },
      Operation(name: "a / b") { a, b, _ in a / b },
      Operation(name: "√a") { a, _, _ in a.squareRoot() },
      Operation(name: "fma(a, b, c)") { a, b, c in c.addingProduct(a, b) },
      Operation(name: "a · b + c, rounded twice") { a, b, c in a * b + c },
      Operation(name: "(a + b) − a, in this order") { a, b, _ in (a + b) - a },
    ]
  }

  /// What differs, in a sentence; nil where nothing does.
  package static func difference<Scalar: TensorScalar>(
    on device: Device, in scalar: Scalar.Type
  ) throws(DeviceError) -> String? {
    let (a, b, c) = operands(of: scalar)
    let operations: [Operation<Scalar>] = operations()
    let found = try device.arithmetic(a, b, c, results: operations.count)
    for (index, operation) in operations.enumerated() {
      for position in a.indices {
        let (x, y, z) = (a[position], b[position], c[position])
        let expected = operation.compute(x, y, z)
        let result = found[index * a.count + position]
        guard !expected.isIdentical(to: result) else { continue }
        return "\(operation.name) in \(Scalar.formatName) of a = \(x), b = \(y), c = \(z) is "
          + "\(result) there, \(expected) on the CPU"
      }
    }
    return nil
  }

  /// Every pair of numbers at the edges of the format, and random numbers of moderate size.
  static func operands<Scalar: TensorScalar>(
    of scalar: Scalar.Type
  ) -> (a: [Scalar], b: [Scalar], c: [Scalar]) {
    let least = Scalar.leastNormalMagnitude
    let positive: [Scalar] = [
      0, .leastNonzeroMagnitude, 3 * .leastNonzeroMagnitude, least.nextDown, least, least.nextUp,
      least.squareRoot(), 1 / 3, Scalar(1).nextDown, 1, Scalar(1).nextUp, 1.5, 3, 7,
      1 / Scalar.ulpOfOne, Scalar.greatestFiniteMagnitude.squareRoot(),
      .greatestFiniteMagnitude / 3,
      .greatestFiniteMagnitude, .infinity,
    ]
    let edges = positive + positive.map { -$0 }
    var (a, b, c): ([Scalar], [Scalar], [Scalar]) = ([], [], [])
    for (i, first) in edges.enumerated() {
      for (j, second) in edges.enumerated() {
        a.append(first)
        b.append(second)
        c.append(edges[(3 * i + 7 * j + 1) % edges.count])
      }
    }
    var random = CounterRandom(seed: 0, purpose: .deviceComparison)
    for _ in 0..<4096 {
      let (first, second) = (Scalar(random.uniform()), Scalar(random.uniform()) - 0.5)
      a.append(first)
      b.append(second)
      // Near −a·b, so that only one rounding keeps what is left of a·b.
      c.append(-(first * second) * (1 + Scalar(random.below(3)) * .ulpOfOne))
    }
    return (a, b, c)
  }
}

extension Device {
  /// The results of the kernel `arithmetic`, result by result.
  fileprivate func arithmetic<Scalar: TensorScalar>(
    _ a: [Scalar], _ b: [Scalar], _ c: [Scalar], results: Int
  ) throws(DeviceError) -> [Scalar] {
    let operands = (try upload(a), try upload(b), try upload(c))
    let array = try DeviceArray<Scalar>(count: results * a.count, on: self)
    try run(
      "arithmetic", items: [a.count], group: [64],
      [
        .integer(a.count), .array(operands.0), .array(operands.1), .array(operands.2),
        .array(array),
      ])
    return try download(DeviceTensor(shape: [array.count], array: array)).elements
  }
}

extension TensorScalar {
  /// Whether two numbers have the same bits, or are both NaN.
  package func isIdentical(to other: Self) -> Bool {
    isNaN ? other.isNaN : self == other && sign == other.sign
  }

  /// The format's name.
  package static var formatName: String {
    MemoryLayout<Self>.size == 4 ? "binary32" : "binary64"
  }
}
