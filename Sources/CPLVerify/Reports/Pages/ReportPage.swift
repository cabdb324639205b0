import CPLAudit

/// A report as people read it, before it is Markdown or HTML.
package struct ReportPage {
  package struct Row {
    /// What the row is about.
    let head: String
    let cells: [Cell]

    package init(_ head: String, _ cells: [String]) {
      self.head = head
      self.cells = cells.map(Cell.init)
    }
  }

  struct Cell {
    let text: String
    /// "number", "none" for a dash, "long" for a text with words that a narrow column has to break, or "text".
    let style: String

    init(_ text: String) {
      self.text = text
      let isNumber =
        text.first.map { "+−-≤≥∞–0123456789".contains($0) } == true
        && text.allSatisfy { $0.isNumber || "+−-≤≥∞–.,%e± ()[]/".contains($0) }
      style =
        text == Shown.none
        ? "none"
        : isNumber
          ? "number" : text.split(separator: " ").contains { $0.count > 24 } ? "long" : "text"
    }
  }

  package struct Table {
    let caption: String
    /// The names of all columns, the rows' heads included.
    let columns: [String]
    let rows: [Row]
    let count: Int
    /// Whether it is folded until a reader asks for it.
    let isFolded: Bool
    /// Whether readers sort it by its columns.
    let isSortable: Bool

    package init(caption: String, columns: [String], rows: [Row], isSortable: Bool = false) {
      self.caption = caption
      self.columns = columns
      self.rows = rows
      count = rows.count
      isFolded = rows.count > 12 && !isSortable
      self.isSortable = isSortable
    }
  }

  /// Text as it stands, such as a command.
  package struct Code {
    let content: String
    let fence: String

    init(_ text: String) {
      var lines = text.printable
      while lines.last?.isNewline == true { lines.removeLast() }
      content = lines
      fence = content.codeFence
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
  init(
    _ report: VerificationReport, results: String, selftest: SelftestSummary? = nil,
    examples: [ExampleImage] = []
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
        selftest?.section, Self.again(report),
      ].compactMap { $0 }
  }
}
