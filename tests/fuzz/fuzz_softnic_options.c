/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines of `vionet-softnic`, an argument a line: refused with one sentence, or accepted, and within the bounds that are
 * promised. */
#include <argp.h>
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "softnic/check/verdict.h"
#include "softnic/fault/fault.h"
#include "softnic/features.h"
#include "softnic/options.h"
#include "tests/fuzz/command_line.h"
#include "tests/fuzz/fuzz.h"

#define SENTENCE_MAX 511

const char *const fuzz_words[] = {
	"--listen=/a",
	"--vhost-user",
	"--connect=/a",
	"--vduse=a",
	"--once",
	"--features=",
	"+all",
	"-all",
	"-IN_ORDER",
	"=VERSION_1,",
	"bit41",
	"--queues=",
	"--queue-size=",
	"--control-size=",
	"--mac=52:54:00:12:34:56",
	"--mtu=",
	"--speed=",
	"--duplex=half",
	"--vectors=",
	"--notify=page",
	"--notify=write",
	"--notify-multiplier=0",
	"--transitional",
	"--peer=",
	"--lossless",
	"--limit=100kpps",
	"1.5M:64",
	"--poll",
	"--strict",
	"--report=a.xml",
	"--shuffle",
	"--reset-time=",
	"--fault=",
	"C16=7,",
	"D01",
	"--trace=a",
	"--control=/a",
	"--list-requirements",
	"--list-faults",
	"65536",
	"4294967296",
	"--",
	NULL,
};

static unsigned int said;
static bool null_typed; /* "(null)" of the input */
static struct options options;

/* ---- the end ---- */

void __wrap_argp_error(const struct argp_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

void __wrap_argp_error(const struct argp_state *state, const char *format, ...)
{
	char text[SENTENCE_MAX + 2];
	va_list arguments;
	int length;

	(void)state;
	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	assert(length > 0 && length <= SENTENCE_MAX && (null_typed || strstr(text, "(null)") == NULL));
	for (const char *at = text; *at != '\0'; at++)
		assert((unsigned char)*at >= ' ' && *at != 0x7f);
	said++;
	command_line_leave(EXIT_COMMAND_LINE);
}

void __wrap_requirement_list(FILE *out);
void __wrap_fault_list(FILE *out);

void __wrap_requirement_list(FILE *out)
{
	(void)out;
}

void __wrap_fault_list(FILE *out)
{
	(void)out;
}

/* ---- what is accepted ---- */

static void options_check(const struct options *given)
{
	assert((given->listen != NULL) + (given->connect != NULL) + (given->vduse != NULL) == 1);
	assert(given->queue_pairs >= 1 && given->queue_pairs <= QUEUE_PAIRS_MAX);
	assert(given->queue_size >= 1 && given->queue_size <= RING_SIZE_MAX);
	assert(given->control_size >= 1 && given->control_size <= RING_SIZE_MAX);
	assert(given->mtu >= 68 && given->vectors <= VECTORS_MAX && given->duplex <= 1);
	assert(given->notify_multiplier % 4 == 0 && given->notify_multiplier <= 4096);
	assert(given->reset_ms <= 600000 && given->peer != NULL && given->transport != NULL);
	assert(given->control == NULL || given->faults != NULL);
	assert(given->transport->registers || fault_of_registers() == NULL);
	assert(given->transport->registers || given->offer.word[1] == 0);
}

static void options_run(int argc, char **argv)
{
	options_parse(argc, argv, &options);
	options_check(&options);
	command_line_accept();
}

/* Those of the line before. */
static void options_forget_faults(void)
{
	static struct device device;

	for (unsigned int i = 0; i < FAULT_COUNT; i++)
		assert(fault_switch(&device, fault_id((enum fault)i), false) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int code;

	said = 0;
	null_typed = size != 0 && memmem(bytes, size, "(null)", 6) != NULL;
	code = command_line_run("vionet-softnic", bytes, size, options_run);
	assert(code == COMMAND_LINE_ACCEPTED || code == 0 || code == EXIT_COMMAND_LINE);
	assert(said == 0 || code == EXIT_COMMAND_LINE);
	options_forget_faults();
	return 0;
}
