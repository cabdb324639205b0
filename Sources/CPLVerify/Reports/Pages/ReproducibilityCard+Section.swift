// SPDX-License-Identifier: Apache-2.0

import CPLReports

extension ReproducibilityCard {
  var section: ReportPage.Section {
    ReportPage.Section(
      heading: "Reproducibility card",
      tables: [
        ReportPage.Table(
          caption: "The paper and this run", columns: ["question", "paper", "this run"],
          rows: rows.map { ReportPage.Row($0.question, [$0.paper, $0.run]) })
      ])
  }
}
