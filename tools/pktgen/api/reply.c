/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes back: the model's errors and warnings; and reading what came. */
#include "tools/pktgen/api/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/error.h>

#include "tools/shared/common.h"

/* As many as a reader reads. */
#define ERRORS_MAX 20

void api_refuse(struct api_reply *reply, unsigned int status, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (reply->status == 0)
		reply->status = status;
	if (reply->errors == NULL)
		reply->errors = json_array();
	if (json_array_size(reply->errors) < ERRORS_MAX)
		json_array_append_new(reply->errors, json_string(vionet_text_clean(text)));
}

void api_refuse_code(struct api_reply *reply, int code)
{
	bool by_client = code == CODE_USAGE;
	size_t said = json_array_size(reply->notices);

	reply->internal = !by_client;
	for (size_t i = 0; i < said; i++)
		api_refuse(reply, by_client ? 400 : 500, "%s",
			   json_string_value(json_array_get(reply->notices, i)));
	if (said == 0)
		api_refuse(reply, by_client ? 400 : 500, "the engine refused it without a word");
}

static void reply_take_json(struct api_reply *reply, json_t *object)
{
	reply->text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER |
								  JSON_REAL_PRECISION(12))
				     : NULL;
	reply->length = reply->text != NULL ? strlen(reply->text) : 0;
	if (reply->text == NULL)
		reply->status = 500;
	json_decref(object);
}

void api_answer(struct api_reply *reply, json_t *object)
{
	reply->status = 200;
	reply_take_json(reply, object);
}

void api_answer_done(struct api_reply *reply)
{
	json_t *warnings = reply->notices != NULL ? json_incref(reply->notices) : json_array();

	api_answer(reply, json_pack("{s:o}", "warnings", warnings));
}

void api_finish(struct api_reply *reply)
{
	if (reply->errors == NULL)
		return;
	free(reply->text);
	reply->type = NULL;
	reply_take_json(reply, json_pack("{s:i, s:s, s:o}", "code", (int)reply->status, "kind",
					 reply->internal ? "internal" : "validation", "errors",
					 reply->errors));
	reply->errors = NULL;
}

/* ---- what a request says ---- */

static const char *reply_type_name(json_type type)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object",
		[JSON_ARRAY] = "a list",
		[JSON_STRING] = "a text",
		[JSON_INTEGER] = "a whole number",
		[JSON_REAL] = "a number",
		[JSON_TRUE] = "true or false",
		[JSON_FALSE] = "true or false",
		[JSON_NULL] = "null",
	};

	return names[type];
}

json_t *api_member(struct api_reply *reply, json_t *object, const char *path, const char *key,
		   json_type want)
{
	json_t *member = json_object_get(object, key);

	if (member == NULL || json_is_null(member))
		return NULL;
	if (json_typeof(member) == want || (want == JSON_TRUE && json_is_false(member)))
		return member;
	api_refuse(reply, 400, "%s%s: %s is expected, not %s", path, key, reply_type_name(want),
		   reply_type_name(json_typeof(member)));
	return NULL;
}

static bool reply_is_word_of(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; length != 0 && (at = strstr(at, word)) != NULL; at += length)
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

bool api_only(struct api_reply *reply, json_t *object, const char *path, const char *keys)
{
	const char *key;
	json_t *member;
	bool good = true;

	json_object_foreach(object, key, member)
	{
		if (json_is_null(member) || reply_is_word_of(keys, key))
			continue;
		api_refuse(reply, 400, "%s%.40s: not supported", path, key);
		good = false;
	}
	return good;
}

static int reply_find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static void reply_refuse_word(struct api_reply *reply, const char *path, const char *key,
			      const char *const *words, const char *word)
{
	char list[512] = "";

	for (int i = 0; words[i] != NULL; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 i == 0 ? "" : ", ", words[i]);
	api_refuse(reply, 400, "%s%s: '%.40s' is not supported; it is one of %s", path, key, word,
		   list);
}

int api_word(struct api_reply *reply, json_t *object, const char *path, const char *key,
	     const char *const *words, int preset)
{
	json_t *member = api_member(reply, object, path, key, JSON_STRING);
	int found = preset;

	if (member != NULL) {
		found = reply_find_word(words, json_string_value(member));
		if (found < 0)
			reply_refuse_word(reply, path, key, words, json_string_value(member));
	} else if (reply->errors == NULL && preset < 0) {
		api_refuse(reply, 400, "%s%s: it is missing", path, key);
	}
	return reply->errors == NULL ? found : -1;
}

bool api_columns(struct api_reply *reply, json_t *object, const char *path, const char *key,
		 const char *const *words, uint32_t *bits)
{
	json_t *list = api_member(reply, object, path, key, JSON_ARRAY), *item;
	size_t i;

	*bits = json_array_size(list) == 0 ? UINT32_MAX : 0;
	json_array_foreach(list, i, item)
	{
		const char *word = json_is_string(item) ? json_string_value(item) : "";
		int found = reply_find_word(words, word);

		if (found < 0)
			reply_refuse_word(reply, path, key, words, word);
		else
			*bits |= 1u << found;
	}
	return reply->errors == NULL;
}

static bool reply_add_number(const struct api_request *request, struct api_reply *reply,
			     const char *path, const char *key, size_t index, json_t *item,
			     api_finder *find, uint32_t *number)
{
	const char *name = json_string_value(item);
	int found = name != NULL ? find(request->generator, name) : -1;

	if (found >= 0)
		*number = (uint32_t)found;
	else
		api_refuse(reply, 400, "%s%s[%zu]: '%.80s' is in no configuration", path, key,
			   index, name != NULL ? name : "");
	return found >= 0;
}

bool api_numbers(const struct api_request *request, struct api_reply *reply, json_t *object,
		 const char *path, const char *key, api_finder *find, size_t all,
		 uint32_t **number, size_t *count)
{
	json_t *list = api_member(reply, object, path, key, JSON_ARRAY);
	size_t given = json_array_size(list);

	if (given > all)
		api_refuse(reply, 400, "%s%s: more names than there are", path, key);
	*count = given != 0 ? given : all;
	*number = reply->errors == NULL ? calloc(*count + 1, sizeof(**number)) : NULL;
	if (*number == NULL) {
		if (reply->errors == NULL)
			api_refuse(reply, 503, "no memory");
		return false;
	}
	for (size_t i = 0; i < *count; i++) {
		(*number)[i] = (uint32_t)i;
		if (given != 0)
			reply_add_number(request, reply, path, key, i, json_array_get(list, i), find,
					 &(*number)[i]);
	}
	if (reply->errors == NULL)
		return true;
	free(*number);
	*number = NULL;
	return false;
}

bool api_needs_engine(const struct api_request *request, struct api_reply *reply)
{
	if (request->generator->engine != NULL)
		return true;
	api_refuse(reply, 400, "there is no configuration with ports: POST one to /config first");
	return false;
}
