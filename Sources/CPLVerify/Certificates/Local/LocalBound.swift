// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// What the proof of a local certificate is free to choose. Whatever is chosen, the bound holds; how sharp it
/// is depends on the choice.
package struct LocalMultipliers: Sendable {
  /// g: for each residual layer and unit the slope that stands for its relu.
  package var slopes: [[Double]]
  /// y: for each residual layer the point at which its energy's quadratic part is replaced by a plane.
  package var touches: [[Double]]
  /// π₋₁ ≥ π₀ ≥ … ≥ π_{K−1} ≥ 0: the price of energy in each residual layer, and before the first one that of
  /// the perturbation's square.
  package var prices: [Double]

  package init(slopes: [[Double]], touches: [[Double]], prices: [Double]) {
    self.slopes = slopes
    self.touches = touches
    self.prices = prices
  }
}

/// How far a margin can fall within a radius of an image, at most: the bound D(t) of local certificates, as one
/// evaluation in binary64 whose every rounding is bounded. **This file is the proof**; where the multipliers
/// come from does not matter.
///
/// **Setting.** The network in real arithmetic, its constants being the numbers that are executed, consists of
/// linear layers A_l and residual layers k = 0 … K − 1, z = x − h·Wᵀ relu(W x + b) (index k left out), and ends
/// in margins ⟨q_c − q_j, φ⟩ + const. δ is a perturbation of the image, δ_k what it makes of layer k's input,
/// Δ = Wδ_k, p the preactivations at the image, s = relu(p + Δ) − relu(p). So δ_k becomes δ_k − h·Wᵀs.
/// T_k = L_k·t ≥ ‖δ_k‖ with the Lipschitz constants L_k of the layers before, R = reach·T_k ≥ ‖Δ‖ ≥ ‖s‖.
///
/// **Theorem.** Let ‖δ‖ ≤ t and ‖δ_K‖ ≥ ρ for what reaches the features. For all numbers a, b, c, v, y (vectors
/// for each layer) and prices π₋₁ ≥ π₀ ≥ … ≥ π_{K−1} ≥ 0 the margin falls by at most
///
///     D = ‖a₀‖t + π₋₁T₀² − π_{K−1}ρ² + Σ_k [ π_k⟨y, v⟩ + Σ_i max_Δi U_i(Δ_i) + residuals ]
///     U_i(Δ) = b_i s − c_i Δ − ½λΔ² − 2π_k h s(Δ − s) + π_k η s² − 2π_k v_i s,   |Δ| ≤ ‖w_i‖T_k,
///
/// a₀ being what is a after the first linear layers, λ_k ≤ 2(π_{k−1} − π_k)/reach_k² and η ≥ α − 2h with
/// αI − h²WWᵀ positive semidefinite. *Residuals* say by how much the numbers miss a = a⁺ − Wᵀc, b = hWa⁺,
/// v = αy − h²WWᵀy and, for linear layers, a = Aᵀa⁺.
///
/// *Proof.* (1) **Identity.** With a⁺ behind and a before a residual layer,
///
///     −⟨a⁺, δ⁺⟩ = −⟨a, δ_k⟩ + ⟨b, s⟩ − ⟨c, Δ⟩ + ⟨hWa⁺ − b, s⟩ − ⟨a⁺ − Wᵀc − a, δ_k⟩,
///
/// and the last two are at most ‖hWa⁺ − b‖R and ‖a⁺ − Wᵀc − a‖T_k. Behind a linear layer ⟨a⁺, Aδ⟩ = ⟨a, δ⟩ +
/// ⟨Aᵀa⁺ − a, δ⟩. From a_K = q_c − q_j back to the image, −⟨a₀, δ⟩ ≤ ‖a₀‖t remains.
///
/// (2) **Energy.** E_k = ‖δ_k‖² − ‖δ_k − hWᵀs‖² = 2h⟨Δ, s⟩ − h²‖Wᵀs‖² = 2h⟨s, Δ − s⟩ + sᵀ(2hI − h²WWᵀ)s. The matrix
/// is N − (α − 2h)I with N = αI − h²WWᵀ positive semidefinite; so sᵀNs ≥ 2yᵀNs − yᵀNy for every y. (For h‖W‖² ≤ 2, a
/// layer that enlarges nothing, α = 2h and η = 0. A longer step is covered: then E_k may be negative.)
///
/// (3) **Budget.** With n_k = ‖δ_k‖² and n_K = ‖δ_K‖² ≥ ρ², n₀ ≤ T₀², the linear layers between enlarging nothing,
///
///     Σ_k π_k E_k ≤ π₋₁T₀² − π_{K−1}ρ² − Σ_k (π_{k−1} − π_k)n_k ≤ π₋₁T₀² − π_{K−1}ρ² − Σ_k ½λ_k‖Δ‖²,
///
/// by Abel's summation and ‖Δ‖² ≤ reach²·n_k. Added to (1), what must be subtracted of each layer is π_k E_k and
/// ½λ_k‖Δ‖²; by (2), unit by unit, what remains is U_i. |Δ_i| ≤ ‖w_i‖T_k is Cauchy and Schwarz. ∎
///
/// **Preactivations.** p is not known, only p̃ with ‖p̃ − p‖ ≤ E. U is evaluated for p̃: with s̃ = relu(p̃ + Δ) −
/// relu(p̃), ‖s − s̃‖ ≤ 2E, ⟨b, s⟩ ≤ ⟨b, s̃⟩ + 2E‖b‖, and, as ‖s‖, ‖s̃‖ ≤ R, E_k falls by at most
/// 2hR·2E + h²‖W‖²·2R·2E ≤ 4EhR(1 + hσ̄²) when s̃ takes the place of s. The rest of the proof goes through
/// for s̃.
///
/// **Use.** If some δ with ‖δ‖ ≤ t brought the margin from m to 0 or below, then ‖δ_K‖ ≥ m/ν with ν = ‖q_c − q_j‖.
/// So D(t) < m for ρ = m/ν proves that none does.
///
/// **Rounding.** The numbers a, b, c, v are what is computed: residuals are bounded by `FusedSums` and, element by
/// element, by u times the result of the last operation. Scalars are rounded up. The maxima are those of `unitMaxima`.
package struct LocalBound {
  package var network: LocalNetwork
  /// p̃ of each residual layer.
  package var preactivations: [[Double]]
  /// c and j: the margin is z_c − z_j.
  package let pair: (label: Int, other: Int)

  package init(
    _ network: LocalNetwork, preactivations: [[Double]], pair: (label: Int, other: Int)
  ) {
    self.network = network
    self.preactivations = preactivations
    self.pair = pair
  }

  private static let format = BinaryFormat(Double.self)

  /// The magnitude up to which everything is taken, so that no product overflows and underflows stay far
  /// below 2⁻⁸⁰⁰ each.
  private static let greatest = 0x1p100

  /// D(t) ≤ the result; infinite where a number is not finite or beyond 2¹⁰⁰.
  ///
  /// - Parameters:
  ///   - radius: t.
  ///   - featureDistance: ρ ≥ 0, a lower bound of ‖δ_K‖.
  package func decreaseUpperBound(
    radius: Double, featureDistance: Double, _ multipliers: LocalMultipliers
  ) -> Double {
    let bound = try? evaluate(radius: radius, featureDistance: featureDistance, multipliers)
    return bound.map { $0.isFinite ? $0 : .infinity } ?? .infinity
  }

  /// - Throws: `notFinite` when a sum might overflow.
  private func evaluate(
    radius: Double, featureDistance: Double, _ multipliers: LocalMultipliers
  ) throws(VerificationError) -> Double {
    let (up, down) = (Rounding.up, Rounding.down)
    let prices = multipliers.prices
    guard prices.allSatisfy({ 0..<Self.greatest ~= $0 }),
      zip(prices, prices.dropFirst()).allSatisfy(>=), radius < Self.greatest
    else { return .infinity }
    let unit = Rounding.unitRoundoff

    // q_c − q_j, one rounding an element.
    var gradient = zip(network.rows[pair.label], network.rows[pair.other]).map { $0 - $1 }
    var decrease = up.product(
      up.sum(
        up.product(unit, EuclideanNorm.upperBound(gradient)), 2 * network.rowError),
      up.product(network.lipschitz, radius))
    for part in network.parts.reversed() {
      switch part {
      case .linear(let part):
        let reach = up.product(part.inputLipschitz, radius)
        let error = part.wide.pulledErrorBound(
          norm: EuclideanNorm.upperBound(gradient), lipschitz: part.lipschitz)
        decrease = up.sum(decrease, up.product(error, reach))
        gradient =
          part.wide.pulled(
            Tensor(shape: [1] + part.wide.outputShape, elements: gradient)
          ).elements
      case .residual(let part):
        let terms = try Layer(
          part, preactivations[part.index], radius: radius, slopes: multipliers.slopes[part.index],
          touch: multipliers.touches[part.index], price: prices[part.index + 1],
          priceBefore: prices[part.index], &gradient)
        decrease = up.sum(decrease, terms.decrease)
      }
      guard decrease < Self.greatest else { return .infinity }
    }
    decrease = up.sum(decrease, up.product(EuclideanNorm.upperBound(gradient), radius))
    let first = network.residuals.first?.inputLipschitz ?? network.lipschitz
    let reach = up.product(first, radius)
    decrease = up.sum(decrease, up.product(prices[0], up.product(reach, reach)))
    let budget = down.product(
      prices[prices.count - 1], down.product(featureDistance, featureDistance))
    return up.difference(decrease, budget)
  }

  /// What one residual layer adds to D.
  private struct Layer {
    var decrease = 0.0

    /// - Parameter gradient: a⁺ behind the layer, which becomes a before it.
    init(
      _ part: ResidualPart, _ preactivations: [Double], radius: Double, slopes: [Double],
      touch: [Double], price: Double, priceBefore: Double, _ gradient: inout [Double]
    ) throws(VerificationError) {
      let (up, down, unit) = (Rounding.up, Rounding.down, Rounding.unitRoundoff)
      let step = part.stepSize
      let reach = up.product(part.inputLipschitz, radius)
      let image = up.product(part.reach, reach)
      func forwardError(_ norm: Double) throws(VerificationError) -> Double {
        try part.sums.forward.errorBound(norm: norm, in: LocalBound.format)
      }
      func transposedError(_ norm: Double) throws(VerificationError) -> Double {
        try part.sums.transposed.errorBound(norm: norm, in: LocalBound.format)
      }
      /// An underflow in each of so many elements.
      func tiny(_ count: Int) -> Double { up.product(Double(count), 0x1p-800) }

      // b = fl(h·fl(W a⁺)), c = fl(g b), a = fl(a⁺ − fl(Wᵀc)).
      let gradientNorm = EuclideanNorm.upperBound(gradient)
      var slopesTimes = part.apply(gradient)
      for index in slopesTimes.indices { slopesTimes[index] *= step }
      let forward = slopesTimes
      let forwardNorm = EuclideanNorm.upperBound(forward)
      for index in slopesTimes.indices { slopesTimes[index] *= slopes[index] }
      let linear = slopesTimes
      let linearNorm = EuclideanNorm.upperBound(linear)
      let pulled = part.applyTransposed(linear)
      for index in gradient.indices { gradient[index] -= pulled[index] }
      let forwardResidual = up.sum(
        up.sum(up.product(step, try forwardError(gradientNorm)), up.product(unit, forwardNorm)),
        tiny(part.units))
      let gradientResidual = up.sum(
        try transposedError(linearNorm),
        up.product(unit, EuclideanNorm.upperBound(gradient)))
      decrease = up.sum(
        up.product(forwardResidual, image), up.product(gradientResidual, reach))

      // v = fl(αy − fl(h²·fl(W fl(Wᵀy)))); h² is exact, h having 24 bits.
      let touchNorm = EuclideanNorm.upperBound(touch)
      let back = part.energy.appliedTransposed(touch)
      var plane = part.energy.applied(back)
      let square = step * step
      let planeNorm = EuclideanNorm.upperBound(plane)
      for index in plane.indices {
        plane[index] = part.curvature * touch[index] - square * plane[index]
      }
      let productError = up.sum(
        try forwardError(EuclideanNorm.upperBound(back)),
        up.product(part.spectralNorm, try transposedError(touchNorm)))
      let planeResidual = up.sum(
        up.sum(
          up.product(up.product(1 + 0x1p-50, square), productError),
          up.product(
            Rounding.gamma(3),
            up.sum(up.product(part.curvature, touchNorm), up.product(square, planeNorm)))),
        tiny(part.units))
      let energySlack = up.sum(
        up.product(planeResidual, up.sum(2 * image, touchNorm)),
        up.product(
          up.product(4 * part.preactivationError, up.product(step, image)),
          up.sum(1, up.product(step, up.product(part.spectralNorm, part.spectralNorm)))))
      let planeHeight = up.sum(
        LocalBound.dot(touch, plane),
        up.product(
          Rounding.gamma(part.units + 1),
          up.product(touchNorm, EuclideanNorm.upperBound(plane))))
      decrease = up.sum(
        decrease, up.product(price, up.sum(planeHeight, up.sum(energySlack, tiny(part.units)))))
      decrease = up.sum(
        decrease, up.product(2 * part.preactivationError, forwardNorm))

      let normSquare = up.product(part.reach, part.reach)
      let curvature =
        normSquare > 0
        ? down.quotient(2 * down.difference(priceBefore, price), normSquare) : 0
      let maxima = LocalBound.unitMaxima(
        UnitTerms(
          price: price, step: step, excess: up.difference(part.curvature, 2 * step),
          curvature: curvature),
        preactivations: preactivations, rowNorms: part.rowNorms, reach: reach, forward: forward,
        linear: linear, plane: plane)
      decrease = up.sum(decrease, maxima)
    }
  }

  private static func dot(_ first: [Double], _ second: [Double]) -> Double {
    first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer {
        Double.dot(first.count, first.baseAddress!, $0.baseAddress!)
      }
    }
  }
}

