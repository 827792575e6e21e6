/* SPDX-License-Identifier: BSD-3-Clause */
/* page.html, as the build puts it into the program (tools/CMakeLists.txt). */
#ifndef VIONET_TOOLS_PAGE_H
#define VIONET_TOOLS_PAGE_H

extern const char report_page[];

#endif
