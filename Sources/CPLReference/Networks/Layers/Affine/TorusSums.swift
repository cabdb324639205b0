// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

/// How much `TorusProduct` errs: as computed against the map with exact Fourier bases R and the matrices Q(ω) as they are.
///
/// Seven linear maps follow each other. Of each is known a bound ν of its norm and, for a vector of norm X̂ at most, one
/// of its own error e(X̂); the error ε so far becomes νε + e, and the norm X̂ becomes νX̂ + e. Coefficients that are √2
/// times those of an orthonormal basis are taken for these: the maps between are linear and one frequency's, and relative
/// errors are the same.
///
/// - Along an axis of n pixels, and back: each element is a chain of n fused operations with R̃. With ‖R̃ − R‖ ≤ δ a prefix
///   of it, R̃ times a projection, has norm at most 1 + δ: e = γ_n(1 + δ)X̂ + δX̂ + underflow, ν = 1.
/// - Sums and differences, and back: an orthogonal map each of whose elements is rounded once: e = uX̂ + underflow, ν = 1.
/// - The matrices: A x̃_c, B x̃_c, A x̃_s and B x̃_s are chains of C operations with prefixes of [A; B], of norm ‖Q(ω)‖ ≤ σ̄
///   at most; together they err by ε = γ_C σ̄X̂ + underflow. Each element of Ỹ has the error of two of them, each of which
///   occurs in one: √2 ε at most. The sums round a vector of norm σ̄X̂ + √2 ε: e = √2 ε + u(σ̄X̂ + √2 ε), ν = σ̄.
struct TorusSums: RoundedProduct {
  let inputs: ImageShape
  let outputs: Int
  /// σ̄ ≥ ‖Q(ω)‖ for all ω.
  let spectralNorm: Double

  var elements: Int { outputs * inputs.planeCount }

  func errorBound(norm: Double, in format: BinaryFormat) throws(VerificationError) -> Double {
    let (up, pixels) = (Rounding.up, inputs.planeCount)
    var (magnitude, error) = (norm, 0.0)
    func follow(_ own: Double, _ lipschitz: Double = 1) throws(VerificationError) {
      error = up.sum(up.product(lipschitz, error), own)
      magnitude = up.sum(up.product(lipschitz, magnitude), own)
      // Sums are √2 times as large as what they stand for.
      try format.require(up.product(2, magnitude), "a layer's spectrum")
    }
    func basis(_ length: Int, _ channels: Int) throws(VerificationError) {
      let deviation = FourierBasis<Double>.deviation(of: length, in: format)
      let chains = FusedSums(
        terms: length, elements: channels * pixels, prefixNorm: up.sum(1, deviation))
      try follow(
        up.sum(
          try chains.errorBound(norm: magnitude, in: format), up.product(deviation, magnitude)))
    }
    func sums(_ channels: Int) throws(VerificationError) {
      try follow(
        up.sum(
          up.product(format.unitRoundoff, magnitude),
          format.underflow(roundings: 1, elements: channels * pixels)))
    }
    try basis(inputs.width, inputs.channels)
    try basis(inputs.height, inputs.channels)
    try sums(inputs.channels)
    let chains = FusedSums(
      terms: inputs.channels, elements: 2 * outputs * pixels, prefixNorm: spectralNorm)
    let products = up.product(
      up.squareRoot(2), try chains.errorBound(norm: magnitude, in: format))
    let combined = up.sum(up.product(spectralNorm, magnitude), products)
    try follow(up.sum(products, up.product(format.unitRoundoff, combined)), spectralNorm)
    try sums(outputs)
    try basis(inputs.height, outputs)
    try basis(inputs.width, outputs)
    return error
  }
}
