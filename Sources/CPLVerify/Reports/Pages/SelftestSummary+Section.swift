// SPDX-License-Identifier: Apache-2.0

import CPLReports

extension SelftestSummary {
  var section: ReportPage.Section {
    ReportPage.Section(
      heading: "Planted faults",
      paragraphs: [
        "Do the checks see what is wrong? \(faults.count { $0.caught }) of \(faults.count) faults that "
          + "were planted on purpose were caught by a check that is named for them, with "
          + "\(falseAlarms) false alarms in \(seeds) runs without a fault: \(verdict). These results "
          + "are of 'selftest', and not in the file of results."
      ],
      tables: [
        ReportPage.Table(
          caption: "Faults and the checks that saw them", columns: ["fault", "what", "seen", "by"],
          rows: faults.map {
            ReportPage.Row(
              $0.id,
              [
                $0.statement, $0.caught ? "caught" : "NOT CAUGHT",
                $0.caughtBy.joined(separator: ", "),
              ])
          })
      ],
      figures: faults.isEmpty || checks.isEmpty
        ? []
        : [
          ReportPage.Figure(
            name: "faults",
            caption:
              "A row a fault, a column a check. Dark: violated, as the check must be; light: "
              + "violated too; grey: not",
            drawing: FaultGrid(self).drawing(isFile: false), isWide: true)
        ])
  }
}
