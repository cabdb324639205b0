// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference

extension VerificationReport {
  /// Every table of the report as text in CSV, and `columns`, which says what each column holds and
  /// what 0 and inf in it mean.
  ///
  /// - Parameter selftest: what `selftest` came to, where that is to be among them.
  public func csv(selftest: SelftestSummary? = nil) -> [(name: String, text: String)] {
    let tables =
      [summaryTable, layersTable, networkTable, accuracyTable, certificatesTable].compactMap(\.self)
      + attackTables
      + [auditTable, planTable, histogramTable, violationsTable, trainingTable, checksTable]
      .compactMap(\.self)
      + [cardTable] + [selftest?.table].compactMap(\.self)
    return (tables + [CSVTable.explanation(of: tables)]).map { ($0.name, $0.text) }
  }

  private typealias Column = CSVTable.Column

  private var summaryTable: CSVTable {
    var rows = [
      ["headline", headline], ["verdict", verdict?.rawValue ?? ""],
      ["unproved", unprovedReason() ?? ""], ["results", contentDigest ?? ""],
    ]
    rows += (provenance.notices ?? []).map { ["notice.\($0.kind.rawValue)", $0.text] }
    return CSVTable(
      "summary",
      [
        Column("name", .text, "what the row tells; a notice comes before any number"),
        Column("value", .text, "empty where there is none"),
      ], rows)
  }

  private var layersTable: CSVTable? {
    bounds.map { CSVTable("layers", LayerFields.all, of: $0.layers) }
  }

  private var networkTable: CSVTable? {
    bounds.map { _ in CSVTable("network", NetworkFields.all, of: [self]) }
  }

  private var accuracyTable: CSVTable? {
    accuracies.map { summary in
      let whole = [("accuracy", summary.accuracy), ("accuracy_binary64", summary.binary64Accuracy)]
        .compactMap { name, share in
          share.map {
            AccuracyRow(quantity: name, epsilon: nil, share: $0, images: summary.images)
          }
        }
      return CSVTable("accuracy", AccuracyFields.all, of: whole + summary.accuracyRows)
    }
  }

  private var certificatesTable: CSVTable? {
    certificates.map {
      CSVTable("certificates", CertificateFields.all($0.kinds), of: $0.rows)
    }
  }

  private var attackTables: [CSVTable] {
    guard !attacks.isEmpty else { return [] }
    return [CSVTable("attacks", AttackFields.all, of: namedAttacks)]
      + namedAttacks.map {
        CSVTable("attack-\($0.place)", AttackedImageFields.all, of: $0.rows)
      }
  }

  private var auditTable: CSVTable? {
    audit.map { CSVTable("audit", AuditedImageFields.all, of: $0.images) }
  }

  private var planTable: CSVTable? {
    audit.map { audit in
      CSVTable(
        "plan",
        [
          Column("attack", .text, "the attacks of the audit, in their order"),
          Column("nearest", .count, "for how many images it found the nearest adversarial one"),
        ],
        audit.plan.map { name in
          [name, "\(audit.images.count { $0.tightness != nil && $0.attack == name })"]
        })
    }
  }

  private var histogramTable: CSVTable? {
    audit.map { audit in
      CSVTable(
        "tightness",
        [
          Column("d/r", .text, "distance over radius, each class without its upper end"),
          Column("images", .count, "those with an adversarial image in the class"),
        ], TightnessHistogram(audit.tightness).bins.map { [$0.label, "\($0.count)"] })
    }
  }

  private var violationsTable: CSVTable? {
    audit.map { CSVTable("violations", ViolationFields.all, of: ViolationFields.records(of: $0)) }
  }

  private var trainingTable: CSVTable? {
    training.isEmpty ? nil : CSVTable("training", EpochFields.all, of: training)
  }

  private var checksTable: CSVTable? {
    guard !checks.isEmpty else { return nil }
    // A row each measurement, between the fields of its check.
    let each = CSVTable("checks", CheckFields.all, of: checks)
    let measured = checks.map { CSVTable("", MeasurementFields.all, of: $0.measurements) }
    let none = CSVTable("", MeasurementFields.all, of: [])
    func joined<Element>(_ check: [Element], _ measurement: [Element]) -> [Element] {
      check[..<3] + measurement + check[3...]
    }
    return CSVTable(
      "checks", joined(each.columns, none.columns),
      zip(each.rows, measured).flatMap { check, measured in
        (measured.rows.isEmpty ? [none.columns.map { _ in "" }] : measured.rows).map {
          joined(check, $0)
        }
      })
  }

  private var cardTable: CSVTable {
    CSVTable(
      "card",
      [
        Column("question", .text, "of the reproducibility card"),
        Column("paper", .text, "the answer for the published paper"),
        Column("run", .text, "the answer for these results"),
      ], ReproducibilityCard(self).rows.map { [$0.question, $0.paper, $0.run] })
  }
}

extension SelftestSummary {
  fileprivate var table: CSVTable {
    CSVTable(
      "faults",
      [
        CSVTable.Column("fault", .text, "its name"),
        CSVTable.Column("statement", .text, "what is wrong"),
        CSVTable.Column("caught", .text, "whether a check that is named for it saw it"),
        CSVTable.Column("caught_by", .text, "the checks that saw it"),
      ],
      faults.map { [$0.id, $0.statement, "\($0.caught)", $0.caughtBy.joined(separator: " ")] })
  }
}
