// SPDX-License-Identifier: Apache-2.0

// OpenBLAS's C interface, and the LAPACK routines that Debian's OpenBLAS carries without
// LAPACKE. The Fortran symbols take every argument by address; the lengths of the character
// arguments, which gfortran appends, are passed as 1.
#pragma once
#include <cblas.h>
#include <stddef.h>

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);
void dpbtrf_(
    const char *uplo, const int *n, const int *kd, double *ab, const int *ldab, int *info, size_t);
void dsyevr_(
    const char *jobz, const char *range, const char *uplo, const int *n, double *a,
    const int *lda, const double *vl, const double *vu, const int *il, const int *iu,
    const double *abstol, int *m, double *w, double *z, const int *ldz, int *isuppz,
    double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t,
    size_t);
void dgesdd_(
    const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s,
    double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork,
    int *iwork, int *info, size_t);
void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *ipiv, int *info);
void dgetrs_(
    const char *trans, const int *n, const int *nrhs, const double *a, const int *lda,
    const int *ipiv, double *b, const int *ldb, int *info, size_t);
