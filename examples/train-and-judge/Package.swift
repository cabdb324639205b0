// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
  name: "train-and-judge",
  dependencies: [.package(name: "cpl-verify", path: "../..")],
  targets: [
    .executableTarget(
      name: "train-and-judge",
      dependencies: [
        .product(name: "CPLReference", package: "cpl-verify"),
        .product(name: "CPLVerify", package: "cpl-verify"),
      ])
  ])
