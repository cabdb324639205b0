// SPDX-License-Identifier: Apache-2.0

import CPLAttacks
import CPLAudit
import CPLCertificates
import CPLReference

extension ReportPage {
  /// How many violations a page lists, and how many it shows; the file of results holds all.
  private static let listed = 100
  private static let pictured = 12

  static func violations(_ report: VerificationReport, results: String) -> Section? {
    guard let audit = report.audit, !audit.violations.isEmpty else { return nil }
    let paths = ReportSchema.counterexamples(audit)
    let shown = zip(audit.violations, paths).prefix(listed)
    let names = DatasetDescriptor.named(report.provenance.data.name)?.classNames
    var section = Section(heading: "Violations")
    section.paragraphs = [
      "An image of another class lies within the certified radius r of each of these images, at the "
        + "distance d. The file of results holds both images under the path given, and the command "
        + "reproduces the violation."
    ]
    if audit.violations.count > listed {
      section.paragraphs.append("\(listed) of \(Shown.count(audit.violations.count)) listed.")
    }
    section.tables = [
      Table(
        caption: "Broken certificates",
        columns: [
          "image", "label", "certified class", "adversarial class", "radius", "distance", "attack",
          "cause", "images at",
        ],
        rows: shown.map { violation, path in
          Row(
            "\(violation.index)",
            [
              Shown.className(violation.label, names), Shown.className(violation.prediction, names),
              violation.adversarialPrediction.map { Shown.className($0, names) } ?? Shown.none,
              Shown.lower(violation.radius), Shown.upper(violation.distance), violation.attack,
              violation.cause.rawValue, path,
            ])
        })
    ]
    section.figures = audit.violations.prefix(pictured).compactMap { violation in
      guard
        let pictures = CounterexamplePictures(violation, imageShape: report.model?.imageShape)
      else { return nil }
      return Figure(
        name: "violation-\(violation.index)",
        caption: "Image \(violation.index) (\(Shown.className(violation.label, names))): "
          + "\(violation.change(names)), d = "
          + "\(Shown.upper(violation.distance, digits: 6)) within "
          + "r = \(Shown.lower(violation.radius, digits: 6)), by "
          + "\(violation.attack). Original, adversarial, and their difference "
          + "\(Shown.number(pictures.magnification, digits: 3)) times larger around grey.",
        drawing: pictures.drawing)
    }
    if !section.figures.isEmpty {
      section.paragraphs.append(
        "Pictures: \(section.figures.count) of \(Shown.count(audit.violations.count)) shown.")
    }
    section.codes = [
      Code(
        shown.compactMap { violation, _ in
          report.provenance.replayCommand(results: results, index: violation.index)
        }.joined(separator: "\n"))
    ]
    return section
  }

