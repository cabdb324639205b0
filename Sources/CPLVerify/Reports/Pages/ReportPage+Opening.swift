// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLReference

extension ReportPage {
  /// The first screen of a page: what was judged, what came of it, the numbers that people ask for first.
  struct Opening {
    struct Number {
      let label: String
      let value: String
      /// Where it lies at 95 %, of how many images it is, and of what.
      let detail: String
    }

    struct Picture {
      let drawing: String
      /// The classes, and how far apart the two images are.
      let change: String
      let distances: String
    }

    let title: String
    /// What a certificate of the kind that is shown states.
    let claim: String?
    let numbers: [Number]
    let figure: Figure?
    /// The figure's, which its table has a shorter one beside.
    let figureCaption: String
    let pictures: [Picture]
    let picturesCaption =
      "In threes: an image, the nearest adversarial image that the audit found, and their difference "
      + "enlarged around grey; from the tightest certificate to the loosest. r: certified radius, "
      + "d: distance of the two, both ℓ₂ with pixel values in [0, 1], r rounded down and d up."
    /// The command that makes the results again.
    let command: Code?

    init(_ report: VerificationReport, examples: [ExampleImage]) {
      title = Self.title(report.provenance, report.model)
      claim = report.shownCertificate?.claim
      numbers = Self.numbers(report)
      figure = CertifiedAccuracyCurve(report, published: .matching(report))?.figure
      figureCaption = figure?.caption ?? ""
      let names = DatasetDescriptor.named(report.provenance.data.name)?.classNames
      pictures = examples.compactMap { example in
        let image = example.audited
        let name = "image \(image.index), "
        return CounterexamplePictures(
          original: example.original, adversarial: example.adversarial,
          imageShape: report.model?.imageShape, name: name
        ).map { pictures in
          Picture(
            drawing: pictures.drawing,
            change: "\(Shown.className(image.prediction, names)) → "
              + Shown.className(example.adversarialPrediction, names),
            distances: "r = \(Shown.lower(image.radius, digits: 3)), "
              + "d = \(Shown.upper(image.distance, digits: 3)), "
              + "d/r = \(Shown.number(image.tightness, digits: 4)), "
              + "difference\u{A0}×\u{A0}\(Shown.factor(pictures.magnification))")
        }
      }
      command = report.provenance.commandFromScratch.map(Code.init)
    }

    /// "cpl-small on CIFAR-10, 28 July 2026".
    private static func title(_ facts: Provenance, _ model: ModelSummary?) -> String {
      let network = model?.paperName ?? facts.experimentName ?? "A network"
      let data = facts.data.name.map { DatasetDescriptor.named($0)?.title ?? $0 }
      let date = facts.cost.start.flatMap { Shown.date($0) }
      return [[network, data].compactMap(\.self).joined(separator: " on "), date]
        .compactMap(\.self).joined(separator: ", ")
    }

    private static func numbers(_ report: VerificationReport) -> [Number] {
      guard let summary = report.accuracies, summary.images > 0 else { return [] }
      let epsilon = Epsilon.published[0]
      let available = report.provenance.data.available
      func number(
        _ label: String, _ share: Double?, _ images: Int, _ what: String
      ) -> Number {
        guard let observed = ObservedShare(share, of: images) else {
          return Number(label: label, value: Shown.none, detail: what)
        }
        let all = available.flatMap { $0 > images ? " of \(Shown.count($0))" : nil } ?? ""
        return Number(
          label: label, value: Shown.percent(observed.share),
          detail: "95 %: \(Shown.interval(observed)); \(Shown.count(images))\(all) images\(what)")
      }
      let kind = report.shownCertificate
      let tightness = report.audit.flatMap { Distribution($0.tightness) }
      return [
        number(
          "accuracy", kind.map(summary.accuracy(of:)) ?? summary.accuracy, summary.images, ""),
        number(
          "certified at \(epsilon)", kind.flatMap { summary.certifiedAccuracy[$0]?[epsilon] },
          summary.images,
          kind.map { "; \($0)\($0.isProved ? "" : ", not proved")" } ?? "no certificates"),
        report.empiricalRobustAccuracy(at: epsilon).map {
          number(
            "under attack at \(epsilon)", $0.share.share, $0.share.count,
            "; upper limit, \($0.attack)")
        }
          ?? Number(
            label: "under attack at \(epsilon)", value: Shown.none, detail: "not attacked"),
        Number(
          label: "median d/r", value: Shown.number(tightness?.median, digits: 4),
          detail: tightness.map {
            "distance of the nearest adversarial image found, over the certified radius; from "
              + "\(Shown.number($0.min, digits: 4)) to \(Shown.number($0.max, digits: 4)); "
              + "\(Shown.count(report.audit?.tightness.count ?? 0)) of "
              + "\(Shown.count(report.audit?.attacked ?? 0)) certified and attacked images, whether "
              + "classified right or not"
          } ?? "no certificate was attacked"),
      ]
    }
  }
}

extension VerificationReport {
  /// The kind of certificates that the first screen shows: the one that was audited, else the strongest there is.
  fileprivate var shownCertificate: CertificateKind? {
    audit?.certificate
      ?? CertificateKind.allCases.last { accuracies?.certifiedAccuracy[$0] != nil }
  }
}

extension CertificateKind {
  /// What a certificate of this kind states, in one sentence.
  fileprivate var claim: String {
    let arithmetic =
      switch certificate.arithmetic {
      case .real: "in real arithmetic"
      case .binary32: "as computed in binary32"
      case .binary64: "as computed in binary64, rounding included"
      }
    return
      "What a \(self) certificate states: no image with pixel values in [0, 1] within its radius r (ℓ₂) is "
      + "of another class, \(arithmetic)." + (isProved ? "" : " It is an estimate, not a proof.")
  }
}

extension Provenance {
  /// The name of the experiment that trained the weights, where its configuration is known.
  var experimentName: String? {
    let lines = (configuration ?? "").split(separator: "\n").map { $0.trimmed }
    return lines.first { $0.hasPrefix("name: ") }.map { String($0.dropFirst(6).prefix(60)) }
  }
}

extension PublishedResult {
  /// The paper's row for the data set and the size of a report.
  static func matching(_ report: VerificationReport) -> PublishedResult? {
    matching(dataset: report.provenance.data.name, model: report.model)
  }
}

extension Shown {
  /// How many times larger, with two digits or as a whole number.
  static func factor(_ factor: Double) -> String {
    (100..<1e9).contains(factor) ? count(Int(factor.rounded())) : number(factor, digits: 2)
  }

  /// The day of a date in ISO 8601, such as "28 July 2026"; nil for other texts.
  static func date(_ text: String) -> String? {
    let months = [
      "January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December",
    ]
    let parts = text.prefix(10).split(separator: "-").map { Int($0) ?? 0 }
    guard parts.count == 3, (1...12).contains(parts[1]), (1...31).contains(parts[2]) else {
      return nil
    }
    return "\(parts[2]) \(months[parts[1] - 1]) \(parts[0])"
  }
}
