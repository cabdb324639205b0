/// A report as people read it, before it is Markdown or HTML.
struct ReportPage {
  struct Row {
    /// What the row is about.
    let head: String
    let cells: [Cell]

    init(_ head: String, _ cells: [String]) {
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

  struct Table {
    let caption: String
    /// The names of all columns, the rows' heads included.
    let columns: [String]
    let rows: [Row]
  }

  /// Text as it stands, such as a command.
  struct Code {
    let content: String
    let fence: String

    init(_ text: String) {
      var lines = text.printable
      while lines.last?.isNewline == true { lines.removeLast() }
      content = lines
      fence = content.codeFence
    }
  }

  struct Figure {
    let caption: String
    /// The figure in characters; empty where it has no such form.
    let characters: [Code]
    /// The figure as an `svg` element.
    let drawing: String
    /// The numbers behind it, for whoever cannot see it.
    var table: Table?
  }

  struct Section {
    let heading: String
    /// Its name in the page's address.
    let anchor: String
    var paragraphs: [String]
    var items: [String]
    var tables: [Table]
    var figures: [Figure]
    var codes: [Code]

    init(
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

  /// "holds", "violated", "inconclusive", or "plain" where there is no verdict.
  let verdict: String
  /// The verdict and what it rests on, in one line.
  let headline: String
  let sections: [Section]
}

extension ReportPage {
  /// The page of a report.
  ///
  /// - Parameter results: the HDF5 file that holds the report, as commands are to name it.
  /// - Parameter selftest: what `selftest` came to, where that is to be shown too.
  init(_ report: VerificationReport, results: String, selftest: SelftestSummary? = nil) {
    verdict = report.verdict.rawValue
    headline = Self.headline(report)
    sections =
      [
        Self.summary(report), Self.coverage(report), Self.violations(report, results: results),
        ReproducibilityCard(report).section, Self.accuracy(report), Self.tightness(report),
        Self.bounds(report), Self.training(report), Self.attacks(report), Self.checks(report),
        selftest?.section, Self.again(report),
      ].compactMap { $0 }
  }

  /// The questions that a reader comes with, each answered in a line.
  private static func summary(_ report: VerificationReport) -> Section {
    var items = [
      "What is this? A report of cpl-verify on a network of convex potential layers, which are "
        + "1-Lipschitz by construction (the paper: Meunier, Delattre, Araujo and Allauzen, A "
        + "Dynamical System Perspective for Lipschitz Neural Networks, ICML 2022, "
        + "arXiv 2110.12690). A certificate states a radius r around an image: no change of the "
        + "image that is shorter than r, in the Euclidean norm of pixel values from 0 to 1, is to "
        + "change the predicted class. What is covered below says which kinds are proved."
    ]
    if let audit = report.audit {
      let broken =
        audit.violations.isEmpty
        ? "none was found" : "\(audit.violations.count) of \(audit.certified)"
      items.append(
        "Is any certificate broken? \(broken.capitalizedFirst), among the \(audit.certified) "
          + "\(audit.certificate) certificates that were attacked. That no attack breaks one is "
          + "evidence, not the proof: that is in the bounds.")
      if let distribution = Distribution(audit.tightness) {
        items.append(
          "How tight are they? The nearest adversarial image found lies at "
            + "\(Shown.number(distribution.median, digits: 4)) times the certified radius in the "
            + "median; where the certificates hold, the nearest of all lies between 1 and that.")
      }
    }
    let facts = report.provenance
    items.append(
      "How was it made? "
        + [
          report.model?.paperName ?? report.model.map { _ in "A network of its own size" },
          facts.data.name.map {
            $0 == "synthetic"
              ? "data synthetic (images drawn by the program, easy to tell apart: a demonstration "
                + "that says nothing of real ones)" : "data \($0)"
          },
          report.training.last.map { "trained for \($0.epoch) epochs" },
          facts.profile.map { "judged under the profile \($0)" },
        ].compactMap { $0 }.joined(separator: ", ") + ". The reproducibility card has the rest.")
    items.append(
      "How is it made again? By the commands at the end of this page, which also says when the "
        + "digests must come out the same.")
    return Section(heading: "In short", items: items)
  }

  private static func headline(_ report: VerificationReport) -> String {
    if !report.contradictions.isEmpty {
      return "Violated: bounds contradict each other, which is a bug of this program"
    }
    guard let audit = report.audit else {
      if !report.checks.isEmpty { return headline(report.checks) }
      return "Inconclusive: no certificate was attacked in this run"
    }
    let certified =
      "\(audit.certified) of \(audit.images.count) images carry a \(audit.certificate) certificate"
    return switch audit.verdict {
    case .holds: "Holds: \(certified); all were attacked and none was broken"
    case .violated:
      "Violated: \(certified), and \(audit.violations.count) "
        + (audit.violations.count == 1 ? "was" : "were") + " broken inside the certified radius"
    case .inconclusive where audit.certified == 0:
      "Inconclusive: \(certified), so nothing was put to the test"
    case .inconclusive:
      "Inconclusive: \(certified); none was broken, but the budget ran out before "
        + "\(audit.unfinished) of them had been put through the whole plan"
    }
  }

  private static func coverage(_ report: VerificationReport) -> Section {
    var items: [String] = []
    var kinds = Set(report.accuracies?.certifiedAccuracy.keys.map { $0 } ?? [])
    if let audit = report.audit { kinds.insert(audit.certificate) }
    for kind in CertificateKind.allCases where kinds.contains(kind) {
      items += [
        "Covered by \(kind): \(kind.covered)", "Not covered by \(kind): \(kind.notCovered)",
      ]
    }
    if let audit = report.audit {
      items.append(
        "Covered by the audit: the images listed in the file of results, each certified one "
          + "attacked inside its radius, at it, and beyond it"
          + (audit.plan.isEmpty ? "." : " by \(audit.plan.joined(separator: ", "))")
          + (audit.plan.isEmpty ? "" : "; the table under Tightness says what each is."))
      if audit.unfinished > 0 { items.append(budget(audit)) }
    }
    if let shard = report.provenance.data.shard {
      items.append(
        "Not covered: this is shard \(shard) of the images; 'report' puts all shards together.")
    }
    items.append(
      "Not covered by any of this: other images, other norms than the Euclidean one, other "
        + "weights; attacks that find nothing prove nothing; and the proofs are as good as the "
        + "program that computes them, with its compiler and OpenBLAS.")
    var section = Section(heading: "What is covered and what is not", items: items)
    if let layers = report.audit?.excessLayers, !layers.isEmpty {
      section.items.append(
        "Not proved to be 1-Lipschitz with their steps, which published certificates take for "
          + "granted: \(layers.joined(separator: ", ")).")
    }
    if let audit = report.audit, audit.certificate.isOfBinary64 {
      section.items.append(
        "Certified is the network in \(audit.certificate == .sound ? "binary64" : "real arithmetic"). "
          + "Evaluated in binary32 instead, it predicts another class for "
          + "\(audit.differingPredictions) of the images, and near \(audit.binary32Only) of them an "
          + "attack found, within the radius, an image of another class that is one by rounding alone; "
          + "neither breaks a certificate.")
    }
    section.items += report.contradictions.map { "Contradiction: \($0)" }
    return section
  }
}

extension ReportPage {
  /// What the budget was spent on.
  fileprivate static func budget(_ audit: AuditResult) -> String {
    let planned = audit.images.filter { $0.extent == .plan }
    let doubt = planned.compactMap(\.tightness).max().map { ", d/r up to \(Shown.pixels($0))," }
    return
      "Not covered, because the budget ran out after \(audit.passes) passes through the network: "
      + "the whole plan was for the \(planned.count) images of the greatest doubt\(doubt ?? ""); "
      + "\(audit.searched) were searched by \(audit.plan.first ?? "the first attack") alone, and "
      + "\(audit.unattacked) not attacked. The column 'extent' of the file of results tells which. "
      + "How far a budget of seconds reaches depends on the machine; "
      + "--budget-passes \(audit.passes) instead makes the same results again."
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

extension CertificateKind {
  fileprivate var covered: String {
    switch self {
    case .published:
      "what the paper's code would say of this network; it takes every layer for 1-Lipschitz with "
        + "steps from the power method, an estimate from below, and is no proof."
    case .lipschitz:
      "the network in real arithmetic with the executed steps, by proved upper bounds of every "
        + "layer's Lipschitz constant: r = min over j of (z_c − z_j)/(L·ν_cj), with the logits z computed "
        + "in binary64, the predicted class c, the bound L of the map to the features and ν_cj of the "
        + "head's margin; each margin is first reduced by the proved bound of its rounding error."
    case .sound:
      "this program's binary64 evaluation of these weights, rounding included: as lipschitz, with "
        + "each margin first reduced by twice that bound, once for the image and once for its "
        + "neighbour."
    }
  }

  fileprivate var notCovered: String {
    switch self {
    case .published: "how far the layers exceed 1, and the rounding of the evaluation."
    case .lipschitz: "what any program computes for an image whose class is a matter of rounding."
    case .sound: "the same weights run in binary32, here or elsewhere."
    }
  }
}
