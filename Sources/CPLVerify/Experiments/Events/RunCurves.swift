// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference

/// What the events of a run add up to: how far it has come, and the curves of its figures.
package struct RunCurves: Sendable {
  package enum State: String, Encodable, Sendable { case running, finished, stopped, failed }

  /// A figure over the course of the run.
  package struct Curve: Sendable {
    package enum Unit: Sendable { case number, share, count }

    /// The key of the figure in events.
    package let key: String
    package let name: String
    package let unit: Unit
    /// By place in the run: epochs, or images that are done.
    package fileprivate(set) var points: [(x: Double, y: Double)] = []

    /// Adds a point; those at its place and behind it, which a run that was taken up has left, are dropped.
    fileprivate mutating func add(_ x: Double, _ y: Double?) {
      while let last = points.last, last.x >= x { points.removeLast() }
      if let y, y.isFinite { points.append((x, y)) }
    }
  }

  package private(set) var work: RunEvent.Work?
  package private(set) var state = State.running
  package private(set) var verdict: AuditResult.Verdict?
  /// The last event with figures.
  package private(set) var last: RunEvent?
  /// When the last event was told.
  package private(set) var time: String?

  private var loss = Curve(key: "loss", name: "loss", unit: .number)
  private var accuracy = Curve(
    key: "accuracy", name: "validation accuracy", unit: .share)
  private var certified = Curve(
    key: "certified_accuracy", name: "certified at 36/255 (published, no proof)", unit: .share)
  private var done = Curve(key: "done", name: "images done", unit: .count)
  private var broken = Curve(key: "broken", name: "broken certificates", unit: .count)
  private var tightness = Curve(key: "tightness_median", name: "median d/r", unit: .number)
  private var rate = Curve(
    key: "images_per_second", name: "images a second", unit: .number)

  /// Nothing told yet.
  package init() {}

  package mutating func add(_ event: RunEvent) {
    time = event.time
    switch event.kind {
    case .begin:
      (work, state, verdict) = (event.run, .running, nil)
      if event.resumed != true { self = RunCurves(of: event) }
    case .end:
      state = event.outcome.map { State(rawValue: $0.rawValue) ?? .failed } ?? .failed
      verdict = event.verdict
    case .step, .epoch:
      guard let epoch = event.epoch else { return }
      let isWhole = event.kind == .epoch
      let share = isWhole ? 1 : Double(event.step ?? 0) / Double(max(event.steps ?? 1, 1))
      let place = Double(epoch - 1) + share
      loss.add(place, event.loss)
      if isWhole {
        accuracy.add(place, event.accuracy)
        certified.add(place, event.certifiedAccuracy)
      }
      rate.add(place, event.imagesPerSecond)
      last = event
    case .attacked:
      let place = Double((event.done ?? 0) + (event.searched ?? 0))
      done.add(place, event.done.map(Double.init))
      broken.add(place, event.broken.map(Double.init))
      tightness.add(place, event.tightnessMedian)
      rate.add(place, event.imagesPerSecond)
      last = event
    }
  }

  private init(of begin: RunEvent) {
    (work, time) = (begin.run, begin.time)
    last = begin
  }

  /// The curves that have points, in the order in which they are shown.
  package var curves: [Curve] {
    let all =
      work == .audit ? [done, broken, tightness, rate] : [loss, accuracy, certified, rate]
    return all.filter { !$0.points.isEmpty }
  }

  /// Where the curves begin and end: epochs, or images.
  package var range: ClosedRange<Double> {
    let end = work == .audit ? last?.total : last?.epochs
    return 0...max(Double(end ?? 1), curves.compactMap { $0.points.last?.x }.max() ?? 1, 1)
  }

  /// What the places are counted in.
  package var placeUnit: String { work == .audit ? "images" : "epochs" }
}
