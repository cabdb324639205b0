// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference
import Foundation

/// The images that a run sees.
struct TrainingImages {
  let training: ImageDataset
  /// Under the quirk `best-on-test`, what chooses the best epoch.
  let test: ImageDataset?

  init(_ choice: ImageChoice, _ experiment: ExperimentConfiguration) throws {
    let classes = experiment.model.classes
    training = try choice.read(.train, classes: classes)
    test =
      experiment.training.profile.bestOnTest ? try choice.readAll(.test, classes: classes) : nil
  }

  func trainer(
    _ run: RunConfiguration, _ workers: Workers, _ ranks: any Ranks, place: DevicePlace? = nil,
    imagesAtOnce: Int
  ) throws -> Trainer {
    try Trainer(
      run.experiment.training, training: training, test: test,
      augmentation: run.experiment.augmentation(of: training),
      augmentationSeed: run.augmentationSeed, workers: workers, ranks: ranks, place: place,
      counting: Self.certified(under: run.experiment.training.profile), imagesAtOnce: imagesAtOnce)
  }

  /// Counts the images that are classified correctly and certified at 36/255 as the published code certifies:
  /// no proof, but it comes from the logits alone.
  private static func certified(under profile: Profile) -> Trainer.Counting {
    { network, logits, labels in
      guard let certificate = try? PublishedCertificate(network, profile: profile) else { return 0 }
      return zip(certificate.radii(logits), zip(logits.rowMaxima, labels))
        .count { $0 > Epsilon.published[0].value && $1.0 == $1.1 }
    }
  }

  /// What a run's configuration says of them. The folder's path is made to hold wherever the run
  /// is taken up.
  func selection(_ choice: ImageChoice) -> RunConfiguration.ImageSelection {
    RunConfiguration.ImageSelection(
      data: choice.data.map { URL(fileURLWithPath: $0).standardizedFileURL.path },
      dataset: choice.dataset?.rawValue, limit: choice.limit,
      indices: choice.indices?.description, digest: training.digest, testDigest: test?.digest)
  }
}