  static func accuracy(_ report: VerificationReport) -> Section? {
    guard let summary = report.accuracies else { return nil }
    let published = PublishedResult.matching(report)
    let epsilons = Set(
      summary.epsilons + (published.map { Array($0.certifiedAccuracy.keys) } ?? [])
    )
    .sorted()
    func row(_ head: String, _ clean: Double?, _ shares: [Epsilon: Double]) -> Row {
      Row(
        head,
        ([clean] + epsilons.map { shares[$0] }).map {
          Shown.estimate(ObservedShare($0, of: summary.images))
        })
    }
    // The strongest statement first, and what is no proof last.
    var rows = CertificateKind.allCases.reversed().compactMap { kind in
      summary.certifiedAccuracy[kind].map {
        row(
          "this run, certified (\(kind)\(kind.isProved ? "" : ", not proved"))",
          summary.accuracy(of: kind), $0)
      }
    }
    if rows.isEmpty { rows.append(row("this run", summary.accuracy, [:])) }
    if !summary.pgdAccuracy.isEmpty {
      rows.append(row("this run, under the paper's PGD", summary.accuracy, summary.pgdAccuracy))
    }
    if !summary.autoattackAccuracy.isEmpty {
      rows.append(row("this run, under AutoAttack", summary.accuracy, summary.autoattackAccuracy))
    }
    var section = Section(heading: "Accuracy")
    section.paragraphs = [
      "Over \(Shown.count(summary.images)) images, in parentheses where each share lies at a confidence of "
        + "95 % (Wilson's interval, in per cent); ε is a Euclidean (ℓ₂) length, pixel values being from 0 "
        + "to 1."
    ]
    if let nonFinite = summary.nonFinite, nonFinite > 0 {
      section.paragraphs.append(
        "\(nonFinite) of the images have logits that are not finite. They count as wrong, and nothing "
          + "is certified of them; the list of certificates names them.")
    }
    if let searched = summary.searched {
      section.paragraphs.append(
        (searched == summary.images
          ? "Local certificates were searched for all of them"
          : "Time allowed to search the local certificates of \(searched) of them, those with the most to "
            + "gain first; the others have at least their sound radii")
          + (report.provenance.localPlan.map { " (\($0))" } ?? "")
          + (report.provenance.cost.localSecondsPerImage.map {
            ", \(Shown.number($0, digits: 3)) s an image"
          } ?? "") + ".")
    }
    if let published {
      rows.append(
        Row(
          "paper, \(published.model), certified (\(published.source))",
          ([published.accuracy] + epsilons.map { published.certifiedAccuracy[$0] }).map {
            Shown.percent($0)
          }))
      section.paragraphs.append(
        "The paper's figures are over all 10000 test images. "
          + (published.source == .recalled
            ? "'recalled': from memory of the paper, not looked up in it."
            : "'quoted': as later papers quote them."))
    } else {
      section.paragraphs.append(
        "The paper reports no network of this size on this data set, so there is nothing to compare with."
      )
    }
    section.tables = [
      Table(
        caption: "Accuracy and certified accuracy",
        columns: ["result", "clean"] + epsilons.map { "ε = \($0)" }, rows: rows)
    ]
    if let table = report.certificates.flatMap({ classes($0, report) }) {
      section.tables.append(table)
    }
    return section
  }

  /// Accuracies class by class; nil where they say nothing.
  private static func classes(_ table: CertificateTable, _ report: VerificationReport) -> Table? {
    guard let kind = report.audit?.certificate ?? table.kinds.last, let radii = table.radii[kind],
      let last = table.labels.max(), last < 1000, table.count > 1
    else { return nil }
    let names = DatasetDescriptor.named(report.provenance.data.name)?.classNames
    let epsilons = Epsilon.published.prefix(3)
    let predictions = table.predictions(of: kind)
    let rows = Dictionary(grouping: table.labels.indices, by: { table.labels[$0] })
      .sorted { $0.key < $1.key }.map { label, images in
        let correct = images.filter { predictions[$0] == label }
        let hits =
          [correct.count]
          + epsilons.map { epsilon in correct.count { radii[$0] > epsilon.value } }
        return Row(
          Shown.className(label, names),
          ["\(images.count)"]
            + hits.map { Shown.estimate(ObservedShare(hits: $0, of: images.count)) })
      }
    return Table(
      caption: "Class by class: accuracy, and certified accuracy (\(kind))",
      columns: ["class", "images", "clean"] + epsilons.map { "ε = \($0)" }, rows: rows)
  }

  static func training(_ report: VerificationReport) -> Section? {
    guard let last = report.training.last,
      let best = report.training.max(by: { $0.selectionAccuracy < $1.selectionAccuracy })
    else { return nil }
    return Section(
      heading: "Training",
      paragraphs: [
        "\(report.training.count) epochs. Last: epoch \(last.epoch), loss "
          + "\(Shown.number(last.loss, digits: 6)), validation accuracy "
          + "\(Shown.percent(last.selectionAccuracy)). Best: epoch \(best.epoch), "
          + "\(Shown.percent(best.selectionAccuracy))."
          + (report.provenance.weights.map { " This report judges \($0)" } ?? "")
          + (report.provenance.weights?.hasSuffix("last.h5") == true
            ? ", the weights after the last epoch." : report.provenance.weights == nil ? "" : ".")
      ], figures: TrainingCurves(report.training).figures)
  }

