/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/command_line.h"

#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 64
#define BYTES_MAX 8192
#define PARSERS 16
#define CHILDREN 64
#define BLOCKS_MAX 16384u
#define CONFIG_FD 1000

/* What follows is for a line that runs: the fuzzer's own calls go to the C library. */
static struct {
	bool runs;
	jmp_buf whole, *parser; /* where a process that ends goes: NULL, no parser of argp runs */
	int code;
	struct argp argp[PARSERS];
	struct argp_child child[CHILDREN];
	argp_parser_t of[PARSERS];
	unsigned int parsers, children;
	size_t config; /* bytes that were read of it */
} line;

/* ---- memory ---- */

static void *blocks[BLOCKS_MAX];
static size_t block_count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **made, const char *format, va_list arguments);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_vasprintf(char **made, const char *format, va_list arguments);
void __wrap_free(void *block);

static void *block_add(void *block)
{
	if (block == NULL || !line.runs)
		return block;
	assert(block_count < BLOCKS_MAX);
	blocks[block_count++] = block;
	return block;
}

/* It may be one of the C library's. */
static void block_remove(const void *block)
{
	for (size_t i = block_count; i-- > 0;)
		if (blocks[i] == block) {
			blocks[i] = blocks[--block_count];
			return;
		}
}

void *__wrap_malloc(size_t size)
{
	return block_add(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return block_add(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	block_remove(old);
	return block_add(__real_realloc(old, size));
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	block_remove(old);
	return block_add(__real_reallocarray(old, count, size));
}

char *__wrap_strdup(const char *text)
{
	return block_add(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t size)
{
	return block_add(__real_strndup(text, size));
}

int __wrap_vasprintf(char **made, const char *format, va_list arguments)
{
	int result = __real_vasprintf(made, format, arguments);

	if (result >= 0)
		block_add(*made);
	return result;
}

void __wrap_free(void *block)
{
	block_remove(block);
	__real_free(block);
}

static void block_free_all(void)
{
	while (block_count > 0)
		__real_free(blocks[--block_count]);
}

/* ---- the end of the process ---- */

void __real_exit(int code) __attribute__((noreturn));
void __wrap_exit(int code) __attribute__((noreturn));
void __wrap_argp_state_help(const struct argp_state *state, FILE *stream, unsigned int flags) __attribute__((noreturn));

bool command_line_runs(void)
{
	return line.runs;
}

void command_line_leave(int code)
{
	line.code = code;
	if (line.parser != NULL)
		longjmp(*line.parser, 1);
	longjmp(line.whole, 1);
}

void __wrap_exit(int code)
{
	if (!line.runs)
		__real_exit(code);
	/* argp's caller ends, since its parser did. */
	command_line_leave(line.code > 0 ? line.code : code);
}

/* Help ends the process too. */
void __wrap_argp_state_help(const struct argp_state *state, FILE *stream, unsigned int flags)
{
	(void)state;
	(void)stream;
	(void)flags;
	command_line_leave(0);
}

void command_line_accept(void)
{
	command_line_leave(COMMAND_LINE_ACCEPTED);
}

/* ---- parsers of argp ---- */

static error_t line_parse(unsigned int index, int key, char *argument, struct argp_state *state)
{
	jmp_buf here, *before = line.parser;
	error_t result;

	line.parser = &here;
	if (setjmp(here) == 0)
		result = line.of[index](key, argument, state);
	else
		result = ECANCELED;
	line.parser = before;
	return result;
}

#define LINE_PARSER(n)                                                                    \
	static error_t line_parser_##n(int key, char *argument, struct argp_state *state) \
	{                                                                                 \
		return line_parse(n, key, argument, state);                               \
	}
LINE_PARSER(0)
LINE_PARSER(1)
LINE_PARSER(2)
LINE_PARSER(3)
LINE_PARSER(4)
LINE_PARSER(5)
LINE_PARSER(6)
LINE_PARSER(7)
LINE_PARSER(8)
LINE_PARSER(9)
LINE_PARSER(10)
LINE_PARSER(11)
LINE_PARSER(12)
LINE_PARSER(13)
LINE_PARSER(14)
LINE_PARSER(15)

static const argp_parser_t line_parsers[PARSERS] = {
	line_parser_0,
	line_parser_1,
	line_parser_2,
	line_parser_3,
	line_parser_4,
	line_parser_5,
	line_parser_6,
	line_parser_7,
	line_parser_8,
	line_parser_9,
	line_parser_10,
	line_parser_11,
	line_parser_12,
	line_parser_13,
	line_parser_14,
	line_parser_15,
};

static const struct argp *line_copy(const struct argp *argp)
{
	unsigned int index = line.parsers++, children = 0;
	struct argp *copy = &line.argp[index];

	assert(index < PARSERS);
	*copy = *argp;
	line.of[index] = argp->parser;
	if (argp->parser != NULL)
		copy->parser = line_parsers[index];
	if (argp->children == NULL)
		return copy;
	copy->children = &line.child[line.children];
	while (argp->children[children].argp != NULL)
		children++;
	line.children += children + 1;
	assert(line.children <= CHILDREN);
	for (unsigned int i = 0; i <= children; i++) {
		struct argp_child *child = &line.child[copy->children - line.child + i];

		*child = argp->children[i];
		if (child->argp != NULL)
			child->argp = line_copy(child->argp);
	}
	return copy;
}

error_t __real_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, int *index, void *input);
error_t __wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, int *index, void *input);

/* The C library's part prints nothing: an option that there is not is refused all the same. */
error_t __wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, int *index, void *input)
{
	return __real_argp_parse(line_copy(argp), argc, argv, flags | ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP, index, input);
}

