// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import Foundation

/// An audit that tells how far it has come and stops when it is asked to.
package struct AuditRun {
  /// What may be spent on attacks.
  package enum Budget {
    case seconds(Double)
    /// Of images through the network.
    case passes(Int)
  }

  private let audit: CertificateAudit
  private let budget: Budget?
  private let workplace: Workplace
  /// What is told of the audit on the way.
  package var events: EventLog?

  package init(_ audit: CertificateAudit, budget: Budget? = nil, _ workplace: Workplace) {
    self.audit = audit
    self.budget = budget
    self.workplace = workplace
  }

  /// Audits what `done` lacks.
  ///
  /// - Parameters:
  ///   - radii: of each image, where they are known.
  ///   - keep: called with each batch when it is done.
  package func run(
    _ images: EvaluatedImages, radii: [Double]? = nil, from done: AuditProgress,
    keep: (AuditedBatch) throws -> Void
  ) throws -> AuditResult {
    // Searching and the rest of the plan, where a budget makes them two.
    let phases = budget == nil ? 1 : 2
    func steps(_ image: AuditedImage) -> Int {
      switch image.extent {
      case .none: 0
      case .search: phases - 1
      case .plan: phases
      }
    }
    var state = done
    let from = state.images.values.reduce(0) { $0 + steps($1) }
    var (finished, begun, planned) = (from, 0.0, 0)
    var step = ""
    let observer = workplace.observer
    let now = workplace.now
    let start = now()
    let mayGoOn: ((Int) -> Bool)? =
      switch budget {
      case .seconds(let seconds): { _ in now().timeIntervalSince(start) < seconds }
      case .passes(let passes): { $0 < passes }
      case nil: nil
      }
    defer { observer.finish() }
    return try audit.run(images, radii: radii, resuming: done, budget: mayGoOn) { event in
      switch event {
      case .certified(let count):
        observer.update(
          WorkProgress(
            "certifying", done: count, total: images.dataset.count, unit: "images"))
      case .planned(let count):
        planned = count
        observer.finish()
        events?.attacked(state, of: planned)
      case .attacking(let attack):
        // Of a batch that is searched already the rest is one phase, otherwise it is all.
        begun = Double(attack.images * attack.done) / Double(attack.total)
        step = ", \(attack.name)"
      case .attacked(let batch):
        (begun, step) = (0, "")
        finished -= batch.positions.reduce(0) { $0 + (state.images[$1].map(steps) ?? 0) }
        finished += batch.images.reduce(0) { $0 + steps($1) }
        state.add(batch)
        try keep(batch)
        events?.count(images: batch.images.count)
        events?.attacked(state, of: planned)
      }
      if planned > 0 {
        observer.update(
          WorkProgress(
            "auditing", done: finished, begun: begun, from: from, total: planned * phases,
            unit: phases == 1 ? "images" : "halves of images",
            note: "\(state.violations.count) violations\(step)"))
      }
      try observer.checkInterruption()
    }
  }
}
