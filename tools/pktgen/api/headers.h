/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with a request by its request line and headers: each function refuses it in `reply`. */
#ifndef VIONET_TOOLS_API_HEADERS_H
#define VIONET_TOOLS_API_HEADERS_H

#include "tools/pktgen/api/httpd.h"
#include "tools/pktgen/api/parts.h"

/* True: it is answered at once, and the connection ends, since all who read it have to agree where it does. */
bool headers_refuse_framing(struct MHD_Connection *connection, const char *version, struct api_reply *reply);

/* Lengths, and who asks. The path of `target` that is served; NULL if it was refused already by its length. */
const char *headers_admit(const struct api_listener *listener, struct MHD_Connection *connection, const char *target,
			  struct api_reply *reply);

/* Of a body: JSON, or YAML if that may be. */
void headers_check_type(struct MHD_Connection *connection, bool yaml, struct api_reply *reply);

/* By what the headers say: 0 if they do not. */
uint64_t headers_body_length(struct MHD_Connection *connection);

#endif
