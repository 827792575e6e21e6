/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as people read them. */
#ifndef VIONET_TOOLS_FORMAT_H
#define VIONET_TOOLS_FORMAT_H

/* "1.234 Mpps": four digits that count. Returns `text`. */
const char *format_scaled(double value, const char *unit, char text[32]);

/* "12.3 us", "12.3 ms" from 10,000 us on. Returns `text`. */
const char *format_time(double ns, char text[32]);

#endif
