/* SPDX-License-Identifier: BSD-3-Clause */
/* Filter expressions of `vionet dump` and of captures, and a frame: a line, then the frame. What is refused has a sentence; what
 * is not says the same of a frame each time, and of one that is there in part without a look behind it. */
#include <assert.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/error.h>

#include "tests/fuzz/fuzz.h"
#include "tools/shared/common.h"
#include "tools/shared/frame_filter.h"

#define TEXT_MAX 400
#define SENTENCE_MAX 1000

const char *const fuzz_words[] = {
	"udp ",
	"tcp ",
	"icmp ",
	"icmp6 ",
	"arp ",
	"ip ",
	"ip6 ",
	"vlan ",
	"mpls ",
	"host ",
	"net ",
	"port ",
	"portrange ",
	"src ",
	"dst ",
	"ether ",
	"proto ",
	"multicast ",
	"broadcast ",
	"greater ",
	"less ",
	"and ",
	"or ",
	"not ",
	"( ",
	") ",
	"10.0.0.1",
	"10.0.0.0/8",
	"2001:db8::1",
	"02:00:00:00:00:01",
	"ip[0] & 0xf != 5",
	"tcp[tcpflags]",
	"ether[12:2] = 0x800",
	"len > 60",
	"inbound ",
	"outbound ",
	"ifindex 1",
	"53",
	"domain",
	"\n",
	"\x81\x00",
	"\x08\x00\x45",
	"\x86\xdd\x60",
	NULL,
};

static unsigned int said;

/* No names of hosts: libpcap would ask the network. It is to find these before those of the C library. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
	__attribute__((visibility("default")));
struct hostent *gethostbyname(const char *name) __attribute__((visibility("default")));

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	(void)node;
	(void)service;
	(void)hints;
	*found = NULL;
	return EAI_NONAME;
}

struct hostent *gethostbyname(const char *name)
{
	(void)name;
	return NULL;
}

static bool filter_hear(void *context, const char *text)
{
	char clean[SENTENCE_MAX + 1];

	(void)context;
	said++;
	assert(strlen(text) <= SENTENCE_MAX);
	strcpy(clean, text);
	assert(strcmp(vionet_text_clean(clean), text) == 0);
	return true;
}

/* Its bytes end where the sanitizer sees it. */
static uint8_t *filter_frame(const uint8_t *bytes, uint32_t size)
{
	uint8_t *frame = malloc(size != 0 ? size : 1);

	assert(frame != NULL);
	if (size != 0)
		memcpy(frame, bytes, size);
	return frame;
}

static void filter_match(const char *text, const uint8_t *bytes, uint32_t size)
{
	struct frame_filter filter, again;
	uint32_t part = size / 2;
	uint8_t *whole, *cut;

	if (frame_filter_compile(&filter, "filter", text) != CODE_OK) {
		assert(said == 1 && !filter.set);
		return;
	}
	assert(said == 0 && filter.set == (text[0] != '\0'));
	assert(frame_filter_compile(&again, "filter", text) == CODE_OK);
	whole = filter_frame(bytes, size);
	cut = filter_frame(bytes, part);
	for (unsigned int sent = 0; sent < 2; sent++) {
		assert(frame_filter_match(&filter, sent, whole, size, size) == frame_filter_match(&again, sent, whole, size, size));
		(void)frame_filter_match(&filter, sent, cut, part, size);
	}
	free(whole);
	free(cut);
	frame_filter_free(&filter);
	frame_filter_free(&again);
	assert(frame_filter_match(&filter, false, bytes, size, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct say_listener listener = { .take = filter_hear };
	const uint8_t *end = size != 0 ? memchr(bytes, '\n', size) : NULL;
	size_t length = end != NULL ? (size_t)(end - bytes) : size;
	size_t behind = end != NULL ? length + 1 : size;
	char text[TEXT_MAX + 1] = "";

	memcpy(text, bytes, length < TEXT_MAX ? length : TEXT_MAX);
	said = 0;
	say_listen(&listener);
	filter_match(text, bytes + behind, (uint32_t)(size - behind));
	say_unlisten(&listener);
	return 0;
}
