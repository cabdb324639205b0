// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
  name: "cpl-verify",
  products: [
    .executable(name: "cpl-verify", targets: ["cpl-verify"]),
    .library(name: "CPLReference", targets: ["CPLReference"]),
    .library(name: "CPLVerify", targets: ["CPLVerify"]),
  ],
  traits: [
    .trait(name: "MPI", description: "Training by many processes, on one machine or on many.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
  ],
  targets: [
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CMPI", pkgConfig: "mpi-c", providers: [.apt(["libopenmpi-dev"])]),
    .plugin(name: "BuildCommit", capability: .buildTool()),
    // Swift needs the header of the kernels, not their objects: a module that depends on a C target waits
    // until all of it is compiled, and here the whole chain of modules would.
    .systemLibrary(name: "CPLKernels", path: "Sources/CPLKernels/include"),
    .target(
      name: "CPLKernelObjects", path: "Sources/CPLKernels", exclude: ["devices/kernels.cl"],
      linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CPLResources", exclude: ["built-in.h5"]),
    // The floors of CPLReference and CPLVerify: each may use those above it.
    .target(
      name: "CPLNumerics", dependencies: ["CPLKernels", "COpenBLAS"],
      path: "Sources/CPLReference/Numerics"),
    .target(
      name: "CPLDevices", dependencies: ["CPLKernels", "CPLNumerics"],
      path: "Sources/CPLReference/Devices"),
    .target(
      name: "CPLEnclosures", dependencies: ["CPLNumerics"],
      path: "Sources/CPLReference/Enclosures"),
    .target(
      name: "CPLRoundingErrors", dependencies: ["CPLNumerics", "CPLEnclosures"],
      path: "Sources/CPLReference/RoundingErrors"),
    .target(
      name: "CPLFiles", dependencies: ["CPLNumerics", "CHDF5", "CCrypto", "CZlib"],
      path: "Sources/CPLReference/Files"),
    .target(
      name: "CPLDatasets", dependencies: ["CPLNumerics", "CPLFiles"],
      path: "Sources/CPLReference/Datasets"),
    .target(
      name: "CPLNetworks",
      dependencies: [
        "CPLNumerics", "CPLDevices", "CPLEnclosures", "CPLRoundingErrors", "CPLFiles",
        "CPLDatasets",
      ],
      path: "Sources/CPLReference/Networks"),
    .target(
      name: "CPLTraining",
      dependencies: [
        "CPLNumerics", "CPLDevices", "CPLFiles", "CPLDatasets", "CPLNetworks",
        .product(name: "Yams", package: "Yams"),
      ],
      path: "Sources/CPLReference/Training"),
    .target(
      name: "CPLFormats",
      dependencies: ["CPLNumerics", "CPLFiles", "CPLDatasets", "CPLNetworks", "CPLTraining"],
      path: "Sources/CPLReference/Formats"),
    .target(
      name: "CPLReference",
      dependencies: [
        "CPLKernelObjects", "CPLNumerics", "CPLDevices", "CPLEnclosures", "CPLRoundingErrors",
        "CPLFiles", "CPLDatasets", "CPLNetworks", "CPLTraining", "CPLFormats",
      ],
      path: "Sources/CPLReference",
      exclude: [
        "Numerics", "Devices", "Enclosures", "RoundingErrors", "Files", "Datasets", "Networks",
        "Training",
        "Formats",
      ]),
    .target(
      name: "CPLBounds", dependencies: ["CPLNetworks"], path: "Sources/CPLVerify/Bounds"),
    .target(
      name: "CPLCertificates", dependencies: ["CPLNetworks", "CPLBounds"],
      path: "Sources/CPLVerify/Certificates"),
    .target(
      name: "CPLProofs", dependencies: ["CPLReference", "CPLBounds", "CPLCertificates"],
      path: "Sources/CPLVerify/Proofs"),
    .target(
      name: "CPLAttacks", dependencies: ["CPLNetworks", "CPLBounds", "CPLCertificates"],
      path: "Sources/CPLVerify/Attacks"),
    .target(
      name: "CPLAudit",
      dependencies: ["CPLNetworks", "CPLBounds", "CPLCertificates", "CPLAttacks"],
      path: "Sources/CPLVerify/Audit"),
    .target(name: "CPLFindings", path: "Sources/CPLVerify/Findings"),
    .target(
      name: "CPLProperties",
      dependencies: [
        "CPLReference", "CPLBounds", "CPLCertificates", "CPLProofs", "CPLAttacks", "CPLAudit",
        "CPLFindings", "CPLResources",
      ], path: "Sources/CPLVerify/Properties"),
    .target(
      name: "CPLReports",
      dependencies: [
        "CPLReference", "CPLBounds", "CPLCertificates", "CPLAttacks", "CPLAudit", "CPLFindings",
        .product(name: "Mustache", package: "swift-mustache"),
      ], path: "Sources/CPLVerify/Reports"),
    .target(
      name: "CPLReproduction",
      dependencies: [
        "CPLReference", "CPLCertificates", "CPLReports", "CPLResources",
      ], path: "Sources/CPLVerify/Reproduction"),
    .target(
      name: "CPLExperiments",
      dependencies: [
        "CPLReference", "CPLBounds", "CPLCertificates", "CPLProofs", "CPLAttacks", "CPLAudit",
        "CPLFindings", "CPLProperties", "CPLReports", "CPLReproduction",
        .product(name: "Yams", package: "Yams"),
      ], path: "Sources/CPLVerify/Experiments"),
    .target(
      name: "CPLVerify",
      dependencies: [
        "CPLBounds", "CPLCertificates", "CPLProofs", "CPLAttacks", "CPLAudit", "CPLFindings",
        "CPLProperties", "CPLReports", "CPLReproduction", "CPLExperiments",
      ],
      path: "Sources/CPLVerify",
      exclude: [
        "Bounds", "Certificates", "Proofs", "Attacks", "Audit", "Findings", "Properties",
        "Reports", "Reproduction", "Experiments",
      ]),
    .executableTarget(
      name: "cpl-verify",
      dependencies: [
        "CPLReference", "CPLVerify", .target(name: "CMPI", condition: .when(traits: ["MPI"])),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      plugins: ["BuildCommit"]),
    .executableTarget(
      name: "cpl-benchmark", dependencies: ["CPLKernels", "CPLReference", "CPLVerify"],
      path: "Benchmarks/cpl-benchmark", plugins: ["BuildCommit"]),
    .target(
      name: "TestSupport", dependencies: ["CHDF5", "CPLReference"], path: "Tests/TestSupport"),
    .executableTarget(
      name: "cpl-fuzz", dependencies: ["CPLReference", "TestSupport"], path: "Tests/cpl-fuzz"),
    .testTarget(
      name: "CPLReferenceTests", dependencies: ["CPLKernels", "CPLReference", "TestSupport"]),
    .testTarget(name: "CPLVerifyTests", dependencies: ["CPLVerify", "TestSupport"]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: ["cpl-verify", "cpl-fuzz", "CPLReference", "CPLVerify", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)
