#include "CPLBuild.h"

const char *cpl_build_commit(void) { return CPL_COMMIT; }
