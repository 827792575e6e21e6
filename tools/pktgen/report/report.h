/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reports of a measurement, made of the JSON object that --json prints: tables (CSV), a page
 * (HTML) with the object and what draws it; and of its histogram, percentiles as HdrHistogram
 * writes them. Each returns an exit code; what has gone wrong has been said.
 */
#ifndef VIONET_TOOLS_REPORT_H
#define VIONET_TOOLS_REPORT_H

struct histogram;
struct json_t;
struct traffic;

/* An array of objects, a line each; the first line has the names. Objects in them are columns
 * "a.b", null is empty; arrays are left out. */
int report_csv(const struct json_t *rows, const char *file);

/* `results`: with "command". Everything is in the file, so that it can be mailed and kept. */
int report_html(const struct json_t *results, const char *file);

/* In nanoseconds. */
int report_hdr(const struct histogram *histogram, const char *file);

/* The same as an array of [percentile, ns, how many were not above], for pages. */
struct json_t *json_percentiles(const struct histogram *histogram);

/* All that is sent, as a configuration file has it; null without memory. */
struct json_t *json_config(const struct traffic *traffic);

#endif
