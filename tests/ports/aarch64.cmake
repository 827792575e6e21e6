# SPDX-License-Identifier: BSD-3-Clause
# arm64
set(port aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
