// SPDX-License-Identifier: Apache-2.0

extension VerificationReport {
  /// Every figure of the page as a file of its own, for papers: the drawing in SVG, which needs nothing
  /// else, and all its numbers in CSV.
  ///
  /// - Parameter selftest: what `selftest` came to, where that is to be among them.
  package func figures(selftest: SelftestSummary? = nil) -> [(name: String, text: String)] {
    let page = ReportPage(self, results: "", selftest: selftest)
    let figures = [page.opening?.figure].compactMap(\.self) + page.sections.flatMap(\.figures)
    return figures.flatMap(\.files)
  }
}

extension ReportPage.Figure {
  /// The drawing and its numbers, as files.
  var files: [(name: String, text: String)] {
    [svg.map { ("\(name).svg", $0) }, numbers.map { ("\(name).csv", $0.text) }].compactMap(\.self)
  }

  /// The drawing as a file of its own, its colours those of paper; nil for pictures.
  var svg: String? {
    guard drawing.hasPrefix("<svg "), let end = drawing.firstIndex(of: ">") else { return nil }
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" " + drawing[..<end].dropFirst(5)
      + ">\n<style>\n\(FigureStyle.file)\n</style>" + drawing[drawing.index(after: end)...] + "\n"
  }
}
