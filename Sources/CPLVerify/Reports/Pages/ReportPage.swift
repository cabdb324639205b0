// SPDX-License-Identifier: Apache-2.0

import CPLAudit

/// A report as people read it, before it is Markdown or HTML.
package struct ReportPage {
  package struct Row {
    /// What the row is about.
    let head: String
    var cells: [Cell]

    package init(_ head: String, _ cells: [String]) {
      self.head = head
      self.cells = cells.map(Cell.init)
    }
  }

  struct Cell {
    let text: String
    /// "number", "none" for a dash, "long" for a text with very long words, or "text".
    let style: String
    /// The text for HTML, with the places where a narrow column may break it.
    let markup: String
    /// Whether it stands on paper too, which holds fewer columns.
    var isOnPaper = true

    init(_ text: String) {
      self.text = text
      let isNumber =
        text.first.map { "+−-≤≥∞–0123456789".contains($0) } == true
        && text.allSatisfy { $0.isNumber || "+−-≤≥∞–.,%e±× ()[]/".contains($0) }
      style =
        text == Shown.none
        ? "none"
        : isNumber
          ? "number" : text.split(separator: " ").contains { $0.count > 24 } ? "long" : "text"
      markup = isNumber ? Self.interval(text) : Self.breakable(text)
    }

    /// A number, and apart from it the interval in parentheses after it.
    private static func interval(_ text: String) -> String {
      guard let gap = text.range(of: " (") else { return text.markup }
      return "\(String(text[..<gap.lowerBound]).markup) "
        + "<span>\(String(text[gap.lowerBound...].dropFirst()).markup)</span>"
    }

    /// Words are broken only where they are longer than a column can be: paths after their parts, digests
    /// where the style says, which leaves their text whole.
    private static func breakable(_ text: String) -> String {
      text.split(separator: " ", omittingEmptySubsequences: false).map { word in
        guard word.count > 24 else { return String(word).markup }
        var parts = [""]
        for character in word {
          parts[parts.count - 1].append(character)
          if "/_=,".contains(character) { parts.append("") }
        }
        return parts.map { $0.count > 24 ? "<span>\($0.markup)</span>" : $0.markup }
          .joined(separator: "<wbr/>")
      }.joined(separator: " ")
    }
  }

  package struct Table {
    let caption: String
    /// The names of all columns, the rows' heads included.
    let columns: [String]
    let heads: [Cell]
    /// What is said of columns that are left out on paper.
    let onPaper: String?
    let rows: [Row]
    let count: Int
    /// Whether it is folded until a reader asks for it.
    let isFolded: Bool
    /// "sortable" where readers sort it by its columns, "short" where it is not divided between pages of paper;
    /// by a name of its own, since a template looks for what is nil in the page around it.
    let layout: String?

    package init(
      caption: String, columns: [String], rows: [Row], isSortable: Bool = false,
      leftOutOnPaper: (columns: [Int], note: String)? = nil
    ) {
      self.caption = caption
      self.columns = columns
      onPaper = leftOutOnPaper?.note
      let left = leftOutOnPaper?.columns ?? []
      heads = columns.enumerated().map { column, name in
        var head = Cell(name)
        head.isOnPaper = !left.contains(column)
        return head
      }
      self.rows = rows.map { row in
        var row = row
        for column in left where row.cells.indices.contains(column - 1) {
          row.cells[column - 1].isOnPaper = false
        }
        return row
      }
      count = rows.count
      isFolded = rows.count > 12 && !isSortable
      layout = isSortable ? "sortable" : rows.count <= 6 ? "short" : nil
    }
  }

  /// Text as it stands, such as a command.
  package struct Code {
    let content: String
    let fence: String
    /// Whether it is of many lines.
    let isLong: Bool

    init(_ text: String) {
      var lines = text.printable
      while lines.last?.isNewline == true { lines.removeLast() }
      content = lines
      fence = content.codeFence
      isLong = content.count(where: \.isNewline) > 20
    }
  }

  package struct Figure {
    /// What its files are called.
    let name: String
    let caption: String
    /// The figure in characters; empty where it has no such form.
    let characters: [Code]
    /// The figure as an `svg` element, or pictures as `img` elements.
    let drawing: String
    /// The numbers behind it, for whoever cannot see it.
    let table: Table?
    /// All of them, as its file has them.
    let numbers: CSVTable?
    /// "wide" for one that takes the whole width of a page.
    let style: String

    init(
      name: String, caption: String, characters: [Code] = [], drawing: String,
      table: Table? = nil, numbers: CSVTable? = nil, isWide: Bool = false
    ) {
      self.name = name
      self.caption = caption
      self.characters = characters
      self.drawing = drawing
      self.table = table
      self.numbers = numbers
      style = isWide ? "wide" : "narrow"
    }
  }

  package struct Section {
    let heading: String
    /// Its name in the page's address.
    let anchor: String
    package var paragraphs: [String]
    package var items: [String]
    package var tables: [Table]
    var figures: [Figure]
    var codes: [Code]

    package init(
      heading: String, paragraphs: [String] = [], items: [String] = [], tables: [Table] = [],
      figures: [Figure] = [], codes: [Code] = []
    ) {
      self.heading = heading
      anchor = String(
        heading.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
      self.paragraphs = paragraphs
      self.items = items
      self.tables = tables
      self.figures = figures
      self.codes = codes
    }
  }

  /// How the headline looks: as a verdict's raw name says, or "plain" where there is no verdict.
  let style: String
  /// The verdict and what it rests on, in one line.
  let headline: String
  /// The same without what stands below it in the opening.
  let firstLine: String
  /// What else a reader must know first.
  var notices: [String] = []
  /// The first screen; nil for a page that is not of one network's results.
  var opening: Opening?
  let sections: [Section]

  package init(
    style: String, headline: String, notices: [String] = [], sections: [Section]
  ) {
    self.style = style
    self.headline = headline
    firstLine = headline
    self.notices = notices
    self.sections = sections
  }
}

extension ReportPage {
  /// The page of a report.
  ///
  /// - Parameters:
  ///   - results: the HDF5 file that holds the report, as commands are to name it.
  ///   - selftest: what `selftest` came to, where that is to be shown too.
  ///   - examples: images with the nearest adversarial ones, to be pictured.
  ///   - figureFiles: what is said of the figures' files beside the page; nil where there are none.
  init(
    _ report: VerificationReport, results: String, selftest: SelftestSummary? = nil,
    examples: [ExampleImage] = [], figureFiles: String? = nil
  ) {
    // What was judged may be another network than the one in the file, or on other data: no success.
    let isOfAnother = report.provenance.notices?.contains(where: \.kind.isHeadline) ?? false
    let verdict = report.verdict
    style =
      isOfAnother && (verdict == nil || verdict == .holds)
      ? AuditResult.Verdict.unproved.rawValue : verdict?.rawValue ?? "plain"
    headline = report.headline
    firstLine = report.verdictLine
    notices = report.provenance.furtherNotices
    opening = Opening(report, examples: examples)
    sections =
      [
        Self.summary(report), Self.coverage(report), Self.violations(report, results: results),
        ReproducibilityCard(report).section, Self.accuracy(report), Self.tightness(report),
        Self.bounds(report), Self.training(report), Self.attacks(report), Self.checks(report),
        selftest?.section,
        figureFiles.map { Section(heading: "Figures as files", paragraphs: [$0]) },
        Self.again(report),
      ].compactMap { $0 }
  }
}
