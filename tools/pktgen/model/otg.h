/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configurations of the Open Traffic Generator API (models 1.61), in YAML or JSON, and `struct
 * traffic`. docs/pktgen-config.md has what of the model is supported; all else is refused by its
 * path. Defaults are the model's.
 */
#ifndef VIONET_TOOLS_OTG_H
#define VIONET_TOOLS_OTG_H

#include <stddef.h>
#include <stdio.h>

#include "tools/pktgen/model/traffic.h"
#include "tools/pktgen/model/tree.h"

/* Read a configuration. Returns 0; -EINVAL, or -ENOMEM, with `error` filled: `*traffic` is empty
 * then. The caller gives what was read back with traffic_free. */
int otg_read_text(const char *text, size_t length, struct traffic *traffic, struct traffic_error *error);

/* Of a document that is read already (a Config in another message). */
int otg_read_tree(const struct tree *config, struct traffic *traffic, struct traffic_error *error);

/* Write what reads back as the same. Returns 0, -ENOMEM, -EIO, or -ENOTSUP: YAML, and built without it. */
int otg_write(const struct traffic *traffic, enum tree_format format, FILE *file);

/* As a JSON text, which the caller frees; NULL: no memory. */
char *otg_write_json(const struct traffic *traffic);

#endif