/* ---- files ---- */

static const char line_config[] =
	"{\"ports\": [{\"name\": \"a\", \"location\": \"vfio-user:/a\"}, {\"name\": \"b\"}],"
	"\"flows\": [{\"name\": \"f\", \"tx_rx\": {\"port\": {\"tx_name\": \"a\", \"rx_names\": [\"b\"]}},"
	"\"packet\": [{\"choice\": \"ethernet\"}, {\"choice\": \"ipv4\"}, {\"choice\": \"udp\"}]}]}";

int __real_open(const char *path, int flags, unsigned int mode);
ssize_t __real_read(int fd, void *bytes, size_t size);
int __real_close(int fd);
int __real_access(const char *path, int mode);
int __wrap_open(const char *path, int flags, unsigned int mode);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
int __wrap_close(int fd);
int __wrap_access(const char *path, int mode);

int __wrap_open(const char *path, int flags, unsigned int mode)
{
	if (!line.runs)
		return __real_open(path, flags, mode);
	if (strcmp(path, "config") == 0)
		return CONFIG_FD;
	errno = ENOENT;
	return -1;
}

/* Standard input has the same. */
ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	size_t left = sizeof(line_config) - 1 - line.config;

	if (!line.runs)
		return __real_read(fd, bytes, size);
	assert(fd == CONFIG_FD || fd == 0);
	if (size > left)
		size = left;
	memcpy(bytes, line_config + line.config, size);
	line.config += size;
	return (ssize_t)size;
}

int __wrap_close(int fd)
{
	if (!line.runs)
		return __real_close(fd);
	assert(fd == CONFIG_FD);
	return 0;
}

/* vDPA devices of the machine. */
int __wrap_access(const char *path, int mode)
{
	if (!line.runs)
		return __real_access(path, mode);
	if (strstr(path, "/vdpa") != NULL && strstr(path, "vdpa0") != NULL)
		return 0;
	errno = ENOENT;
	return -1;
}

/* ---- a line ---- */

static int line_split(char *text, size_t size, char **argv)
{
	int argc = 1;
	char *at = text, *end = text + size;

	while (at < end && argc < ARGUMENTS_MAX) {
		argv[argc++] = at;
		at += strcspn(at, "\n");
		*at++ = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

int command_line_run(const char *program, const uint8_t *bytes, size_t size, void (*run)(int argc, char **argv))
{
	static char text[BYTES_MAX + 1], name[32];
	char *argv[ARGUMENTS_MAX + 1] = { name };

	if (size > BYTES_MAX)
		size = BYTES_MAX;
	snprintf(name, sizeof(name), "%s", program);
	memcpy(text, bytes, size);
	text[size] = '\0';
	line.parser = NULL;
	line.parsers = line.children = 0;
	line.config = 0;
	line.code = 0;
	line.runs = true;
	if (setjmp(line.whole) == 0)
		run(line_split(text, size, argv), argv);
	line.runs = false;
	block_free_all();
	return line.code;
}
