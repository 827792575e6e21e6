/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/envelope.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <vionet/vionet.h>

#include "tools/shared/common.h"

json_t *envelope_make(const char *command, json_t *object)
{
	json_t *whole = json_pack("{s:s, s:i, s:s}", "command", command, "schema",
				  ENVELOPE_SCHEMA, "version", vionet_version());

	if (whole != NULL && (object == NULL || json_object_update(whole, object) != 0)) {
		json_decref(whole);
		whole = NULL;
	}
	json_decref(object);
	return whole;
}

int envelope_print(const char *command, json_t *object)
{
	json_t *whole = envelope_make(command, object);
	char *text = NULL;

	if (whole != NULL)
		text = json_dumps(whole, JSON_INDENT(2) | JSON_ENSURE_ASCII |
						 JSON_REAL_PRECISION(9));
	json_decref(whole);
	if (text == NULL) {
		say("no memory for the JSON object");
		return CODE_FAILED;
	}
	puts(text);
	free(text);
	return finish_output(stdout, "standard output");
}

/* "model name" of the first CPU; "" where the kernel does not say. */
static void envelope_cpu_model(char *model, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	model[0] = '\0';
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *value = strstr(line, ": ");

		if (strncmp(line, "model name", 10) != 0 || value == NULL)
			continue;
		snprintf(model, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
		break;
	}
	if (file != NULL)
		fclose(file);
}

/* Not every name is UTF-8; JSON is. */
static json_t *envelope_text(const char *text)
{
	json_t *string = json_string(text);

	return string != NULL ? string : json_null();
}

json_t *envelope_host(void)
{
	struct utsname name;
	char model[128];

	if (uname(&name) != 0)
		return json_null();
	envelope_cpu_model(model, sizeof(model));
	return json_pack("{s:o, s:s, s:s, s:i, s:o}",
			 "name", envelope_text(name.nodename),
			 "kernel", name.release,
			 "machine", name.machine,
			 "cpus", (int)sysconf(_SC_NPROCESSORS_ONLN),
			 "cpu_model", envelope_text(model));
}
