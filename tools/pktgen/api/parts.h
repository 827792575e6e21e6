/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the HTTP interface share. */
#ifndef VIONET_TOOLS_API_PARTS_H
#define VIONET_TOOLS_API_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pktgen/monitor/generator.h"
#include "tools/shared/socket_directory.h"

#define API_PATH_MAX 160

/* What goes back. Filled by a handler; `status` 0: nothing is wrong so far. */
struct api_reply {
	unsigned int status;
	const char *type; /* NULL: application/json */
	char *text;	  /* malloc'd; NULL: none */
	size_t length;
	int fd;		 /* a file instead of the text; -1: none */
	json_t *errors;	 /* list of texts; NULL: none */
	bool internal;	 /* the errors are not the client's */
	json_t *notices; /* messages that were said meanwhile */
};

/* A complete request. */
struct api_request {
	struct generator *generator;
	json_t *json;	  /* the body, if it is JSON and was parsed */
	const char *body; /* as it came */
	size_t length;
};

typedef void api_handler(const struct api_request *request, struct api_reply *reply);

api_handler api_get_config, api_set_config, api_update_config, api_append_config,
	api_delete_config, api_set_state, api_set_action, api_get_metrics, api_get_states,
	api_get_capture, api_get_version, api_get_prometheus, api_get_index;

/* ---- replies ---- */

/* Something is wrong: another line of the errors. The first status stays. */
void api_refuse(struct api_reply *reply, unsigned int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What the engine did not do; its messages have been collected. */
void api_refuse_code(struct api_reply *reply, int code);

/* An object is the whole answer; it is freed. NULL: no memory. */
void api_answer(struct api_reply *reply, json_t *object);

/* The answer of what has no other: {"warnings": [...]}. */
void api_answer_done(struct api_reply *reply);

/* Make text of errors, or of nothing, if no handler did. */
void api_finish(struct api_reply *reply);

/* ---- what a request says: each refuses what is bad, by its path ---- */

/* A member of an object, NULL if it is absent or null. `want`: jansson's type. */
json_t *api_member(struct api_reply *reply, json_t *object, const char *path, const char *key,
		   json_type want);

/* No other members than these, separated by blanks. False: refused. */
bool api_only(struct api_reply *reply, json_t *object, const char *path, const char *keys);

/* A word of a list (NULL behind the last): its number; `preset` if it is absent; -1: refused. */
int api_word(struct api_reply *reply, json_t *object, const char *path, const char *key,
	     const char *const *words, int preset);

/* Names of flows or ports as their numbers, none: all. `*number` is to be freed. False: refused. */
typedef int api_finder(const struct generator *generator, const char *name);
bool api_numbers(const struct api_request *request, struct api_reply *reply, json_t *object,
		 const char *path, const char *key, api_finder *find, size_t all,
		 uint32_t **number, size_t *count);

/* Words of a list as bits, none: all. False: refused. */
bool api_columns(struct api_reply *reply, json_t *object, const char *path, const char *key,
		 const char *const *words, uint32_t *bits);

/* Is there a configuration with ports? Else refused. */
bool api_needs_engine(const struct api_request *request, struct api_reply *reply);

/* ---- addresses ---- */

struct api_listener {
	int fd, lock;
	bool tcp;
	struct socket_directory directory; /* of a UNIX socket */
	char text[160];			   /* where clients find it */
};

/* Returns an exit code, and says what is wrong. */
int api_listen(struct api_listener *listener, const char *address);
void api_unlisten(struct api_listener *listener); /* all but `fd` */

/* A host, with or without a port: is it this machine's name or address for itself? Can it be of the DNS, where others
 * answer for it? */
bool api_host_is_local(const char *host);
bool api_host_is_public(const char *host);

#endif
