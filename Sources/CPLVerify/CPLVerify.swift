// SPDX-License-Identifier: Apache-2.0

// The floors of the verification, as one module.

@_exported import CPLAttacks
@_exported import CPLAudit
@_exported import CPLBounds
@_exported import CPLCertificates
@_exported import CPLEnclosures
@_exported import CPLExperiments
@_exported import CPLFindings
@_exported import CPLProofs
@_exported import CPLProperties
@_exported import CPLReports
@_exported import CPLReproduction
@_exported import CPLRoundingErrors
