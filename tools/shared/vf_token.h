/* SPDX-License-Identifier: BSD-3-Clause */
/* VF tokens: a new one, and putting one on a physical function. */
#ifndef VIONET_TOOLS_VF_TOKEN_H
#define VIONET_TOOLS_VF_TOKEN_H

#include <stdbool.h>

#define VF_TOKEN_SIZE 37

/* Whether this is a UUID, or "new": to be asked before anything is bound. */
bool vf_token_valid(const char *wanted);

/* "new" is a random one. Returns 0, or a negative errno. */
int vf_token_make(const char *wanted, char token[VF_TOKEN_SIZE]);

/* Open the function with the token and close it: so the kernel knows it, until it is unbound. Returns an
 * exit code, and says what is wrong. */
int vf_token_put(const char *address, const char *token);

#endif
