/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/common.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vionet/error.h>

const char *const wait_mode_words[] = { "poll", "interrupt", "spin", NULL };

static bool live_line;

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

void say_set_live(bool live)
{
	__atomic_store_n(&live_line, live, __ATOMIC_RELAXED);
}

bool say_is_live(void)
{
	return __atomic_load_n(&live_line, __ATOMIC_RELAXED);
}

/* Messages come from any thread. */
static pthread_mutex_t listeners_lock = PTHREAD_MUTEX_INITIALIZER;
static struct say_listener *listeners;

void say_listen(struct say_listener *listener)
{
	pthread_mutex_lock(&listeners_lock);
	listener->next = listeners;
	listeners = listener;
	pthread_mutex_unlock(&listeners_lock);
}

void say_unlisten(struct say_listener *listener)
{
	struct say_listener **at = &listeners;

	pthread_mutex_lock(&listeners_lock);
	while (*at != NULL && *at != listener)
		at = &(*at)->next;
	if (*at != NULL)
		*at = listener->next;
	pthread_mutex_unlock(&listeners_lock);
}

/* The newest is told first. Does one of them keep it from the others and standard error? */
static bool common_tell_listeners(const char *text)
{
	bool kept = false;

	pthread_mutex_lock(&listeners_lock);
	for (struct say_listener *at = listeners; at != NULL && !kept; at = at->next)
		kept = at->take(at->context, text);
	pthread_mutex_unlock(&listeners_lock);
	return kept;
}

static void common_print_message(const char *text)
{
	bool below; /* a live line that is on the same terminal */

	output_begin();
	fflush(stdout);
	flockfile(stderr);
	below = say_is_live() && isatty(STDERR_FILENO) == 1;
	fprintf(stderr, "%svionet: %s\n", below ? "\n" : "", text);
	if (below)
		say_set_live(false);
	funlockfile(stderr);
	output_end();
}

static void common_say_list(const char *format, va_list arguments)
{
	char *made = NULL;
	const char *text;

	if (vasprintf(&made, format, arguments) < 0)
		made = NULL;
	/* Names and texts of others may be in it. */
	text = made != NULL ? vionet_text_clean(made) : "no memory";
	if (!common_tell_listeners(text))
		common_print_message(text);
	free(made);
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	common_say_list(format, arguments);
	va_end(arguments);
}

const char *clean(const char *text)
{
	static _Thread_local char copies[2][PATH_MAX + 16];
	static _Thread_local unsigned int last;
	char *copy = copies[last ^= 1];

	snprintf(copy, sizeof(copies[0]), "%s", text);
	return vionet_text_clean(copy);
}

/* What --reset-timeout and --reply-timeout say, or are without. */
static unsigned int reset_timeout_ms = 1000, reply_timeout_ms = 2000;

void note_reset_timeout(unsigned int ms)
{
	reset_timeout_ms = ms;
}

void note_reply_timeout(unsigned int ms)
{
	reply_timeout_ms = ms;
}

/* In seconds: what to try next where that was too short. */
static unsigned int common_longer(unsigned int ms, unsigned int most)
{
	unsigned int longer = ms / 1000 * 4;

	if (longer < 30)
		return 30;
	return longer < most ? longer : most;
}

const char *remedy_clause(unsigned int remedy, const char *address,
			  char clause[REMEDY_CLAUSE_MAX])
{
	static const char *const clauses[] = {
		[VIONET_REMEDY_NONE] = "",
		[VIONET_REMEDY_BIND] = "; run: vionet bind ",
		[VIONET_REMEDY_BIND_GROUP] = "; run: vionet bind --group ",
		[VIONET_REMEDY_BIND_FORCE] = "; to force it: vionet bind --force ",
		[VIONET_REMEDY_WANT] = "; open it with --want",
		[VIONET_REMEDY_BIND_NO_IOMMU] = "; run: vionet bind --no-iommu ",
		[VIONET_REMEDY_VF_TOKEN] = "; give it: --vf-token UUID",
		[VIONET_REMEDY_NO_IOMMU] = "; or, if it may reach all memory of this machine: --no-iommu",
		[VIONET_REMEDY_AVOID] = "; leave some of them out with --avoid",
		[VIONET_REMEDY_ASSUME_IOMMU] = ("; if this is hardware behind a real IOMMU, "
						"assert that with --assume-iommu"),
	};
	bool binds = remedy == VIONET_REMEDY_BIND || remedy == VIONET_REMEDY_BIND_GROUP ||
		     remedy == VIONET_REMEDY_BIND_FORCE || remedy == VIONET_REMEDY_BIND_NO_IOMMU;

	if (remedy == VIONET_REMEDY_RESET_TIMEOUT)
		snprintf(clause, REMEDY_CLAUSE_MAX, "; give it longer: --reset-timeout %u",
			 common_longer(reset_timeout_ms, RESET_SECONDS_MAX));
	else if (remedy == VIONET_REMEDY_REPLY_TIMEOUT)
		snprintf(clause, REMEDY_CLAUSE_MAX, "; give it longer: --reply-timeout %u",
			 common_longer(reply_timeout_ms, REPLY_SECONDS_MAX));
	else if (remedy == VIONET_REMEDY_BIND_OR_UNBIND)
		snprintf(clause, REMEDY_CLAUSE_MAX,
			 "; run: vionet bind %s, or for its kernel driver: vionet unbind %s", address, address);
	else
		snprintf(clause, REMEDY_CLAUSE_MAX, "%s%s",
			 remedy < sizeof(clauses) / sizeof(clauses[0]) ?
				 clauses[remedy] : "", binds ? address : "");
	return clause;
}