  static func bounds(_ report: VerificationReport) -> Section? {
    guard let bounds = report.bounds else { return nil }
    let lower =
      report.lipschitzLowerBound.map { ", and at least \(Shown.lower($0, digits: 6))" } ?? ""
    let slack =
      report.lipschitzLowerBound.map {
        " The slack of the network's bound, upper over lower side, is "
          + "\(Shown.number(bounds.lipschitzUpperBound / $0, digits: 4)); the published pipeline "
          + "would claim \(Shown.number(bounds.modelClaim, digits: 6))."
      } ?? ""
    return Section(
      heading: "Bounds",
      paragraphs: [
        "Before its head the network's Lipschitz constant is at most "
          + "\(Shown.nearOne(bounds.lipschitzUpperBound))\(lower). "
          + (report.contradictions.isEmpty
            ? "Bounds are proved, rounding included" : "Some of these bounds contradict each other")
          + "; σ̂ is the model's own estimate of ‖W‖₂ and proves nothing.\(slack)",
        "A layer x − h Wᵀ relu(W x + b) is 1-Lipschitz where h‖W‖₂² ≤ 2; h is its executed step. σ̂ "
          + "comes from 100 power iterations in binary32, from the vector u that training left "
          + "(stored) and from a new one (fresh): in exact arithmetic it could not exceed ‖W‖₂. "
          + "Certificates of the kinds lipschitz and sound multiply these layers' bounds with that of "
          + "each margin in the head; published ones take every layer's for 1. Numbers are rounded to the safe "
          + "side; all their digits are in report.json and in the CSV files.",
      ] + bounds.loosenings.map { $0 + "." },
      tables: [
        Table(
          caption: "Bounds of each layer",
          columns: [
            "layer", "kind", "‖W‖₂ ≥", "σ̂, stored u", "σ̂, fresh u", "‖W‖₂ ≤", "proved by", "h",
            "Lipschitz ≤",
          ],
          rows: bounds.layers.map { layer in
            Row(
              layer.name,
              [
                layer.kind, Shown.lower(layer.spectralNorm?.lowerBound, digits: 9),
                Shown.number(layer.modelEstimate), Shown.number(layer.freshEstimate),
                Shown.upper(layer.spectralNorm?.upperBound, digits: 9),
                layer.spectralNorm?.method.rawValue ?? Shown.none,
                Shown.number(layer.stepSize.map { Double($0) }, digits: 6),
                Shown.nearOne(layer.lipschitzUpperBound),
              ])
          })
      ],
      figures: EnclosureFigure(bounds, lipschitzLowerBound: report.lipschitzLowerBound).map {
        [$0.figure]
      } ?? [])
  }

  static func tightness(_ report: VerificationReport) -> Section? {
    guard let audit = report.audit, let distribution = Distribution(audit.tightness) else {
      return nil
    }
    return Section(
      heading: "Tightness",
      paragraphs: [
        "d/r, the distance of the nearest adversarial image found over the certified radius, for "
          + "\(Shown.count(audit.tightness.count)) images: just above 1 it would be a certificate that "
          + "cannot be larger, and up to 1 a broken one. Minimum "
          + "\(Shown.lower(distribution.min, digits: 6)), median "
          + "\(Shown.pixels(distribution.median)), maximum \(Shown.pixels(distribution.max)). A d/r "
          + "above 1 may be a loose certificate or a weak attack: the nearest adversarial image of all "
          + "may be nearer than what was found."
      ],
      tables: audit.plan.isEmpty ? [] : [attackPlan(audit)],
      figures: [TightnessFigure(audit.tightness)?.figure, DistanceFigure(audit)?.figure]
        .compactMap(\.self))
  }

