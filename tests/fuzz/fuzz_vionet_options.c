/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command lines of `vionet`, an argument a line: refused with one sentence, or accepted. A generator's that is accepted stands
 * for a configuration that is written and read again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/error.h>

#include "tests/fuzz/command_line.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/round_trip.h"
#include "tools/pktgen/options.h"
#include "tools/shared/common.h"
#include "tools/test/options.h"

#define SENTENCE_MAX 700

const char *const fuzz_words[] = {
	"list\n",
	"bind\n",
	"unbind\n",
	"info\n",
	"set\n",
	"migrate\n",
	"stats\n",
	"pktgen\n",
	"test\n",
	"dump\n",
	"tap\n",
	"echo\n",
	"forward\n",
	"vfio-user:/a",
	"vfio-user:/a,vfio-user:/b",
	"vhost-user:/a,server,wait=1",
	"vhost-vdpa:/dev/vhost-vdpa-0",
	"0000:00:04.0",
	"vdpa0",
	"--json",
	"--iommu=",
	"type1",
	"iommufd",
	"none",
	"--no-iommu",
	"--vf-token=new",
	"--fds=device=0,iommufd=1",
	"--fds=listen",
	"--avoid=",
	"--want=",
	"CTRL_VQ,",
	"MQ",
	"RSC_EXT",
	"bit41",
	"--set=",
	"mac=02:00:00:00:00:01",
	"queues=2",
	"rss=all",
	"--strict",
	"--assume-iommu",
	"--writable-rings",
	"--reset-timeout=",
	"--sandbox",
	"--queues=",
	"--queue-size=64",
	"--cpus=0,2-3",
	"--mode=",
	"poll",
	"interrupt",
	"spin",
	"--count=",
	"--duration=",
	"--interval=",
	"10ms",
	"1.5k",
	"50%",
	"10Mbit",
	"99.9%:100us",
	"--rate=",
	"--size=",
	"imix",
	"60-1514",
	"64-1518:128",
	"60:7,590:4",
	"--arrival=poisson",
	"--burst-frames=",
	"--burst-gap=",
	"--bursts=",
	"--offload=",
	"checksum",
	"segment:1400",
	"--flows=",
	"--vlan=8021ad:3.4",
	"--mpls=1.2",
	"--pcp=3",
	"--src-ip=",
	"--dst-ip=",
	"10.0.0.0/24",
	"10.0.0.1-10.0.0.9",
	"2001:db8::1",
	"--src-mac=",
	"02:00:00:00:00:01+16",
	"--src-port=1-9:2",
	"--tcp",
	"--icmp",
	"--ipv6",
	"--vxlan=1",
	"--gre",
	"--gtp=7",
	"--outer-src-ip=",
	"--outer-dst-mac=",
	"--pad=off",
	"--payload=zero",
	"--bidirectional",
	"--seed=",
	"--config=config",
	"--config=-",
	"--port=b=vfio-user:/b",
	"--print-config=json",
	"--rx-only",
	"--no-rx",
	"--stream=3",
	"--warmup=",
	"--linger=",
	"--max-loss=",
	"--max-latency=",
	"--replay=a",
	"--replay-speed=2x",
	"--replay-map=10.0.0.0/8=11.0.0.0/8",
	"--replay-map-port=80=8080",
	"--loop=0",
	"--template=a:2",
	"--capture=a",
	"--capture-filter=udp",
	"--capture-files=2",
	"--capture-size=100M",
	"--capture-snaplen=64",
	"--respond",
	"--address=10.0.0.2/24",
	"--gateway=10.0.0.1",
	"--listen=127.0.0.1:80",
	"--listen=unix:/a",
	"--view",
	"throughput\n",
	"latency\n",
	"loss\n",
	"back-to-back\n",
	"ndr\n",
	"soak\n",
	"--sizes=64,imix",
	"--loss-ratios=0,0.5%",
	"--direction=one",
	"--min-throughput=",
	"--trial=",
	"--step=",
	"--width=",
	"-w\n",
	"-x",
	"--snaplen=",
	"--netns=",
	"--straight",
	"--stations=",
	"--aging=",
	"--udp-port=",
	"--hold",
	"--driver=",
	"--group",
	"--force",
	"--",
	"-h",
	NULL,
};

