// SPDX-License-Identifier: Apache-2.0

extension VerificationReport {
  /// The report in Markdown, its first line the verdict.
  ///
  /// - Parameters:
  ///   - results: the HDF5 file that holds the report, as the commands that replay a
  ///     violation are to name it.
  ///   - selftest: what `selftest` came to, where that is to be shown too.
  public func markdown(
    results: String = "report.h5", selftest: SelftestSummary? = nil
  ) throws -> String {
    try ReportTemplate.render(
      ReportPage(self, results: results, selftest: selftest), with: MarkdownTemplate.page)
  }
}
