// SPDX-License-Identifier: Apache-2.0

/// The questions that reviewers ask of a paper, answered for the paper and, from recorded facts, for
/// this run. What was not recorded is shown as missing.
struct ReproducibilityCard {
  struct Row {
    let question: String
    /// The answer for the published paper; a dash where the question was not asked of it.
    let paper: String
    let run: String
  }

  let rows: [Row]

  init(_ report: VerificationReport) {
    let facts = report.provenance
    rows = [
      Row(question: "Research type", paper: "experimental", run: "experimental"),
      Row(
        question: "Pseudocode", paper: "yes (Algorithm 1)",
        run: "yes (Algorithm 1, by name in the layers' source)"),
      Row(question: "Open code", paper: "yes", run: Self.code(facts)),
      Row(question: "Open data", paper: "yes (CIFAR-10, CIFAR-100)", run: Self.data(facts.data)),
      Row(
        question: "Data splits", paper: "no (no validation split described)",
        run: Self.splits(facts)),
      Row(question: "Hardware", paper: "no", run: Self.hardware(facts.machine)),
      Row(
        question: "Software dependencies", paper: "no (PyTorch, no versions)",
        run: Self.software(facts)),
      Row(
        question: "Experiment set-up",
        paper: "yes (batch 256, 200 epochs, Adam 1e-3 without weight decay, crop and flip, "
          + "piecewise triangular schedule, margin 0.7)",
        run: Self.setUp(facts, report.model)),
      Row(question: "Time", paper: Shown.none, run: Self.time(facts.cost)),
      Row(
        question: "Energy", paper: Shown.none,
        run: facts.cost.joules.map { "\(Shown.number($0, digits: 6)) J" } ?? Shown.missing),
      Row(
        question: "Digests", paper: Shown.none,
        run: Self.list([
          ("results", report.contentDigest), ("weights", facts.weightsDigest),
          ("judged images", facts.data.digest), ("configuration", facts.configurationDigest),
        ])),
      Row(
        question: "Training command", paper: Shown.none,
        run: facts.trainingCommand ?? Shown.missing),
      Row(question: "Command", paper: Shown.none, run: facts.command ?? Shown.missing),
    ]
  }

  var section: ReportPage.Section {
    ReportPage.Section(
      heading: "Reproducibility card",
      tables: [
        ReportPage.Table(
          caption: "The paper and this run", columns: ["question", "paper", "this run"],
          rows: rows.map { ReportPage.Row($0.question, [$0.paper, $0.run]) })
      ])
  }

  /// "name value, name value"; "missing" for a value that is not there, and once for all of them.
  private static func list(_ facts: [(name: String, value: String?)]) -> String {
    if facts.allSatisfy({ $0.value == nil }) { return Shown.missing }
    return facts.map { name, value in
      [name, value ?? Shown.missing].filter { !$0.isEmpty }.joined(separator: " ")
    }.joined(separator: ", ")
  }

  private static func code(_ facts: Provenance) -> String {
    list([
      ("", facts.versions.program),
      (
        "commit",
        facts.gitCommit.map { $0 + (facts.isDirty == true ? " with uncommitted changes" : "") }
      ),
    ])
  }

  private static func data(_ data: Provenance.Data) -> String {
    switch data.name {
    case nil: Shown.missing
    case "cifar10": "yes (CIFAR-10)"
    case "cifar100": "yes (CIFAR-100)"
    case "synthetic": "yes (built in; 'cpl-verify synthesize' writes it)"
    case let name?: "\(name), from \(data.folder ?? Shown.missing)"
    }
  }

  private static func splits(_ facts: Provenance) -> String {
    let splits = facts.splits
    let training = list([
      ("fitted to", splits.training.map { "\(Shown.count($0)) images" }),
      ("validated on", splits.validation.map { "\(Shown.count($0)) images" }),
      ("seed", splits.seed.map { "\($0)" }), ("index lists", splits.digest),
    ])
    let judged = list([
      ("", facts.data.split), ("images", facts.data.images.map { "\($0)" }),
      ("digest", facts.data.digest),
    ])
    return "training: \(training); judged by: \(judged)"
  }

  private static func hardware(_ machine: Provenance.Machine) -> String {
    let device = machine.device.map {
      [
        ("device", $0), ("its driver", machine.deviceDriver),
        ("its platform", machine.devicePlatform),
      ]
    }
    return list(
      [
        ("CPU", machine.cpu), ("cores", machine.cores.map { "\($0)" }),
        ("memory", machine.memoryBytes.map(Shown.bytes)),
        ("threads", machine.threads.map { "\($0)" }),
      ] + (device ?? []))
  }

  private static func software(_ facts: Provenance) -> String {
    list([
      ("Swift", facts.versions.swift),
      ("OpenBLAS", facts.versions.openblas?.replacing("OpenBLAS ", with: "")),
      ("with its kernels for", facts.versions.openblasCore), ("HDF5", facts.versions.hdf5),
      ("own kernels for", facts.machine.kernelLevel),
    ])
  }

  private static func setUp(_ facts: Provenance, _ model: ModelSummary?) -> String {
    list([
      ("profile", facts.profile), ("certificate", facts.certificate),
      ("seed", facts.seed.map { "\($0)" }),
      (
        "model",
        model.map {
          "\($0.paperName ?? $0.layers.map { "layers \($0)" } ?? "not one of the paper's sizes"): "
            + "\($0.convolutionLayers) convolutional layers of \($0.channels) channels, "
            + "\($0.linearLayers) dense layers of \($0.linearInner) "
            + "units, head \($0.head), \(Shown.count($0.parameters)) parameters"
        }
      ),
      ("complete configuration", facts.configuration == nil ? nil : "below"),
    ])
  }

  private static func time(_ cost: Provenance.Cost) -> String {
    list([
      ("last command, wall clock", cost.wallSeconds.map(Shown.seconds)),
      ("CPU", cost.cpuSeconds.map(Shown.seconds)),
      ("started", cost.start),
    ])
      + (cost.localSecondsPerImage.map {
        ", local certificates \(Shown.number($0, digits: 3)) s an image (\(cost.localImages ?? 0) searched)"
      } ?? "")
  }
}