int vionet_main(int argc, char **argv);

/* ---- what is said ---- */

static unsigned int said;
static bool null_typed; /* "(null)" of the input */
static bool shows;	/* all of the input: else no configuration is printed of it */

static bool options_show(const uint8_t *bytes, size_t size)
{
	char *text = strndup((const char *)bytes, size), *copy;
	bool shows_all;

	assert(text != NULL);
	for (char *at = text; *at != '\0'; at++)
		*at = *at == '\n' ? ' ' : *at;
	copy = strdup(text);
	assert(copy != NULL);
	shows_all = strlen(text) == size && strcmp(vionet_text_clean(copy), text) == 0;
	free(copy);
	free(text);
	return shows_all;
}

static bool sentence_take(void *context, const char *text)
{
	char clean[SENTENCE_MAX + 1];

	(void)context;
	said++;
	assert(text[0] != '\0' && strlen(text) <= SENTENCE_MAX && (null_typed || strstr(text, "(null)") == NULL));
	strcpy(clean, text);
	assert(strcmp(vionet_text_clean(clean), text) == 0);
	return true;
}

/* What is printed beside it: keys of `vionet set`. */
int __real_fputs(const char *text, FILE *stream);
int __wrap_fputs(const char *text, FILE *stream);

int __wrap_fputs(const char *text, FILE *stream)
{
	return command_line_runs() ? 0 : __real_fputs(text, stream);
}

/* ---- files, which are those of a process and not of a line ---- */

void __wrap_own_file_reads(const char *path);
int __wrap_own_file_writes(const char *option, const char *path);

void __wrap_own_file_reads(const char *path)
{
	assert(path != NULL);
}

int __wrap_own_file_writes(const char *option, const char *path)
{
	(void)option, (void)path;
	return CODE_OK;
}

/* ---- what is accepted ---- */

void __real_parse_arguments(const struct argp *argp, const char *name, int argc, char **argv, void *input);
void __wrap_parse_arguments(const struct argp *argp, const char *name, int argc, char **argv, void *input);

void __wrap_parse_arguments(const struct argp *argp, const char *name, int argc, char **argv, void *input)
{
	__real_parse_arguments(argp, name, argc, argv, input);
	assert(said == 0);
	if (!shows)
		command_line_accept();
	if (strcmp(name, "pktgen") == 0)
		fuzz_round_trip(&((struct pktgen_options *)input)->traffic);
	if (strcmp(name, "test") == 0)
		fuzz_round_trip(&((struct test_options *)input)->traffic);
	command_line_accept();
}

/* Whole texts, and the lists of others. */
static void options_run(int argc, char **argv)
{
	static const char *const texts[] = { "help", "--help", "-h", "-?", "--usage", "--version", "-V" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (argc < 2 || strcmp(argv[1], texts[i]) == 0)
			return;
	command_line_leave(vionet_main(argc, argv));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct say_listener listener = { .take = sentence_take };
	int code;

	said = 0;
	null_typed = size != 0 && memmem(bytes, size, "(null)", 6) != NULL;
	shows = size != 0 && options_show(bytes, size);
	say_listen(&listener);
	code = command_line_run("vionet", bytes, size, options_run);
	say_unlisten(&listener);
	/* argp itself says that it does not know an option: that is the only sentence that is not ours. */
	assert(code == COMMAND_LINE_ACCEPTED || code == CODE_OK || code == CODE_USAGE || code == CODE_PERMISSION);
	assert(said <= 1);
	return 0;
}
