// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReports

extension EventLog {
  /// Tells that an audit begins.
  ///
  /// - Parameter progress: what was done before.
  package func begin(_ progress: AuditProgress, command: String) {
    var event = RunEvent(.begin)
    (event.run, event.command, event.resumed) = (.audit, command, !progress.images.isEmpty)
    event.count(progress)
    append(event)
  }

  /// Tells how far an audit has come.
  ///
  /// - Parameter total: how many images are certified.
  func attacked(_ progress: AuditProgress, of total: Int) {
    var event = RunEvent(.attacked)
    event.total = total
    event.count(progress)
    event.broken = progress.violations.count
    event.tightnessMedian = Distribution(progress.images.values.compactMap(\.tightness))?.median
    event.imagesPerSecond = imagesPerSecond
    append(event)
  }
}

extension RunEvent {
  fileprivate mutating func count(_ progress: AuditProgress) {
    done = progress.images.values.count { $0.extent == .plan }
    searched = progress.images.values.count { $0.extent == .search }
  }
}
