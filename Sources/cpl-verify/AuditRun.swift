import CPLReference
import CPLVerify
import Foundation

/// An audit that shows how far it has come and stops when it is asked to.
struct AuditRun {
  /// What may be spent on attacks.
  enum Budget {
    case seconds(Double)
    /// Of images through the network.
    case passes(Int)
  }

  private let audit: CertificateAudit
  private let budget: Budget?
  private let progress: Progress

  init(_ audit: CertificateAudit, budget: Budget? = nil, _ progress: Progress) {
    self.audit = audit
    self.budget = budget
    self.progress = progress
  }

  /// Audits what `done` lacks.
  ///
  /// - Parameter keep: called with each batch when it is done.
  func run(
    _ images: ImageDataset, from done: AuditProgress, keep: (AuditedBatch) throws -> Void
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
    var (finished, certified) = (from, 0)
    let start = Date()
    let mayGoOn: ((Int) -> Bool)? =
      switch budget {
      case .seconds(let seconds): { _ in Date().timeIntervalSince(start) < seconds }
      case .passes(let passes): { $0 < passes }
      case nil: nil
      }
    defer { progress.finish() }
    return try audit.run(images, resuming: done, budget: mayGoOn) { event in
      switch event {
      case .certified(let count):
        certified = count
        progress.update("certifying", done: certified, total: images.count, unit: "images")
        if certified == images.count { progress.finish() }
      case .attacking: break
      case .attacked(let batch):
        finished -= batch.positions.reduce(0) { $0 + (state.images[$1].map(steps) ?? 0) }
        finished += batch.images.reduce(0) { $0 + steps($1) }
        state.add(batch)
        try keep(batch)
      }
      if certified == images.count {
        progress.update(
          "auditing", done: finished, from: from, total: images.count * phases,
          unit: phases == 1 ? "images" : "halves of images",
          note: "\(state.violations.count) violations")
      }
      try Interruption.check()
    }
  }
}