/// The scalars of U_i, the same for all units of a layer.
package struct UnitTerms: Sendable {
  /// π ≥ 0.
  package let price: Double
  /// h ≥ 0.
  package let step: Double
  /// η ≥ 0.
  package let excess: Double
  /// λ ≥ 0.
  package let curvature: Double

  package init(price: Double, step: Double, excess: Double, curvature: Double) {
    self.price = price
    self.step = step
    self.excess = excess
    self.curvature = curvature
  }
}

extension LocalBound {
  /// Σ_i max U_i(Δ) over |Δ| ≤ C_i = RU(‖w_i‖T) ≤ the result.
  ///
  /// With p₊ = max(p, 0) and d = min(p, 0), U is on each of two intervals a quadratic A + BΔ − ½κΔ²:
  ///
  ///     p + Δ ≥ 0:  s = Δ + d,   s(Δ − s) = −d·s,          U = βs − cΔ − ½λΔ² + πηs²,  β = b − 2πv + 2πh·d
  ///     p + Δ ≤ 0:  s = −p₊,  s(Δ − s) = −p₊(Δ + p₊),  U = −(b − 2πv)p₊ − cΔ − ½λΔ² + 2πh·p₊(Δ + p₊) + πηp₊²
  ///
  /// κ = λ − 2πη on the first one, λ on the second. A convex one (κ < 0) is largest at an end. Of a concave one
  /// *any* point D of the interval [l, r] gives a bound, by Taylor's formula about it,
  ///
  ///     U(Δ) ≤ U(D) + max(U′(D)(l − D), U′(D)(r − D)),
  ///
  /// which is the maximum when D is where it is attained. So nothing is asked of how D is found.
  ///
  /// *Rounding.* πη is rounded up to a number that is then exact; so is the sign of κ. An interval is not empty
  /// only when |d|, p₊ ≤ C. The bound is then a polynomial whose value with all terms taken positive is at most
  /// 5G, G = C(|b| + 2π|v| + |c| + 2πhC + λC + 4πηC): of β·s and of U′·(r − D), whose lengths are at most 2C,
  /// come 4|b|C; of c 3; of 2πh 4; of λ 4½; of πη 4C² + 8C². Each of its products passes at most 16 roundings,
  /// and n − 1 more in the sum: the result is Σ + γ_{n+20}·6ΣG (a sixth of it for the rounding of ΣG), and
  /// n·2⁻⁸⁰⁰ for underflows.
  package static func unitMaxima(
    _ terms: UnitTerms, preactivations: [Double], rowNorms: [Double], reach: Double,
    forward: [Double], linear: [Double], plane: [Double]
  ) -> Double {
    let (price, step, curvature) = (terms.price, terms.step, terms.curvature)
    let twice = 2 * price
    let switching = twice * step
    let bend = Rounding.up.product(price, terms.excess)
    let onCurvature = curvature - 2 * bend
    var (sum, magnitude) = (0.0, 0.0)
    for unit in preactivations.indices {
      let (p, b, c, v) = (preactivations[unit], forward[unit], linear[unit], plane[unit])
      let cap = Rounding.up.product(rowNorms[unit], reach)
      let (positive, negative) = (max(p, 0), min(p, 0))
      let direct = b - twice * v
      var largest = -Double.infinity
      if -p <= cap {
        let (low, high) = (max(-p, -cap), cap)
        let slope = direct + switching * negative
        let start = slope - c + 2 * bend * negative
        func value(_ moved: Double, at point: Double) -> Double {
          slope * moved - c * point - 0.5 * curvature * (point * point) + bend * (moved * moved)
        }
        if onCurvature < 0 {
          largest = max(value(low + negative, at: low), value(high + negative, at: high))
        } else {
          let point =
            onCurvature > 0 ? min(max(start / onCurvature, low), high) : start > 0 ? high : low
          let moved = point + negative
          let derivative = slope - c - curvature * point + 2 * bend * moved
          largest =
            value(moved, at: point) + max(derivative * (low - point), derivative * (high - point))
        }
      }
      if p <= cap {
        let (low, high) = (-cap, min(-p, cap))
        let start = switching * positive - c
        let point = curvature > 0 ? min(max(start / curvature, low), high) : start > 0 ? high : low
        let value =
          switching * positive * (point + positive) - direct * positive - c * point
          - 0.5 * curvature * (point * point) + bend * (positive * positive)
        let derivative = start - curvature * point
        largest = max(
          largest, value + max(derivative * (low - point), derivative * (high - point)))
      }
      sum += largest
      magnitude +=
        cap
        * (b.magnitude + twice * v.magnitude + c.magnitude
          + (switching + curvature + 4 * bend) * cap)
    }
    guard sum.isFinite, magnitude < greatest else { return .infinity }
    let count = preactivations.count
    return Rounding.up.sum(
      sum,
      Rounding.up.sum(
        Rounding.up.product(Rounding.gamma(count + 20), 6 * magnitude),
        Rounding.up.product(Double(count), 0x1p-800)))
  }
}
