# SPDX-License-Identifier: BSD-3-Clause
# A build for another machine, ${port}, whose tests run in qemu-user. tests/ports/fetch-root brings the libraries.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${port})
set(CMAKE_C_COMPILER ${port}-linux-gnu-gcc)
execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/fetch-root ${port} OUTPUT_VARIABLE CMAKE_SYSROOT
	OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
# Debian's cross compilers look in their own C library's folder first, which may be older than what the others were linked with.
set(CMAKE_EXE_LINKER_FLAGS_INIT -L${CMAKE_SYSROOT}/usr/lib/${port}-linux-gnu)
set(CMAKE_SHARED_LINKER_FLAGS_INIT -L${CMAKE_SYSROOT}/usr/lib/${port}-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/${port}-linux-gnu/pkgconfig)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${port} -L ${CMAKE_SYSROOT})
