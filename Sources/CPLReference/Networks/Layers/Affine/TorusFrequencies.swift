// SPDX-License-Identifier: Apache-2.0

/// The frequencies of H×W tori, one of each pair ±ω.
///
/// With `FourierBasis` along both axes an image has HW real coefficients, which lie here column by column: those of row v
/// of the basis along the width, of all rows u of the one along the height, are v·H + u. A frequency that is not its own
/// negative has two of them, with cos(ω·p) and sin(ω·p). Where neither axis has a frequency that is its own negative,
/// these are sums and differences of four products of cosines and sines:
///
///     cos(α ± β) = cos α cos β ∓ sin α sin β,   sin(α ± β) = sin α cos β ± cos α sin β
///
/// of which frequencies α + β take the places (v, u), (v, u + 1) of the cosine along the width, frequencies α − β those
/// of its sine. As the sums are not divided by √2, such coefficients are √2 times those of an orthonormal basis.
struct TorusFrequencies: Sendable {
  struct Frequency: Sendable {
    /// ω = 2π(row/H, column/W).
    let row: Int
    let column: Int
    /// Where its coefficient is, or that of the cosine.
    let first: Int
    /// Where that of the sine is; nil for a frequency that is its own negative.
    let second: Int?
    /// Whether its coefficients are sums, √2 times too large.
    var isSummed = false
    /// How many frequencies came before it, those with a sine counted twice.
    var slice = 0

    /// How many real matrices it has: one, or the real and the imaginary part.
    var parts: Int { second == nil ? 1 : 2 }
  }

  let height: Int
  let width: Int
  let all: [Frequency]

  init(height: Int, width: Int) {
    (self.height, self.width) = (height, width)
    typealias Basis = FourierBasis<Double>
    var all: [Frequency] = []
    var slice = 0
    func append(_ frequency: Frequency) {
      all.append(frequency)
      all[all.count - 1].slice = slice
      slice += frequency.parts
    }
    for v in 0..<width {
      for u in 0..<height {
        let (row, column) = (
          Basis.frequency(of: u, in: height), Basis.frequency(of: v, in: width)
        )
        let (next, beside) = (Basis.partner(of: u, in: height), Basis.partner(of: v, in: width))
        let place = v * height + u
        switch (next == u, beside == v) {
        case (true, true):
          append(Frequency(row: row, column: column, first: place, second: nil))
        case (false, true) where next > u:
          append(Frequency(row: row, column: column, first: place, second: place + 1))
        case (true, false) where beside > v:
          append(Frequency(row: row, column: column, first: place, second: place + height))
        case (false, false) where next > u:
          append(
            Frequency(
              row: row, column: beside > v ? column : -column, first: place, second: place + 1,
              isSummed: true))
        default: break
        }
      }
    }
    self.all = all
  }

  /// HW: the coefficients of an image.
  var count: Int { height * width }

  /// Hands each four places of products of cosines and sines to `body`, those of cos β cos α, cos β sin α, sin β cos α and
  /// sin β sin α, with α along the height.
  func forEachSum(_ body: (_ places: (Int, Int, Int, Int)) -> Void) {
    for frequency in all where frequency.isSummed && frequency.column > 0 {
      let first = frequency.first
      body((first, first + 1, first + height, first + height + 1))
    }
  }

  /// For each of `Frequency.slice` the real, or the negative imaginary part of the transfer function of a single tap,
  /// for each tap of an odd k×k kernel whose middle one maps a pixel to itself: cos ω·a, and −sin ω·a.
  ///
  /// With x̂ = Σ_p x_p e^{iω·p} of coefficients (cosine) + i (sine), y_p = Σ_a K_a x_{p+a} has ŷ = (Σ_a K_a e^{−iω·a}) x̂.
  func waves(kernel: Int) -> [Double] {
    let turn = height * width
    var waves: [Double] = []
    waves.reserveCapacity(count * kernel * kernel)
    for frequency in all {
      let turns = (0..<kernel * kernel).map { tap in
        let (down, right) = (tap / kernel - kernel / 2, tap % kernel - kernel / 2)
        return Turn(
          part: frequency.row * down * width + frequency.column * right * height, whole: turn
        ).cosineAndSine
      }
      waves += turns.map(\.cosine)
      if frequency.second != nil { waves += turns.map { -$0.sine } }
    }
    return waves
  }
}
