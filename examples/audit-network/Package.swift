// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
  name: "audit-network",
  dependencies: [.package(name: "cpl-verify", path: "../..")],
  targets: [
    .executableTarget(
      name: "audit-network",
      dependencies: [
        .product(name: "CPLReference", package: "cpl-verify"),
        .product(name: "CPLVerify", package: "cpl-verify"),
      ])
  ])
