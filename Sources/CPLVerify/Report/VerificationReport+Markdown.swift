extension VerificationReport {
  /// The report in Markdown, its first line the verdict.
  ///
  /// - Parameter results: the HDF5 file that holds the report, as the commands that replay a
  ///   violation are to name it.
  public func markdown(results: String = "report.h5") throws -> String {
    try ReportTemplate.render(
      ReportPage(self, results: results), with: MarkdownTemplate.page)
  }
}
