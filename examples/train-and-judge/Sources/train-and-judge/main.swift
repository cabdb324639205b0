// SPDX-License-Identifier: Apache-2.0

// From an experiment to a report: trains a small network on made images for an epoch, bounds, certifies, attacks and
// audits it, runs a family of the property suite, and writes results and a page.
//
//     swift run -c release train-and-judge folder
import CPLReference
import CPLVerify
import Foundation

guard CommandLine.arguments.count == 2 else { fatalError("usage: train-and-judge FOLDER") }
let folder = CommandLine.arguments[1]
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
let workers = Workers(threads: 2)
let start = Date()

// Training.
guard var experiment = try BuiltInExperiments.named("cpl-tiny") else { fatalError() }
experiment.training.epochs = 1
let images = SyntheticImages.make(count: 3000, seed: 0, split: .train)
let (mean, deviation) = try experiment.normalization(of: images)
let layers = experiment.model.layers(mean: mean, standardDeviation: deviation)
var state = TrainingState(
  network: CPLNetwork(layers, seed: experiment.training.seed), for: experiment.training)
let trainer = try Trainer(
  experiment.training, training: images, test: nil,
  augmentation: experiment.augmentation(of: images), workers: workers)
_ = try trainer.run(&state, shouldStop: { false }) { event in
  if case .epoch(let state, _, _) = event, let epoch = state.history.last {
    print("epoch \(epoch.epoch): loss \(epoch.loss), accuracy \(epoch.selectionAccuracy)")
  }
}
try state.write(
  to: folder + "/weights.h5",
  description: CheckpointDescription(
    profile: .corrected, createdBy: "train-and-judge", gitCommit: "unknown",
    trainedOn: TrainingData(images)))

// Bounds, and the network in both precisions.
let checkpoint = try Checkpoint.read(folder + "/weights.h5")
let verified = try VerifiedNetwork(checkpoint.network, profile: .corrected, workers: workers) {
  print("layer \($0) of \($1)")
}
let network = EvaluatedNetwork(verified, localPlan: LocalPlan(steps: 50))

// Certificates.
let test = SyntheticImages.make(count: 50, seed: 0, split: .test)
var evaluated = EvaluatedImages(test, network, workers: workers)
let table = try CertificateTable(&evaluated) { _ in }
for epsilon in Epsilon.published {
  print("certified at \(epsilon): \(table.certifiedAccuracy(.sound, at: epsilon))")
}
let (_, radii) = try CertifiedNetwork(network, .local)
  .certify(test.images(at: [0]), workers: workers)
print("the first image's own radius: \(radii[0])")

// One attack, and an audit with all that stand.
let budget = Epsilon.published[0]
let found = try AttackSuite.run(
  "pgd", on: AttackTarget(verified.network), evaluated, epsilon: budget.value, seed: 0,
  workers: workers
) { _ in }
let audit = try CertificateAudit(network, certificate: .sound, seed: 0, workers: workers)
  .run(evaluated.prefix(10)) { _ in }
print("\(audit.certified) images certified, \(audit.violations.count) broken: \(audit.verdict)")

// What the theory states, of this network.
var context = CheckContext(seed: 0, effort: .quick, workers: workers)
(context.verified, context.images, context.isLabelled) = (verified, test, true)
let checks = try PropertySuite.run(
  PropertySuite.checks.filter { $0.id.hasPrefix("cpl.") }, context,
  clock: { Date().timeIntervalSince(start) }
) { _, next in print(next.id) }

// Results, and what is made of them.
var report = VerificationReport(provenance: Provenance())
(report.model, report.bounds) = (ModelSummary(verified.network), verified.bounds)
(report.certificates, report.evaluation) = (table, EvaluationSummary(table))
report.attacks["pgd"] = found.map {
  AttackRecord(
    epsilon: budget, indices: test.indices, labels: test.labels, predictions: table.predictions,
    results: $0, imageShape: test.imageShape)
}
(report.audit, report.checks) = (audit, checks)
try report.write(to: folder + "/results.h5")
let results = try VerificationReport(path: folder + "/results.h5")
try results.html(results: "results.h5")
  .write(toFile: folder + "/report.html", atomically: true, encoding: .utf8)
print("\(results.headline) (\(results.contentDigest ?? ""))")
