// SPDX-License-Identifier: BSD-3-Clause
#include "use.c"
