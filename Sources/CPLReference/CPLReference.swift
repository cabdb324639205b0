// SPDX-License-Identifier: Apache-2.0

// The floors of the reference implementation, as one module.

@_exported import CPLDatasets
@_exported import CPLDevices
@_exported import CPLEnclosures
@_exported import CPLFiles
@_exported import CPLFormats
@_exported import CPLNetworks
@_exported import CPLNumerics
@_exported import CPLRoundingErrors
@_exported import CPLTraining
