// SPDX-License-Identifier: Apache-2.0

// The floors that a network stands on, as one module with it.

@_exported import CPLDatasets
@_exported import CPLDevices
@_exported import CPLEnclosures
@_exported import CPLFiles
@_exported import CPLNumerics
@_exported import CPLRoundingErrors
