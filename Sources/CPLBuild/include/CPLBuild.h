// Which commit the package manifest saw when it was built; empty outside a git checkout.
#pragma once
const char *cpl_build_commit(void);
