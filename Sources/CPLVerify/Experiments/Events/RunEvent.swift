// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference
import Foundation

/// What a training run or an audit tells of itself at one moment: a line of its `events.jsonl`.
///
/// Events say when things happened, and so are no part of any result or digest.
package struct RunEvent: Codable, Equatable, Sendable {
  package enum Kind: String, Codable, Sendable {
    /// The run begins, or is taken up.
    case begin
    /// A step of a training; not every one is told.
    case step
    case epoch
    /// A batch of images has been attacked.
    case attacked
    case end
  }

  package enum Work: String, Codable, Sendable { case train, audit }

  /// How a run ended.
  package enum Outcome: String, Codable, Sendable { case finished, stopped, failed }

  package var time = ""
  package let kind: Kind

  package var run: Work?
  package var command: String?
  package var resumed: Bool?

  package var epoch: Int?
  package var epochs: Int?
  package var step: Int?
  package var steps: Int?
  package var loss: Double?
  package var learningRate: Double?
  package var accuracy: Double?
  package var certifiedAccuracy: Double?
  package var isBest: Bool?

  package var done: Int?
  package var searched: Int?
  package var total: Int?
  package var broken: Int?
  package var tightnessMedian: Double?

  package var imagesPerSecond: Double?

  package var outcome: Outcome?
  package var verdict: AuditResult.Verdict?

  package init(_ kind: Kind) { self.kind = kind }

  package enum CodingKeys: String, CodingKey, CaseIterable {
    case time, kind, run, command, resumed, epoch, epochs, step, steps, loss
    case learningRate = "learning_rate"
    case accuracy
    case certifiedAccuracy = "certified_accuracy"
    case isBest = "is_best"
    case done, searched, total, broken
    case tightnessMedian = "tightness_median"
    case imagesPerSecond = "images_per_second"
    case outcome, verdict
  }

  /// The number of steps since the beginning of the training.
  package var globalStep: Int? {
    guard let epoch, let steps else { return nil }
    return kind == .epoch ? epoch * steps : step.map { (epoch - 1) * steps + $0 }
  }
}

extension RunEvent {
  /// A line of the file, without its line feed.
  func line() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// The table of `docs/formats.md`.
  package static var documentation: String {
    "| key | in | unit | holds |\n| --- | --- | --- | --- |\n"
      + CodingKeys.allCases.map { key in
        let (kinds, unit, meaning) = key.meaning
        return "| `\(key.rawValue)` | \(kinds) | \(unit) | \(meaning) |\n"
      }.joined()
  }
}

extension RunEvent.CodingKeys {
  fileprivate var meaning: (kinds: String, unit: String, meaning: String) {
    switch self {
    case .time: ("all", "text", "when, in UTC by ISO 8601")
    case .kind: ("all", "text", "`begin`, `step`, `epoch`, `attacked` or `end`")
    case .run: ("`begin`", "text", "`train` or `audit`")
    case .command: ("`begin`", "text", "the command")
    case .resumed: ("`begin`", "true or false", "whether the run is taken up where it was left")
    case .epoch: ("`step`, `epoch`", "ordinal", "the epoch, from 1 on")
    case .epochs: ("`begin`, `step`, `epoch`", "count", "epochs in all")
    case .step: ("`step`", "ordinal", "the step in its epoch, from 1 on")
    case .steps: ("`step`, `epoch`", "count", "steps of an epoch")
    case .loss: ("`step`, `epoch`", "1", "the step's loss; the mean over the epoch")
    case .learningRate: ("`step`, `epoch`", "1", "the step's; that of the epoch's last step")
    case .accuracy: ("`epoch`", "1", "of the images that choose the best epoch")
    case .certifiedAccuracy:
      ("`epoch`", "1", "of the same images, `published` certificates at 36/255, which are no proof")
    case .isBest: ("`epoch`", "true or false", "whether the epoch is the best so far")
    case .done: ("`begin`, `attacked`", "count", "images that went through the whole plan")
    case .searched: ("`begin`, `attacked`", "count", "images that the first attack alone looked at")
    case .total: ("`attacked`", "count", "certified images, which are to be attacked")
    case .broken: ("`attacked`", "count", "broken certificates")
    case .tightnessMedian: ("`attacked`", "1", "the median of d/r")
    case .imagesPerSecond:
      ("`step`, `epoch`, `attacked`", "images a second", "since the event before")
    case .outcome: ("`end`", "text", "`finished`, `stopped` (on request) or `failed`")
    case .verdict:
      ("`end`", "text", "of an audit: `holds`, `unproved`, `violated` or `inconclusive`")
    }
  }
}
