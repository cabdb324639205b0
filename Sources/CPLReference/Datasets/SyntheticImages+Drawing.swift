// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension SyntheticImages {
  /// The drawings' height and width.
  private static let extent = imageShape.height

  /// Pixels (CHW planes, image after image) and labels of the first `count` images of a set.
  static func draw(count: Int, seed: UInt64, set: UInt32) -> (pixels: [UInt8], labels: [Int]) {
    let kinds = Pattern.Kind.allCases
    var labels: [Int] = []
    for run in 0..<(count + kinds.count - 1) / kinds.count {
      var random = CounterRandom(
        seed: seed, purpose: .syntheticImages, major: UInt32(run), middle: 1, minor: set)
      labels += random.permutation(of: kinds.count)
    }
    labels.removeLast(labels.count - count)
    let size = imageShape.count
    let pixels = [UInt8](unsafeUninitializedCapacity: count * size) { buffer, initialized in
      for (index, label) in labels.enumerated() {
        var random = CounterRandom(
          seed: seed, purpose: .syntheticImages, major: UInt32(index), minor: set)
        draw(kinds[label], using: &random, into: buffer.baseAddress! + index * size)
      }
      initialized = count * size
    }
    return (pixels, labels)
  }

  private static func draw(
    _ kind: Pattern.Kind, using random: inout CounterRandom,
    into image: UnsafeMutablePointer<UInt8>
  ) {
    let pattern = Pattern(kind, using: &random)
    let clutter = (0..<random.below(6)).map { _ in Patch(using: &random) }
    let channels = colours(using: &random)
    let mirrored = random.below(2) == 1
    for y in 0..<extent {
      for x in 0..<extent {
        var weight = pattern.weight(mirrored ? extent - 1 - x : x, y)
        for patch in clutter where patch.covers(x, y) { weight = patch.weight }
        let noise = random.nextUInt32()
        for (channel, colour) in channels.enumerated() {
          let value = (colour.background * (256 - weight) + colour.foreground * weight) >> 8
          let offset = Int(noise >> UInt32(8 * channel) & 31) - 16
          image[(channel * extent + y) * extent + x] = UInt8(clamping: value + offset)
        }
      }
    }
  }

  /// For red, green and blue, two levels that are about one contrast apart. In one image of four
  /// the background is the brighter one, in all three channels.
  private static func colours(
    using random: inout CounterRandom
  ) -> [(background: Int, foreground: Int)] {
    let contrast = 32 + random.below(104)
    let inverted = random.below(4) == 0
    return (0..<3).map { _ in
      let step = contrast + random.below(25) - 12
      let dark = random.below(256 - step)
      return inverted ? (dark + step, dark) : (dark, dark + step)
    }
  }

  /// Clutter: a small rectangle in front of the pattern.
  private struct Patch {
    let columns: Range<Int>
    let rows: Range<Int>
    let weight: Int

    init(using random: inout CounterRandom) {
      let (left, top) = (random.below(extent), random.below(extent))
      columns = left..<left + 2 + random.below(5)
      rows = top..<top + 2 + random.below(5)
      weight = random.below(257)
    }

    func covers(_ x: Int, _ y: Int) -> Bool { columns.contains(x) && rows.contains(y) }
  }

  /// What tells the classes apart. Lengths are in pixels.
  enum Pattern {
    enum Kind: String, CaseIterable {
      case horizontalStripes = "horizontal_stripes"
      case verticalStripes = "vertical_stripes"
      case diagonalStripes = "diagonal_stripes"
      case checkerboard
      case dots
      case disc
      case ring
      case cross
      case triangle
      case gradient
    }

    /// Stripes along the lines where `a` x + `b` y is constant.
    case stripes(a: Int, b: Int, period: Int, phase: Int)
    case checkerboard(cell: Int, left: Int, top: Int)
    /// Discs on a square lattice.
    case dots(spacing: Int, left: Int, top: Int)
    /// What lies between two circles; a disc where the inner radius is 0.
    case ring(x: Int, y: Int, inner: Int, outer: Int)
    /// Two bars of length 2 `arm` + 1 and width 2 `half` + 1.
    case cross(x: Int, y: Int, arm: Int, half: Int)
    /// Standing on its base.
    case triangle(x: Int, y: Int, size: Int)
    /// Linear in x and y.
    case gradient(a: Int, b: Int)

    init(_ kind: Kind, using random: inout CounterRandom) {
      func draw(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + random.below(range.count)
      }
      switch kind {
      case .horizontalStripes, .verticalStripes:
        let a = kind == .verticalStripes ? 1 : 0
        self = .stripes(a: a, b: 1 - a, period: 2 * draw(3...5), phase: draw(0...9))
      case .diagonalStripes:
        self = .stripes(a: 1, b: 1, period: 2 * draw(4...5), phase: draw(0...9))
      case .checkerboard:
        self = .checkerboard(cell: draw(6...8), left: draw(0...15), top: draw(0...15))
      case .dots:
        self = .dots(spacing: draw(8...10), left: draw(0...9), top: draw(0...9))
      case .disc:
        self = .ring(x: draw(11...20), y: draw(11...20), inner: 0, outer: draw(9...12))
      case .ring:
        let outer = draw(10...13)
        self = .ring(
          x: draw(12...19), y: draw(12...19), inner: outer - draw(4...5), outer: outer)
      case .cross:
        self = .cross(x: draw(12...19), y: draw(12...19), arm: draw(11...14), half: draw(2...3))
      case .triangle:
        self = .triangle(x: draw(11...20), y: draw(11...20), size: draw(9...12))
      case .gradient:
        self = .gradient(a: draw(-16...16), b: draw(-16...16))
      }
    }

    /// How much of the foreground a pixel shows, in 0 ... 256.
    func weight(_ x: Int, _ y: Int) -> Int {
      func whole(_ inside: Bool) -> Int { inside ? 256 : 0 }
      switch self {
      case .stripes(let a, let b, let period, let phase):
        return whole((a * x + b * y + phase) % period < period / 2)
      case .checkerboard(let cell, let left, let top):
        return whole(((x + left) / cell + (y + top) / cell).isMultiple(of: 2))
      case .dots(let spacing, let left, let top):
        // From the middle of a lattice cell, in half pixels.
        let across = 2 * ((x + left) % spacing) + 1 - spacing
        let down = 2 * ((y + top) % spacing) + 1 - spacing
        return whole(5 * (across * across + down * down) < 2 * spacing * spacing)
      case .ring(let x0, let y0, let inner, let outer):
        let square = (x - x0) * (x - x0) + (y - y0) * (y - y0)
        return whole(inner * inner <= square && square <= outer * outer)
      case .cross(let x0, let y0, let arm, let half):
        let (across, down) = (abs(x - x0), abs(y - y0))
        return whole(max(across, down) <= arm && min(across, down) <= half)
      case .triangle(let x0, let y0, let size):
        return whole(y - y0 <= size * 3 / 4 && 2 * abs(x - x0) <= y - y0 + size)
      case .gradient(let a, let b):
        return min(256, max(0, 128 + ((2 * x - 31) * a + (2 * y - 31) * b) / 4))
      }
    }
  }
}
