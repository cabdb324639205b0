// SPDX-License-Identifier: Apache-2.0

// Audits a network of one's own: are its certificates ever broken, and how tight are they?
//
//     swift run -c release audit-network weights.pt cifar-10-batches-bin 100
import CPLReference
import CPLVerify

guard CommandLine.arguments.count == 4, let count = Int(CommandLine.arguments[3]) else {
  fatalError("usage: audit-network WEIGHTS DATA COUNT")
}
let workers = Workers(threads: 2)

// The network as its file holds it, with the bounds of its layers.
let checkpoint = try Checkpoint.read(CommandLine.arguments[1])
let verified = try VerifiedNetwork(
  checkpoint.network, profile: .corrected, steps: .shipped, workers: workers
) { _, _ in }
print("Lipschitz constant before the head: at most", verified.bounds.lipschitzUpperBound)

// Its sound certificates on test images, attacked.
let images = try ImageSource.read(CommandLine.arguments[2], split: .test, classes: 10)
let audit = try CertificateAudit(
  EvaluatedNetwork(verified), certificate: .sound, seed: 0, workers: workers)
let result = try audit.run(images.prefix(count)) { _ in }

print("\(result.certified) of \(result.images.count) images certified: \(result.verdict)")
for violation in result.violations {
  print("image \(violation.index): broken at \(violation.distance) by \(violation.attack)")
}
if let tightest = result.tightness.first { print("the least d/r is", tightest) }