  /// What certified images were put through, and how often each attack found the nearest image.
  private static func attackPlan(_ audit: AuditResult) -> Table {
    let nearest = Dictionary(grouping: audit.images.filter { $0.tightness != nil }, by: \.attack)
    return Table(
      caption: "Attacks of the audit, in their order",
      columns: ["attack", "what it is", "nearest image found by it"],
      rows: audit.plan.map { name in
        let base = name.split(separator: "@")[0].replacing("-binary64", with: "")
        let attacks: [any Attack] = AttackSuite.fixedBudget + AttackSuite.minimumNorm
        let summary = attacks.first { $0.name == base }?.summary ?? Shown.missing
        return Row(
          name,
          [
            summary + (name.hasSuffix("-binary64") ? "; on the binary64 network" : ""),
            "\(nearest[name]?.count ?? 0)",
          ])
      })
  }

  static func attacks(_ report: VerificationReport) -> Section? {
    guard !report.attacks.isEmpty else { return nil }
    return Section(
      heading: "Attacks",
      tables: [
        Table(
          caption: "Results of each attack",
          columns: [
            "attack", "ε", "images", "clean accuracy", "empirical robust accuracy",
            "least distance",
            "median", "largest", "passes",
          ],
          rows: report.attacks.sorted { $0.key < $1.key }.map { name, record in
            Row(
              name,
              [
                record.epsilon?.description ?? Shown.none, "\(record.count)",
                Shown.estimate(ObservedShare(record.cleanAccuracy, of: record.count)),
                Shown.estimate(ObservedShare(record.robustAccuracy, of: record.count)),
                Shown.pixels(record.foundDistances?.min),
                Shown.pixels(record.foundDistances?.median),
                Shown.pixels(record.foundDistances?.max), "\(record.passes)",
              ])
          })
      ])
  }

  static func again(_ report: VerificationReport) -> Section {
    let provenance = report.provenance
    let digests = [
      ("results", report.contentDigest), ("weights", provenance.weightsDigest),
      ("judged images", provenance.data.digest),
      ("configuration of the training", provenance.configurationDigest),
    ]
    let commit = provenance.gitCommit.map {
      "git checkout \($0)\nswift build -c release --product cpl-verify\n"
        + "PATH=$PWD/.build/release:$PATH"
    }
    return Section(
      heading: "How to reproduce these results",
      paragraphs: [
        (commit == nil ? "" : "In a clone of cpl-verify, the first commands build the program")
          + (commit == nil
            ? ""
            : provenance.isDirty == true
              ? ", without the changes that it had and that are not known here. " : ". ")
          + (provenance.trainingCommand == nil ? "" : "The next trains the weights. ")
          + (provenance.command == nil
            ? "How these results were computed was not recorded. "
            : "The command after that computes these results. ")
          + "The same digest of the results is promised for the same "
          + "weights and images where OpenBLAS has the same version and kernels"
          + (provenance.versions.openblasCore.map { " (--blas-core \($0))" } ?? "")
          + "; with others the bounds' last bits may differ, and with them the digest, but no verdict "
          + "should. Training gives the same weights for any number of threads. The complete "
          + "configuration of the training stands below, where it is known: 'digest' there is that "
          + "of the training images; 'train --print-config' explains every key, the quirks under 'profile' "
          + "included."
      ],
      tables: [
        Table(
          caption: "SHA-256 digests", columns: ["of", "digest"],
          rows: digests.map { Row($0.0, [$0.1 ?? Shown.missing]) })
      ],
      codes: [
        commit, provenance.trainingCommand,
        provenance.commandFromScratch ?? "(the command is missing)",
        provenance.configuration,
      ].compactMap { $0.map(Code.init) })
  }
}

extension Violation {
  /// The certified class and that of the adversarial image, such as "bird → cat".
  func change(_ names: [String]?) -> String {
    let adversarial = adversarialPrediction.map { Shown.className($0, names) } ?? "another class"
    return "\(Shown.className(prediction, names)) → \(adversarial)"
  }
}
