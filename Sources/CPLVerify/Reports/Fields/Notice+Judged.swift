// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLReference

extension Notice {
  /// What a reader must know of a judged network before any number, the most important first.
  ///
  /// - Parameter images: those that the network is judged on; nil where they do not matter.
  package static func all(
    of verified: VerifiedNetwork, from checkpoint: Checkpoint, on images: ImageDataset?,
    workers: Workers
  ) -> [Notice] {
    var notices: [Notice] = []
    let replaced = verified.replacedSteps
    if let largest = replaced.max(by: { abs($0.change) < abs($1.change) }) {
      notices.append(
        Notice(
          .stepsReplaced,
          "steps replaced: not the network in the file; \(replaced.count) of "
            + "\(verified.network.steppedLayers.count) steps differ from its own, by up to "
            + "\(percent(largest.change)) (\(largest.layer))"
            + (images.map { ", \(difference(of: verified, on: $0, workers: workers))" } ?? "")))
    }
    if let images, let data = checkpoint.description.trainedOn, data.name != images.name {
      notices.append(
        Notice(
          .otherData,
          "other data: the weights were trained on \(data.name) and are judged on \(images.name)"))
    }
    if checkpoint.isEarlierFormat {
      notices.append(
        Notice(
          .earlierFormat,
          "the weights were written by an earlier version, whose digest leaves out steps, "
            + "normalisation and head: that these are as they were written is not checked"))
    }
    if verified.steps == .shipped, !verified.layersWithoutStep.isEmpty {
      let layers = verified.layersWithoutStep
      notices.append(
        Notice(
          .assumption,
          "the file holds no steps for \(layers.count) "
            + "\(layers.count == 1 ? "layer, \(layers[0])" : "layers, \(layers[0]) first"): made by 100 "
            + "power iterations from the stored u, as the published code does when it evaluates"))
    }
    return notices + (checkpoint.notes + (images?.notes ?? [])).map { Notice(.assumption, $0) }
  }

  private static func percent(_ share: Double) -> String { "\(Float(100 * abs(share))) %" }

  /// How far the executed network is from the one in the file, on the first images.
  private static func difference(
    of verified: VerifiedNetwork, on images: ImageDataset, workers: Workers
  ) -> String {
    let sample = images.prefix(CPLNetwork<Float>.evaluationBatch)
    let logits = [verified.shipped, verified.network].map { network in
      network.logits(of: sample, workers: workers) { _ in }
    }
    let margins = logits.map { logits in
      (0..<sample.count).map { row in
        let sorted = logits.row(row).sorted(by: >)
        return Double(sorted[0]) - Double(sorted[1])
      }
    }
    let change = zip(margins[0], margins[1]).reduce(0.0) { $0 + abs($1.0 - $1.1) }
    let classes = zip(logits[0].rowMaxima, logits[1].rowMaxima).count { $0 != $1 }
    return "margins by \(percent(change / margins[0].reduce(0, +))) in the mean and the predicted "
      + "class of \(classes) among the first \(sample.count) images"
  }
}
