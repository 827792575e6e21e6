# SPDX-License-Identifier: BSD-3-Clause
# RISC-V
set(port riscv64)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
