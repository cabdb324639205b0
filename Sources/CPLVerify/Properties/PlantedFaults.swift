// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference
import Foundation

/// Something that is deliberately wrong with a network or a component, to see which checks notice.
package struct PlantedFault: Sendable {
  package let id: String
  /// What is wrong.
  package let statement: String
  /// The checks of which at least one must notice.
  package let namedChecks: [String]
  /// The context with the fault in it, made from one without and from its network as stored.
  let plant: @Sendable (CheckContext, _ stored: CPLNetwork<Float>) throws -> CheckContext

  init(
    _ id: String, _ statement: String, _ namedChecks: [String],
    plant: @escaping @Sendable (CheckContext, CPLNetwork<Float>) throws -> CheckContext
  ) {
    self.id = id
    self.statement = statement
    self.namedChecks = namedChecks
    self.plant = plant
  }

  /// A fault of layers: in the network at hand and in every one that checks make.
  init(_ fault: PlantedLayerFault) {
    self.init(fault.id, fault.statement, fault.namedChecks) { context, stored in
      var context = context
      context.fault = fault.make()
      context.verified = try context.verify(context.altered(stored))
      return context
    }
  }

  /// A fault of the steps: each layer's h as `step` gives it from σ̂.
  init(
    _ id: String, _ statement: String, _ namedChecks: [String],
    step: @escaping @Sendable (_ estimate: Double) -> Double
  ) {
    self.init(id, statement, namedChecks) { context, stored in
      var network = stored
      let iterations = network.updateSteps(
        iterations: CPLNetwork<Float>.evaluationIterations, workers: context.workers)
      for (position, iteration) in zip(network.steppedLayers, iterations) {
        network[stepped: position].stepRule = .fixed
        network[stepped: position].stepSize = Float(step(Double(iteration.estimate)))
      }
      var context = context
      context.verified = try context.verify(network)
      return context
    }
  }
}

extension PlantedFault {
  /// All of them.
  package static let all: [PlantedFault] =
    steps + LayerSpecification.faults.map { PlantedFault($0) } + certificates + local
    + attacks + surroundings

  private static let steps = [
    PlantedFault(
      "step-too-long", "h = 2.1/σ̂²", ["cpl.step"],
      step: { 2.1 / ($0 * $0) }),
    PlantedFault(
      "sigma-scaled", "σ̂ scaled by 0.9", ["cpl.step"],
      step: { 2 / (0.81 * $0 * $0 + StepSize.regularization) }),
    PlantedFault(
      "stale-sigma", "σ̂ kept from before the weights changed", ["cpl.step"]
    ) { context, stored in
      var network = stored
      network.updateSteps(
        iterations: CPLNetwork<Float>.evaluationIterations, workers: context.workers)
      for position in network.steppedLayers {
        network.layers[position].updateParameters { if $0 == 0 { $1.scale(by: 1.05) } }
      }
      var (context, profile) = (context, Profile.corrected)
      (profile.sigmaLowerBound, profile.staleSigma) = (true, true)
      context.verified = try context.verify(network, profile: profile)
      return context
    },
  ]

  private static let certificates = [
    PlantedFault(
      "radius-inflated", "certified radius multiplied by 1.05",
      ["certificate.valid", "certificate.rule"]
    ) { context, _ in
      var context = context
      context.certify = scaled(by: 1.05)
      return context
    },
    PlantedFault(
      "wrong-runner-up", "runner-up by logit instead of by radius",
      ["certificate.rule", "certificate.valid"]
    ) { context, _ in
      var context = context
      context.certify = { certified, batch in
        let (predictions, radii) = try certified.certify(batch)
        let logits = batch.binary64
        let constants = try PairConstants(certified.network.binary64)
        return (
          predictions,
          radii.indices.map { image in
            let (row, best) = (Array(logits.row(image)), predictions[image])
            guard radii[image] > 0,
              let other = row.indices.filter({ $0 != best }).max(by: { row[$0] < row[$1] })
            else { return 0 }
            return (row[best] - row[other])
              / (certified.network.verified.bounds.lipschitzUpperBound * constants[best, other])
          }
        )
      }
      return context
    },
  ]

  /// Radii multiplied by a number.
  static func scaled(by factor: Double) -> CertifiedNetwork.Certify {
    {
      let (predictions, radii) = try $0.certify($1)
      return (predictions, radii.map { $0 * factor })
    }
  }

  private static let attacks = [
    PlantedFault(
      "leaving-the-ball", "an attack leaves its ball by 1e-4", ["attack.contract"]
    ) { context, _ in
      var context = context
      context.fixedBudgetAttacks = context.fixedBudgetAttacks.map { LeavingBall(base: $0) }
      return context
    },
    PlantedFault(
      "stating-the-budget", "an attack reports the ε that it was given for its distance",
      ["attack.contract"]
    ) { context, _ in
      var context = context
      context.fixedBudgetAttacks = context.fixedBudgetAttacks.map { StatingBudget(base: $0) }
      return context
    },
    PlantedFault(
      "batch-noise", "noise that depends on the batch", ["attack.contract"]
    ) { context, _ in
      var context = context
      context.fixedBudgetAttacks = context.fixedBudgetAttacks.map { BatchNoise(base: $0) }
      return context
    },
  ]

  private static let surroundings = [
    PlantedFault(
      "epoch-moves-u", "the evaluation that ends an epoch overwrites u", ["evaluation.pure"]
    ) { context, _ in
      var context = context
      context.training.evaluationMutates = true
      return context
    },
    PlantedFault(
      "labels-shifted", "label file shifted by one", ["data.labels"]
    ) { context, _ in
      var context = context
      context.images = context.images.map { images in
        ImageDataset(
          name: images.name, classes: images.classes, imageShape: images.imageShape,
          pixels: (0..<images.count).flatMap { Array(images.bytes(at: $0)) },
          labels: Array(images.labels.dropFirst() + images.labels.prefix(1)))
      }
      return context
    },
    PlantedFault(
      "rate-offset", "the learning-rate offset", ["training.schedule"]
    ) { context, _ in
      var context = context
      context.training.learningRateOffset = true
      return context
    },
    PlantedFault(
      "flipped-bit", "one flipped bit in a weights file", ["storage.roundtrip"]
    ) { context, _ in
      var context = context
      let write = context.writeWeights
      context.writeWeights = { network, path in
        try write(network, path)
        var bytes = try InputFile.bytes(path)
        // In the middle of the largest parameter, wherever that lies.
        let largest = network.layers.flatMap { $0.parameters.map { $0.value } }
          .max { $0.count < $1.count }
        let needle = largest.map { value in
          value.elements.prefix(16).flatMap { element in
            withUnsafeBytes(of: element.bitPattern.littleEndian) { Array($0) }
          }
        }
        let position = needle.flatMap { needle in
          (0..<bytes.count - needle.count).first { start in
            bytes[start] == needle[0] && bytes[start..<start + needle.count].elementsEqual(needle)
          }
        }
        bytes[position ?? bytes.count / 2] ^= 1
        try AtomicFile.write(bytes, to: path)
      }
      return context
    },
  ]
}
