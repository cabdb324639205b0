// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLFindings
import CPLReference

/// The bound D of local certificates, on small networks of this program's own: layers' faults have checks of their own.
struct LocalFalls: PropertyCheck {
  let id = "certificate.local"
  let statement =
    "no perturbation lowers a margin by more than the bound D of local certificates, whatever the multipliers"
  let source = "docs/soundness.md, section 5"

  /// Of 2/σ̄²; D covers longer steps than 1, too.
  private static let steps = [1, 1.5, 0.9, 0.5]

  func run(_ context: CheckContext) throws -> Findings {
    var (falls, terms, shortfalls, control): ([Double], [Double], [Double], [Double]) = (
      [], [], [], []
    )
    for index in 0..<context.effort.choose(8, 24, 400) {
      let network = try LocalCase.network(
        context.seed &+ UInt64(index), step: Self.steps[index % Self.steps.count],
        pooling: 1 + index / 4 % 2)
      var random = context.random(for: id, index)
      let pixels: [Float] = (0..<network.network.inputShape.reduce(1, *)).map { _ in
        Float(random.uniform())
      }
      guard
        var one = try LocalCase(
          network, image: Tensor(shape: [1] + network.network.inputShape, elements: pixels),
          random)
      else { continue }
      for trial in 0..<6 {
        let radius = 0.02 + one.random.uniform()
        let delta = one.perturbation(norm: radius * (1 - 0x1p-40))
        let fall = one.definition.decrease(delta)
        let output = one.definition.follow(delta).output
        let distance = LocalDefinition.dot(output, output).squareRoot() * (1 - 1e-12)
        let isFitted = trial % 2 == 0
        let found =
          trial == 5 ? one.searched(radius: radius, featureDistance: distance, steps: 60) : nil
        var multipliers =
          found
          ?? one.multipliers(fitting: isFitted ? delta : nil, price: trial % 4 == 0 ? 1 : nil)
        if trial % 3 == 0 { one.moveTouches(&multipliers) }
        let bound = context.localDecrease(one.bound, radius, distance, multipliers)
        func defined(at delta: [Double]?, _ fault: LocalDefinition.Fault? = nil) -> Double {
          one.definition.bound(
            multipliers, one.local, radius: radius, featureDistance: distance, at: delta,
            fault: fault)
        }
        let whole = defined(at: nil)
        falls.append(fall - bound)
        terms.append(fall - defined(at: delta))
        shortfalls.append((whole - bound) / max(1, whole.magnitude))
        if isFitted { control.append(fall - defined(at: delta, .energySign)) }
      }
    }
    let origin = "binary64 sums of a few hundred terms of magnitude 10"
    let quantity = "a margin's fall less the terms of D at the perturbation"
    return Findings(
      [
        Measurement(
          "a margin's fall less D", worstOf: falls, .atMost, 0, tolerance: 1e-11, from: origin),
        Measurement(
          "D's definition, evaluated with the layers' matrices, less D", worstOf: shortfalls,
          .atMost, 0, tolerance: 1e-11, from: origin),
        Measurement(quantity, worstOf: terms, .atMost, 0, tolerance: 1e-11, from: origin),
      ],
      control: PositiveControl(
        "h²‖Wᵀs‖² added to the energy instead of subtracted",
        Measurement(quantity, worstOf: control, .atMost, 0, tolerance: 1e-11, from: origin)))
  }
}
