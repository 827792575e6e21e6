# SPDX-License-Identifier: BSD-3-Clause
# A build with musl instead of glibc. tests/ports/fetch-root brings the libraries.
set(CMAKE_C_COMPILER musl-gcc)
execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/fetch-root musl OUTPUT_VARIABLE root
	OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(CMAKE_C_FLAGS_INIT "-isystem ${root}/include")
set(CMAKE_EXE_LINKER_FLAGS_INIT -L${root}/lib)
set(CMAKE_SHARED_LINKER_FLAGS_INIT -L${root}/lib)
set(ENV{PKG_CONFIG_LIBDIR} ${root}/lib/pkgconfig)
