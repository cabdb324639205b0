extension VerificationReport {
  /// The report as an HTML page in one file, the verdict first; nothing is loaded from elsewhere.
  ///
  /// - Parameter results: the HDF5 file that holds the report, as the commands that replay a
  ///   violation are to name it.
  public func html(results: String = "report.h5") throws -> String {
    try ReportTemplate.render(ReportPage(self, results: results), with: HTMLTemplate.page)
  }
}
