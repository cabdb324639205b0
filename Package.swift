// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "cpl-verify",
  products: [
    .executable(name: "cpl-verify", targets: ["cpl-verify"]),
    .library(name: "CPLReference", targets: ["CPLReference"]),
    .library(name: "CPLVerify", targets: ["CPLVerify"]),
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
    .plugin(name: "BuildCommit", capability: .buildTool()),
    .target(name: "CPLKernels", linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CPLResources", exclude: ["built-in.h5"]),
    .target(
      name: "CPLReference",
      dependencies: [
        "CPLKernels", "CHDF5", "COpenBLAS", "CCrypto", "CZlib",
        .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "CPLVerify",
      dependencies: [
        "CPLReference", "CPLResources", .product(name: "Mustache", package: "swift-mustache"),
        .product(name: "Yams", package: "Yams"),
      ]),
    .executableTarget(
      name: "cpl-verify",
      dependencies: [
        "CPLReference", "CPLVerify",
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
