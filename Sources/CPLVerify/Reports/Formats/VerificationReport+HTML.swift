// SPDX-License-Identifier: Apache-2.0

extension VerificationReport {
  /// The report as an HTML page in one file, the verdict first; nothing is loaded from elsewhere.
  ///
  /// - Parameters:
  ///   - results: the HDF5 file that holds the report, as the commands that replay a
  ///     violation are to name it.
  ///   - selftest: what `selftest` came to, where that is to be shown too.
  ///   - examples: images with the nearest adversarial ones, to be pictured.
  ///   - figureFiles: what is said of the figures' files beside the page; nil where there are none.
  public func html(
    results: String = "report.h5", selftest: SelftestSummary? = nil, examples: [ExampleImage] = [],
    figureFiles: String? = nil
  ) throws -> String {
    try ReportTemplate.render(
      ReportPage(
        self, results: results, selftest: selftest, examples: examples, figureFiles: figureFiles),
      with: HTMLTemplate.page)
  }
}
