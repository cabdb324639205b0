// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// Checks of derivatives.
enum GradientChecks {
  static let all: [any PropertyCheck] = [ExactGradients()]
}

struct ExactGradients: PropertyCheck {
  let id = "gradient.exact"
  let statement =
    "analytic gradients, by way of σ̂ and h too, are the derivatives that differences give in binary64"
  let source = "Meunier et al. 2022, Algorithm 1, differentiated"

  private let loss = MarginLoss(margin: 0.7)

  func run(_ context: CheckContext) throws -> Findings {
    var random = context.random(for: id)
    let configuration = ModelRecipe(
      convolutionLayers: 2, channels: 4, convolutionInner: 3, linearLayers: 2, linearInner: 5,
      classes: 3, image: ImageShape(channels: 3, height: 4, width: 4))
    let start: CPLNetwork<Double> = context.network(
      configuration.layers(mean: [0.4, 0.5, 0.6], standardDeviation: [1, 0.5, 2]),
      seed: context.seed)
    let images = Tensor<Double>(
      shape: [3, 3, 4, 4], elements: (0..<144).map { _ in random.uniform() })
    let labels = [2, 0, 1]
    var trained = start
    let (value, imageGradient, gradients) = trained.trainingGradient(
      images: images, labels: labels, loss: loss, densePowerGradient: false,
      workers: context.workers)
    let inputAlone = Self.inputGradient(trained, images, labels, loss, context.workers)
    let moving = Moving(start: start, trained: trained, labels: labels, loss: loss)

    var errors = [
      Self.error(imageGradient, at: images, value, &random) { moving.loss(of: start, $0) },
      Self.error(inputAlone, at: images, value, &random) { moving.loss(of: start, $0) },
    ]
    var control: [Double] = []
    for (position, layer) in start.layers.enumerated() {
      for (index, (_, parameter)) in layer.parameters.enumerated() {
        func changed(_ parameter: Tensor<Double>) -> Double {
          var network = start
          network.layers[position].updateParameters { if $0 == index { $1 = parameter } }
          return moving.loss(of: network, images)
        }
        let gradient = gradients[position].parameters[index]
        errors.append(Self.error(gradient, at: parameter, value, &random, of: changed))
        if index == 0, control.isEmpty {
          var wrong = gradient
          wrong.scale(by: 1.001)
          control.append(Self.error(wrong, at: parameter, value, &random, of: changed))
        }
      }
    }
    func measured(_ errors: [Double]) -> Measurement {
      Measurement(
        "|⟨g, v⟩ − the difference quotient along v|, over ‖g‖‖v‖ and less its rounding",
        worstOf: errors, .atMost, 1e-9)
    }
    return Findings(
      [measured(errors)],
      control: PositiveControl("a gradient 0.1 % too large", measured(control)))
  }

  /// The loss as training sees it: h follows σ̂ = ⟨W u, v⟩ with v ∝ W u_old, both u held fixed.
  private struct Moving {
    let start: CPLNetwork<Double>
    let trained: CPLNetwork<Double>
    let labels: [Int]
    let loss: MarginLoss

    func loss(of network: CPLNetwork<Double>, _ images: Tensor<Double>) -> Double {
      var network = network
      for position in network.steppedLayers {
        let map = network[stepped: position].linearMap
        var v = map.apply(start[stepped: position].powerVector)
        v.scale(by: 1 / (v.norm + 1e-12))
        network[stepped: position].stepSize = StepSize.fromEstimate(
          map.apply(trained[stepped: position].powerVector).dot(v))
      }
      return loss(network.logits(images, workers: .serial), labels: labels).loss
    }
  }

  /// The gradient with respect to the images as attacks take it.
  private static func inputGradient(
    _ network: CPLNetwork<Double>, _ images: Tensor<Double>, _ labels: [Int], _ loss: MarginLoss,
    _ workers: Workers
  ) -> Tensor<Double> {
    let pass = network.record(images, recording: .masks, workers: workers)
    return network.inputGradient(loss(pass.logits, labels: labels).gradient, pass, workers: workers)
  }

  /// How far a gradient is from the difference quotients along random directions, as a part of its
  /// length: the middle one of five, for a kink of a ReLU may lie across one.
  ///
  /// With Richardson's extrapolation the quotient misses the derivative by less than 1e-16 between
  /// kinks. The loss errs by γ_n of itself, n ≤ 7·2·36 roundings, which the quotient divides by 2e,
  /// (4·1 + ½)/3 times over.
  private static func error(
    _ gradient: Tensor<Double>, at x: Tensor<Double>, _ value: Double,
    _ random: inout CounterRandom, of function: (Tensor<Double>) -> Double
  ) -> Double {
    let step = 0x1p-20
    let rounding = 1.5 * Rounding.gamma(7 * 2 * 36) * max(value, 1) / step
    let errors = (0..<5).map { _ -> Double in
      let direction = random.direction(x.shape)
      func quotient(_ step: Double) -> Double {
        (function(x.adding(direction, scale: step)) - function(x.adding(direction, scale: -step)))
          / (2 * step)
      }
      let slope = (4 * quotient(step) - quotient(2 * step)) / 3
      return max(0, (gradient.dot(direction) - slope).magnitude - rounding)
    }
    // Every parameter matters here: a gradient of zero is wrong.
    return errors.sorted()[2] / max(gradient.norm, rounding)
  }
}
