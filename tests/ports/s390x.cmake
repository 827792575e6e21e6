# SPDX-License-Identifier: BSD-3-Clause
# big-endian
set(port s390x)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
