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

  private static let index = Column("index", .ordinal, "the image's index in its data set")
  private static let label = Column("label", .ordinal, "the class that the data set gives it")
  private static let prediction = Column(
    "prediction", .ordinal, "the class that is computed; empty: a logit is not finite")

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
    bounds.map { bounds in
      CSVTable(
        "layers",
        [
          Column("layer", .text, "the layer's name"), Column("kind", .text, "its kind"),
          Column("sigma_lower", .ratio, "a proved lower bound of its norm; empty without a norm"),
          Column("sigma_model", .ratio, "the model's estimate from the stored vector; no proof"),
          Column("sigma_fresh", .ratio, "the model's estimate from a new vector; no proof"),
          Column("sigma_upper", .ratio, "a proved upper bound of its norm; inf: none was found"),
          Column("method", .text, "how the upper bound is proved"),
          Column("h", .ratio, "the executed step; empty without one"),
          Column("step_rule", .text, "where the step comes from"),
          Column(
            "lipschitz_upper", .ratio,
            "a proved upper bound of the layer's Lipschitz constant with that step"),
        ],
        bounds.layers.map {
          [
            $0.name, $0.kind, CSVTable.cell($0.spectralNorm?.lowerBound),
            CSVTable.cell($0.modelEstimate), CSVTable.cell($0.freshEstimate),
            CSVTable.cell($0.spectralNorm?.upperBound), $0.spectralNorm?.method.rawValue ?? "",
            CSVTable.cell($0.stepSize), $0.stepRule?.rawValue ?? "",
            CSVTable.cell($0.lipschitzUpperBound),
          ]
        })
    }
  }

  private var networkTable: CSVTable? {
    bounds.map { bounds in
      CSVTable(
        "network",
        [
          Column(
            "lipschitz_lower", .ratio, "proved, of the map before the head; empty: not looked for"),
          Column("lipschitz_upper", .ratio, "proved, of the map before the head"),
        ],
        [[CSVTable.cell(lipschitzLowerBound), CSVTable.cell(bounds.lipschitzUpperBound)]])
    }
  }

  private var accuracyTable: CSVTable? {
    accuracies.map { summary in
      var rows = [["accuracy", "", CSVTable.cell(summary.accuracy), "\(summary.images)"]]
      if let accuracy = summary.binary64Accuracy {
        rows.append(["accuracy_binary64", "", CSVTable.cell(accuracy), "\(summary.images)"])
      }
      func add(_ name: String, _ shares: [Epsilon: Double]) {
        rows += shares.sorted { $0.key < $1.key }.map {
          [name, $0.key.description, CSVTable.cell($0.value), "\(summary.images)"]
        }
      }
      for kind in CertificateKind.allCases {
        add("certified_accuracy.\(kind)", summary.certifiedAccuracy[kind] ?? [:])
      }
      add("pgd_accuracy", summary.pgdAccuracy)
      add("autoattack_accuracy", summary.autoattackAccuracy)
      return CSVTable(
        "accuracy",
        [
          Column(
            "quantity", .text,
            "published certificates are no proof; an accuracy under attack is an upper limit"),
          Column("epsilon", .pixels, "the radius; empty without one"),
          Column(
            "share", .ratio, "of the images: classified correctly, and certified or not broken so"),
          Column("images", .count, "of how many images"),
        ], rows)
    }
  }

  private var certificatesTable: CSVTable? {
    certificates.map { table in
      let kinds = table.kinds
      return CSVTable(
        "certificates",
        [
          Self.index, Self.label,
          Column(
            "prediction", .ordinal,
            "the class that binary32 computes, and of the published radius; empty: a logit is not "
              + "finite"),
          Column(
            "prediction_binary64", .ordinal,
            "the class that binary64 computes, and of the other radii; empty: a logit is not finite"
          ),
          Column("margin", .logit, "the largest logit less the next; inf: there is one class"),
        ]
          + kinds.map {
            Column(
              "radius_\($0)", .pixels,
              "the certified radius\($0.isProved ? "" : ", which is not proved"); 0: nothing is "
                + "certified; √d, the box's diameter: any image has this class")
          },
        (0..<table.count).map { row in
          [
            "\(table.indices[row])", "\(table.labels[row])",
            CSVTable.cell(class: table.predictions[row]),
            CSVTable.cell(class: table.binary64Predictions[row]),
            CSVTable.cell(table.margins[row]),
          ] + kinds.map { CSVTable.cell(table.radii[$0]?[row]) }
        })
    }
  }

  private static let passes = [
    Column("forward_passes", .count, "how often images went through the network"),
    Column("backward_passes", .count, "how often gradients came back through it"),
  ]

  private var attackTables: [CSVTable] {
    let sorted = attacks.sorted { $0.key < $1.key }
    guard !sorted.isEmpty else { return [] }
    let summary = CSVTable(
      "attacks",
      [
        Column("attack", .text, "its name"),
        Column("epsilon", .pixels, "the radius of its ball; empty: it looks at any distance"),
        Column("images", .count, "how many it was tried on"),
        Column("clean_accuracy", .ratio, "classified correctly without it; nan without images"),
        Column("robust_accuracy", .ratio, "those left under it; nan without images"),
        Column("distance_min", .pixels, "of the adversarial images found; empty: none was"),
        Column("distance_median", .pixels, "of the adversarial images found; empty: none was"),
        Column("distance_max", .pixels, "of the adversarial images found; empty: none was"),
        Column("passes", .count, "how often images went through the network, either way"),
      ],
      sorted.map { name, record in
        let distances = record.foundDistances
        return [
          name, record.epsilon?.description ?? "", "\(record.count)",
          CSVTable.cell(record.cleanAccuracy), CSVTable.cell(record.robustAccuracy),
          CSVTable.cell(distances?.min), CSVTable.cell(distances?.median),
          CSVTable.cell(distances?.max), "\(record.passes)",
        ]
      })
    return [summary]
      + sorted.map { name, record in
        CSVTable(
          "attack-\(name)",
          [
            Self.index, Self.label, Self.prediction,
            Column(
              "distance", .pixels,
              "of the nearest adversarial image found; 0: the class is wrong without an attack; inf: "
                + "none was found"),
          ] + Self.passes,
          (0..<record.count).map { row in
            [
              "\(record.indices[row])", "\(record.labels[row])",
              CSVTable.cell(class: record.predictions[row]),
              CSVTable.cell(record.distances[row]), "\(record.forwardPasses[row])",
              "\(record.backwardPasses[row])",
            ]
          })
      }
  }

  private var auditTable: CSVTable? {
    audit.map { audit in
      CSVTable(
        "audit",
        [
          Self.index, Self.label, Self.prediction,
          Column(
            "radius", .pixels,
            "the certified radius; 0: nothing is certified; √d, the box's diameter: any image has "
              + "this class"),
          Column(
            "distance", .pixels,
            "of the nearest adversarial image found; at most the radius: the certificate is broken; "
              + "inf: none was found, or none looked for (see extent)"),
          Column("attack", .text, "which found it; empty: none did"),
          Column(
            "extent", .text,
            "none: not attacked, since not certified or out of budget; search: by the first attack "
              + "alone; plan: by all"),
          Column(
            "binary32_only_distance", .pixels,
            "of the nearest image in the radius with another class in binary32 alone, which breaks "
              + "nothing; inf: none was found"),
          Column("binary32_prediction", .ordinal, "the class that binary32 computes"),
        ] + Self.passes,
        audit.images.map {
          [
            "\($0.index)", "\($0.label)", CSVTable.cell(class: $0.prediction),
            CSVTable.cell($0.radius), CSVTable.cell($0.distance), $0.attack ?? "",
            $0.extent.rawValue, CSVTable.cell($0.binary32OnlyDistance),
            CSVTable.cell(class: $0.binary32Prediction), "\($0.forwardPasses)",
            "\($0.backwardPasses)",
          ]
        })
    }
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
    audit.map { audit in
      CSVTable(
        "violations",
        [
          Self.index, Self.label, Column("prediction", .ordinal, "the certified class"),
          Column("adversarial_prediction", .ordinal, "that of the adversarial image"),
          Column("radius", .pixels, "the certified radius"),
          Column("distance", .pixels, "of the adversarial image, rounded up"),
          Column("attack", .text, "which found it"), Column("cause", .text, "what broke it"),
          Column("counterexample", .text, "where the file of results holds both images"),
        ],
        zip(audit.violations, ReportSchema.counterexamples(audit)).map {
          [
            "\($0.index)", "\($0.label)", "\($0.prediction)",
            $0.adversarialPrediction.map { "\($0)" } ?? "", CSVTable.cell($0.radius),
            CSVTable.cell($0.distance), $0.attack, $0.cause.rawValue, $1,
          ]
        })
    }
  }

  private var trainingTable: CSVTable? {
    guard !training.isEmpty else { return nil }
    return CSVTable(
      "training",
      [
        Column("epoch", .ordinal, "from 1 on"),
        Column("loss", .ratio, "the mean over the epoch"),
        Column("learning_rate", .ratio, "that of its last step"),
        Column(
          "selection_accuracy", .ratio, "of the images that choose the best epoch; nan: none do"),
      ],
      training.map {
        [
          "\($0.epoch)", CSVTable.cell($0.loss), CSVTable.cell($0.learningRate),
          CSVTable.cell($0.selectionAccuracy),
        ]
      })
  }

  private var checksTable: CSVTable? {
    guard !checks.isEmpty else { return nil }
    return CSVTable(
      "checks",
      [
        Column("check", .text, "its name"), Column("verdict", .text, "what it came to"),
        Column("statement", .text, "what is checked"),
        Column("quantity", .text, "a row each: what was measured; empty: nothing was"),
        Column("measured", .ratio, "its value"), Column("relation", .text, "that it is to have"),
        Column("bound", .ratio, "to this"), Column("tolerance", .ratio, "give or take"),
        Column("tolerance_origin", .text, "where the tolerance comes from"),
        Column("source", .text, "where the statement comes from"),
        Column("reason", .text, "why the check is inconclusive or not applicable"),
      ],
      checks.flatMap { check -> [[String]] in
        func row(_ measured: [String]) -> [String] {
          [check.id, check.verdict.rawValue, check.statement] + measured
            + [check.source, check.reason ?? ""]
        }
        guard !check.measurements.isEmpty else { return [row(Array(repeating: "", count: 6))] }
        return check.measurements.map {
          row([
            $0.quantity, CSVTable.cell($0.value), $0.relation.rawValue, CSVTable.cell($0.bound),
            CSVTable.cell($0.tolerance), $0.toleranceOrigin,
          ])
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
