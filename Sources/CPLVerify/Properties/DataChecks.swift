// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference

/// Checks of the data.
enum DataChecks {
  static let all: [any PropertyCheck] = [MatchingLabels()]
}

/// Labels are violated where there is evidence that they belong to other images: because they agree
/// when they are moved along, or because the network was right about such images when it was trained.
/// Without it, labels that agree no better than chance are as likely those of a network that knows
/// nothing, and decide nothing.
struct MatchingLabels: PropertyCheck {
  let id = "data.labels"
  let statement = "the data's labels agree with the network better than chance"
  let source = "that the network was trained on data like these"

  func run(_ context: CheckContext) throws -> Findings {
    let verified = try context.network()
    guard context.isLabelled, let all = context.images, all.count > 0 else {
      throw NotApplicable("no data is given whose labels the network was trained for")
    }
    let images = all.prefix(context.effort.choose(200, 1000, 10_000))
    let predictions = verified.network.logits(of: images, workers: context.workers) { _ in }
      .rowMaxima
    let (labels, count) = (images.labels, images.count)
    let agreement = LabelAgreement(
      predictions: predictions, labels: labels, classes: images.classes)
    // How many agree with the labels moved along by 0, 1, … images.
    let agreements = (0..<count).map { shift in
      (0..<count).count { predictions[$0] == labels[($0 + shift) % count] }
    }
    guard let needed = agreement.threshold(LabelAgreement.falseAlarmRate) else {
      throw Self.hopeless(predictions, labels, agreement)
    }
    func measured(_ shift: Int, _ remark: String = "") -> Measurement {
      Measurement(
        "share of labels that agree with the network\(remark)",
        Double(agreements[shift]) / Double(count), .atLeast, Double(needed) / Double(count),
        from: "what chance reaches once in a million times", cases: count)
    }
    // As often as chance all shifts together: no more than chance is left for one of them.
    let least = agreements.indices.min { agreements[$0] < agreements[$1] } ?? 0
    let control = PositiveControl("labels moved along by \(least) images", measured(least))
    if agreements[0] >= needed { return Findings([measured(0)], control: control) }
    let rate = LabelAgreement.falseAlarmRate / Double(max(1, count - 1))
    if let best = agreements.indices.max(by: { agreements[$0] < agreements[$1] }),
      agreement.tail(agreements[best]) <= rate
    {
      let share = Self.percent(agreements[best], of: count)
      return Findings(
        [measured(0, " (moved along by \(best) of \(count) images, \(share) of them do)")],
        control: control)
    }
    if let known = context.validationAccuracy,
      agreement.isFarBelow(known, agreements: agreements[0])
    {
      return Findings(
        [measured(0, " (it was right about \(Self.percent(known)) of its validation images)")],
        control: control)
    }
    throw Self.undecided(agreements[0], needed: needed, of: count, agreement)
  }

  /// Why no agreement whatever would tell these labels from chance.
  private static func hopeless(
    _ predictions: [Int], _ labels: [Int], _ agreement: LabelAgreement
  ) -> any Error {
    let images = labels.count == 1 ? "1 image" : "\(labels.count) images"
    if labels.allSatisfy({ $0 == labels[0] }) {
      return NotApplicable(
        "\(images) of class \(labels[0]) alone, whose labels are the same in any order; images of "
          + "two classes or more are needed")
    }
    if predictions.allSatisfy({ $0 < 0 }) {
      return Inconclusive("the logits of all of \(images) are not finite")
    }
    if predictions.allSatisfy({ $0 == predictions[0] }) {
      return Inconclusive(
        "the network puts all of \(images) into class \(predictions[0]), whatever their labels")
    }
    let needed = agreement.imagesNeeded(for: Double(agreement.most) / Double(labels.count))
    return NotApplicable(
      "\(images) are too few to tell the accuracy from chance"
        + (needed.map { "; about \($0) are needed, even if all agree" } ?? ""))
  }

  /// That too few agree to tell, or that no more do than by chance.
  private static func undecided(
    _ agreements: Int, needed: Int, of count: Int, _ agreement: LabelAgreement
  ) -> any Error {
    let found =
      "\(agreements) of \(count) labels agree with the network; chance gives about "
      + "\(Int(agreement.expected.rounded())), and \(needed) once in a million times"
    let images = agreement.imagesNeeded(for: Double(agreements) / Double(count))
    let reason =
      found
      + (images.map { ": at this accuracy about \($0) images would do" }
        ?? ": on these data the network is no better than chance")
    // Of so few images that a network half-way between chance and the best would not be told from
    // chance either, it is the data that is lacking.
    let halfWay = (agreement.expected + Double(agreement.most)) / 2
    return Double(needed) > halfWay ? NotApplicable(reason) : Inconclusive(reason)
  }

  private static func percent(_ share: Double) -> String {
    "\((share * 1000).rounded() / 10) %"
  }

  private static func percent(_ part: Int, of whole: Int) -> String {
    percent(Double(part) / Double(whole))
  }
}
