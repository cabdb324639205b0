// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// On which interval the truncated exponential of a skew matrix enlarges nothing.
struct SkewSeriesCheck: PropertyCheck {
  let id = "step.skew-series"
  let statement =
    "‖Σ_{i≤k} Aⁱ/i!‖ ≤ 1 for all skew A with ‖A‖ ≤ θ_k: k = 4, 8, 12, 16, 20 have θ_k > 2.82, 3.39, 3.37, 3.32, 3.28"
  let source = "docs/soundness.md, section 3; Singla and Feizi, ICML 2021"
  let concernsNetwork = false

  /// The least θ_k that are claimed.
  private static let claims = [4: 2.82, 8: 3.39, 12: 3.37, 16: 3.32, 20: 3.28]

  func run(_ context: CheckContext) throws -> Findings {
    let all = TruncatedExponential.supportedTerms.map { TruncatedExponential(terms: $0) }
    let angles = all.map(\.contractingAngle)
    func name(_ terms: Int) -> String { "k = \(terms)" }
    var measurements = [
      Measurement(
        failuresOf: "coefficients of |S_k(iθ)|² that the sum of its products does not have",
        all.map { !Self.hasCoefficients($0) })
    ]
    for (series, angle) in zip(all, angles) {
      let terms = series.terms
      if angle > 0 {
        measurements.append(
          Measurement(
            "θ_k, |S_k(iθ)| ≤ 1 on [0, θ_k]", of: name(terms), angle, kind: .lowerBound, .atLeast,
            Self.claims[terms] ?? 1.6, cases: 1))
        // So it is no wider interval than is claimed.
        measurements.append(
          Measurement(
            "|S_k(iθ)|² − 1 a millionth beyond θ_k", of: name(terms),
            Self.excess(series, at: angle * (1 + 1e-6)), kind: .lowerBound, .atLeast,
            .leastNonzeroMagnitude, cases: 1))
      } else {
        measurements.append(
          Measurement(
            "|S_k(iθ)|² − 1 at θ = 1/4, ½ and 1",
            worstOf: [0.25, 0.5, 1].map {
              (name(terms), Self.excess(series, at: $0))
            }, kind: .lowerBound, .atLeast, .leastNonzeroMagnitude))
      }
    }
    return Findings(
      measurements,
      control: PositiveControl(
        "k = 5 in the place of k = 4",
        Measurement(
          "θ_k, |S_k(iθ)| ≤ 1 on [0, θ_k]", of: name(5), angles[4], kind: .lowerBound, .atLeast,
          Self.claims[4] ?? 1.6, cases: 1)),
      figures: [Self.figure])
  }

  /// A lower bound of |S_k(iθ)|² − 1.
  private static func excess(_ series: TruncatedExponential, at angle: Double) -> Double {
    series.excess(
      Enclosure(Rounding.down.product(angle, angle), Rounding.up.product(angle, angle))
    ).lower
  }

  /// Whether Σ_i (−1)^{i−m} C(2m, i), over the i and 2m − i from 0 to k, is (−1)^{m+k}·2·C(2m − 1, k), and 0 for
  /// 0 < 2m ≤ k: in whole numbers, which stay below 2⁴⁰.
  private static func hasCoefficients(_ series: TruncatedExponential) -> Bool {
    let k = series.terms
    func sign(_ exponent: Int) -> Int { exponent % 2 == 0 ? 1 : -1 }
    return (1...k).allSatisfy { m in
      let sum = (max(0, 2 * m - k)...min(k, 2 * m)).reduce(0) {
        $0 + sign($1 + m) * binomial(2 * m, $1)
      }
      return sum == (2 * m <= k ? 0 : sign(m + k) * 2 * binomial(2 * m - 1, k))
    }
  }

  private static func binomial(_ n: Int, _ k: Int) -> Int {
    (0..<k).reduce(1) { $0 * (n - $1) / ($1 + 1) }
  }

  private static var figure: CheckFigure {
    let angles = (1...140).map { Double($0) / 40 }
    return CheckFigure(
      "What the truncated exponential does to lengths", xLabel: "θ",
      yLabel: "|S_k(iθ)| − 1, in per cent, at most 1",
      [4, 5, 8, 12].map { terms in
        let series = TruncatedExponential(terms: terms)
        return CheckFigure.Curve(
          "k = \(terms)", x: angles,
          y: angles.map { angle in
            let excess = series.excess(Enclosure(angle * angle))
            return min(1, max(-1, 50 * (excess.lower + excess.upper) / 2))
          })
      })
  }
}
