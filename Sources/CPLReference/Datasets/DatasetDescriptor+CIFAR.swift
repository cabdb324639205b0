// SPDX-License-Identifier: Apache-2.0

extension DatasetDescriptor {
  /// CIFAR-10, normalised by the numbers that the published pipeline uses.
  package static let cifar10 = DatasetDescriptor(
    name: "cifar10", title: "CIFAR-10", image: CIFARBinary.imageShape,
    classNames: [
      "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ],
    statistics: ChannelStatistics(
      mean: [0.491_399_755_166_628_4, 0.482_158_559_298_937_03, 0.446_530_913_373_161_8],
      standardDeviation: [0.247_032_251_417_999, 0.243_485_164_745_64, 0.261_587_839_260_496_28]),
    augmentation: Augmentation.Policy(), reader: CIFARBinary.Kind.cifar10)

  /// CIFAR-100 with its fine labels, normalised likewise.
  package static let cifar100 = DatasetDescriptor(
    name: "cifar100", title: "CIFAR-100", image: CIFARBinary.imageShape,
    classNames: [
      "apple", "aquarium fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle",
      "bottle",
      "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar",
      "cattle",
      "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup",
      "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house",
      "kangaroo", "keyboard", "lamp", "lawn mower", "leopard", "lion", "lizard", "lobster", "man",
      "maple tree", "motorcycle", "mountain", "mouse", "mushroom", "oak tree", "orange", "orchid",
      "otter", "palm tree", "pear", "pickup truck", "pine tree", "plain", "plate", "poppy",
      "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal",
      "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar",
      "sunflower", "sweet pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
      "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow tree", "wolf", "woman",
      "worm",
    ],
    statistics: ChannelStatistics(
      mean: [0.5071, 0.4865, 0.4409], standardDeviation: [0.2673, 0.2564, 0.2762]),
    augmentation: Augmentation.Policy(), reader: CIFARBinary.Kind.cifar100)
}
