/* SPDX-License-Identifier: BSD-3-Clause */
/* What all subcommands share: exit codes, messages, and the options that say how to open a
 * device. */
#ifndef VIONET_TOOLS_COMMON_H
#define VIONET_TOOLS_COMMON_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vionet/device.h>

#include "tools/shared/parse.h"
#include "tools/shared/settings.h"
#include "tools/shared/stop.h"

/* Exit codes: a promise of the man page. */
enum exit_code {
	CODE_OK = 0,
	CODE_FAILED = 1,     /* while running: I/O error, timeout */
	CODE_USAGE = 2,	     /* bad command line */
	CODE_UNDRIVABLE = 3, /* not found, not bound, refused */
	CODE_PERMISSION = 4, /* permission or limits */
	CODE_GONE = 5,	     /* the device went away or broke while running */
	CODE_LIMIT = 6,	     /* all went well, and a limit of the command line was not kept */
};

/* The subcommands: argv[0] is "vionet", the rest follows their name. They return
 * an exit code. */
int command_list(int argc, char **argv);
int command_bind(int argc, char **argv);
int command_unbind(int argc, char **argv);
int command_info(int argc, char **argv);
int command_pktgen(int argc, char **argv);
int command_test(int argc, char **argv);
int command_dump(int argc, char **argv);
int command_set(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_tap(int argc, char **argv);
int command_echo(int argc, char **argv);
int command_forward(int argc, char **argv);
int command_migrate(int argc, char **argv);

/* What a word gets behind so many: "" for one, else "s". */
const char *plural(uint64_t count);

/* Print "vionet: TEXT" on stderr, on a line of its own. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Somebody who is given each message too, without "vionet: ", by the thread that says it; `take` must
 * not say anything itself. True: it is kept: not printed now, and no older one is given it. */
struct say_listener {
	bool (*take)(void *context, const char *text);
	void *context;
	struct say_listener *next; /* say's own */
};

void say_listen(struct say_listener *listener);
void say_unlisten(struct say_listener *listener);

/* The longest that --reset-timeout and --reply-timeout may say. */
#define RESET_SECONDS_MAX 600u
#define REPLY_SECONDS_MAX 600u

/* What they say: a remedy offers more. */
void note_reset_timeout(unsigned int ms);
void note_reply_timeout(unsigned int ms);

/* The same with the library's text of its last failure (or, lacking one, the
 * meaning of `result`), and what to type about it. */
void say_error(int result);

#define REMEDY_CLAUSE_MAX 128

/* What to type about a failure, to stand behind the library's text: "; run: vionet bind
 * 0000:00:04.0", or "". `remedy`: vionet_remedy. Returns `clause`. */
const char *remedy_clause(unsigned int remedy, const char *address,
			  char clause[REMEDY_CLAUSE_MAX]);

/* A name or text of others, for standard output, a JSON object or a line that does not go
 * through say: as vionet_text_clean makes it. Two names may stand in one line: a result is valid
 * until this thread calls it twice more. */
const char *clean(const char *text);

/* A live line is on the terminal: messages begin on a fresh one. */
void say_set_live(bool live);
bool say_is_live(void);

/* An error text of the library without "NAME: " in front, where the device has been
 * named already. */
const char *text_without(const char *text, const char *name);

/* The exit code for a negative result of finding, binding or opening, and of a
 * call on an open device. */
int code_of_open(int result);
int code_of_run(int result);

/* Flush `file` and see whether everything written to it has arrived; if not, say so,
 * once for a file (`name`: what it is), and return CODE_FAILED. */
int finish_output(FILE *file, const char *name);

/* Why something could not be written. */
const char *output_failure(int error);

/* That many devices may be opened by descriptors. */
#define FDS_MAX 16

/* How to open a device, from the command line. */
struct device_options {
	const char *name;
	struct vionet_open_options open;
	/* Of each device, in the order of --fds; `fds_use`: which are this one's. */
	struct vionet_device_fds fds[FDS_MAX];
	unsigned int fds_count, fds_use;
	unsigned int fds_max; /* 0: one */
	bool sandbox;
	struct settings settings; /* applied once it is started */
	/* Features that the command makes use of where they are offered; --avoid excepts. */
	struct vionet_features prefer;
};

/* --assume-iommu, --avoid and so on: a child parser whose input is a struct
 * device_options; and --set, for commands that start the device. */
extern const struct argp device_argp;
extern const struct argp setting_argp;

/* --sandbox, for commands that call session_confine; as device_argp. */
extern const struct argp sandbox_argp;

/* Does it say anything of how to open? */
bool device_options_any(const struct device_options *options);

/* --queues (0: not given) and --set queues=N are the same; 1 without both. Leaves the program where
 * they contradict each other. */
uint32_t choose_queues(const struct device_options *options, uint64_t given);

/* How to wait for frames. */
enum wait_mode {
	WAIT_POLL,
	WAIT_INTERRUPT,
	WAIT_SPIN,
};

/* Their words on the command line, in this order; NULL behind the last. */
extern const char *const wait_mode_words[];

/* argp_parse for a subcommand. `name` is for the usage line. Does not return on --help,
 * --usage, --version and bad command lines. */
void parse_arguments(const struct argp *argp, const char *name, int argc,
		     char **argv, void *input);

/* For parsers: print the text and leave with CODE_USAGE. */
void refuse_usage(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* For parsers: leave with the error's text if `result` is not 0. */
void need_parsed(int result, const struct parse_error *error);

/* The same at once: parse_whole, parse_count and parse_word. */
uint64_t need_whole(const char *option, const char *text, uint64_t min, uint64_t max);
uint64_t need_count(const char *option, const char *text, uint64_t min, uint64_t max);
int need_word(const char *option, const char *text, const char *const *words);

#endif