void say_error(int result)
{
	const char *text = vionet_error_text(), *address;
	enum vionet_remedy remedy = vionet_error_remedy(&address);
	char clause[REMEDY_CLAUSE_MAX];

	say("%s%s", text[0] != '\0' ? text : strerror(-result),
	    remedy_clause(remedy, address, clause));
}

const char *text_without(const char *text, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(text, name, length) == 0 && text[length] == ':' &&
	    text[length + 1] == ' ')
		return text + length + 2;
	return text;
}

/* The exit code of each failure, on every transport; what is not here is CODE_FAILED. */
static const struct {
	int error;
	int open, run; /* enum exit_code */
} codes[] = {
	/* It is not there, or does not answer: no function, socket or back end; others
	 * have it; it may not or cannot be driven. */
	{ ENODEV, CODE_UNDRIVABLE, CODE_GONE },
	{ ENXIO, CODE_UNDRIVABLE, CODE_GONE },
	{ ENOENT, CODE_UNDRIVABLE, CODE_FAILED },
	{ ENOTCONN, CODE_UNDRIVABLE, CODE_GONE },
	{ ECONNREFUSED, CODE_UNDRIVABLE, CODE_GONE },
	{ ECONNRESET, CODE_UNDRIVABLE, CODE_GONE },
	{ EPIPE, CODE_UNDRIVABLE, CODE_GONE },
	{ ENETDOWN, CODE_UNDRIVABLE, CODE_GONE },
	{ ETIMEDOUT, CODE_UNDRIVABLE, CODE_FAILED },
	{ EBUSY, CODE_UNDRIVABLE, CODE_FAILED },
	{ EADDRINUSE, CODE_UNDRIVABLE, CODE_FAILED },
	{ EPERM, CODE_UNDRIVABLE, CODE_FAILED },
	{ ENOTSUP, CODE_UNDRIVABLE, CODE_FAILED },
	/* What was typed. */
	{ EINVAL, CODE_USAGE, CODE_FAILED },
	{ ENAMETOOLONG, CODE_USAGE, CODE_FAILED },
	/* What this process may have and do. */
	{ EACCES, CODE_PERMISSION, CODE_PERMISSION },
	{ ENOMEM, CODE_PERMISSION, CODE_PERMISSION },
	{ EMFILE, CODE_PERMISSION, CODE_PERMISSION },
	{ ENFILE, CODE_PERMISSION, CODE_PERMISSION },
	{ 0, CODE_OK, CODE_OK },
};

int code_of_open(int result)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].error == -result)
			return codes[i].open;
	return CODE_FAILED;
}

int code_of_run(int result)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].error == -result)
			return codes[i].run;
	return CODE_FAILED;
}

const char *output_failure(int error)
{
	/* Only after a signal is one cut off, and only one that stands still. */
	return error == EINTR ?
		       "the reader took none of it for a second after the signal" :
		       strerror(error);
}

int finish_output(FILE *file, const char *name)
{
	static const FILE *failed; /* once said is enough, for all that follows */
	int error;

	/* What could not be written at once has left its errno. */
	error = ferror(file) ? errno : 0;
	output_begin();
	if (fflush(file) != 0)
		error = errno;
	output_end();
	if (error == 0 && !ferror(file))
		return CODE_OK;
	if (failed != file)
		say("%s: %s", name, error != 0 ? output_failure(error) :
						 "cannot be written to");
	failed = file;
	return CODE_FAILED;
}

void refuse_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	common_say_list(format, arguments);
	va_end(arguments);
	exit(CODE_USAGE);
}

void need_parsed(int result, const struct parse_error *error)
{
	if (result != 0)
		refuse_usage("%s", error->text);
}

uint64_t need_whole(const char *option, const char *text, uint64_t min, uint64_t max)
{
	struct parse_error error;
	uint64_t value = 0;

	need_parsed(parse_whole(option, text, min, max, &value, &error), &error);
	return value;
}

uint64_t need_count(const char *option, const char *text, uint64_t min, uint64_t max)
{
	struct parse_error error;
	uint64_t value = 0;

	need_parsed(parse_count(option, text, min, max, &value, &error), &error);
	return value;
}

int need_word(const char *option, const char *text, const char *const *words)
{
	struct parse_error error;
	int choice = 0;

	need_parsed(parse_word(option, text, words, &choice, &error), &error);
	return choice;
}

/* "-h" of the command whose parser is the child. */
static error_t common_parse_help(int key, char *argument, struct argp_state *state)
{
	(void)argument;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The C library repeats the name of an option that it does not know as it is. */
static void common_refuse_unprintable(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(argv[i], "="),
			 argv[i]);
		if (name[0] == '-' && strcmp(name, clean(name)) != 0)
			refuse_usage("unrecognized option '%s'", name);
	}
}

/*
 * argp takes the name for messages and for usage lines from argv[0]: with the command
 * in it, the hint to try --help leads to the command's.
 */
void parse_arguments(const struct argp *argp, const char *name, int argc,
		     char **argv, void *input)
{
	static char full_name[32];
	const struct argp_child children[] = { { argp, 0, NULL, 0 }, { 0 } };
	const struct argp whole = {
		.options = (const struct argp_option[]){
			{ NULL, 'h', NULL, OPTION_HIDDEN, NULL, -1 },
			{ 0 },
		},
		.parser = common_parse_help,
		.children = children,
	};

	common_refuse_unprintable(argc, argv);
	snprintf(full_name, sizeof(full_name), "vionet %s", name);
	argv[0] = full_name;
	argp_err_exit_status = CODE_USAGE;
	if (argp_parse(&whole, argc, argv, 0, NULL, input) != 0)
		exit(CODE_USAGE);
}
