// SPDX-License-Identifier: Apache-2.0

extension DatasetDescriptor {
  /// Handwritten digits (LeCun, Cortes and Burges). A mirrored digit is none, so that training mirrors no
  /// image.
  package static let mnist = DatasetDescriptor(
    name: "mnist", title: "MNIST", image: ImageShape(channels: 1, height: 28, width: 28),
    classNames: (0...9).map(String.init),
    statistics: ChannelStatistics(
      mean: [0.1307], standardDeviation: [0.3081], source: "in PyTorch's examples"),
    augmentation: Augmentation.Policy(cropPadding: 4, mirrors: false),
    reader: IDXReader(
      innerFolder: "MNIST/raw",
      firstLabels: [
        .train: [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], .test: [7, 2, 1, 0, 4, 1, 4, 9, 5, 9],
      ],
      isFolderName: { name in
        // Not KMNIST, EMNIST or QMNIST, whose names end in the same way.
        name.split { !$0.isLetter }.contains("mnist") && !name.contains("fashion")
      }))

  /// Pictures of clothes in MNIST's form (Xiao, Rasul and Vollgraf 2017).
  package static let fashionMNIST = DatasetDescriptor(
    name: "fashion-mnist", title: "Fashion-MNIST",
    image: ImageShape(channels: 1, height: 28, width: 28),
    classNames: [
      "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
      "ankle boot",
    ],
    statistics: ChannelStatistics(
      mean: [0.2860], standardDeviation: [0.3530], source: "in common use"),
    augmentation: Augmentation.Policy(cropPadding: 4, mirrors: true),
    reader: IDXReader(
      innerFolder: "FashionMNIST/raw",
      firstLabels: [
        .train: [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], .test: [9, 2, 1, 1, 6, 1, 4, 6, 5, 7],
      ],
      isFolderName: { $0.contains("fashion") }))
}
