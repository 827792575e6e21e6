/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first message, and the JSON in it. Never takes more JSON than a page: the parser's
 * memory is bounded by that.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/error.h"
#include "base/log.h"
#include "pci/vfio_user/spec.h"
#include "pci/vfio_user/version.h"

#define JSON_MAX 4096

/* Our side of it: also the most that the server may choose from. */
#define PROPOSAL                                                               \
	"{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u,"     \
	"\"max_dma_maps\":%u,\"pgsizes\":%u}}"
#define HUGEPAGE (2u << 20)

/* Read one number, if it is there, and see that it lies in bounds. */
static int vfu_version_number(struct vn_vfu_socket *s, const json_t *capabilities,
			      const char *key, uint64_t least, uint64_t most,
			      uint64_t *value)
{
	const json_t *given = json_object_get(capabilities, key);

	if (given == NULL)
		return 0;
	if (!json_is_integer(given))
		return vn_vfu_protocol_error(s, "capability %s is no whole number",
					     key);
	if (json_integer_value(given) < (json_int_t)least ||
	    (uint64_t)json_integer_value(given) > most)
		return vn_vfu_protocol_error(s, "capability %s is %" JSON_INTEGER_FORMAT
					     ", which makes no sense", key,
					     json_integer_value(given));
	*value = (uint64_t)json_integer_value(given);
	return 0;
}

/* We did not offer it, so the server may not use it: its commands would come where we
 * do not look. */
static int vfu_no_twin(struct vn_vfu_socket *s, const json_t *capabilities)
{
	const json_t *twin = json_object_get(capabilities, "twin_socket");

	if (json_is_true(json_object_get(twin, "supported")))
		return vn_vfu_protocol_error(s,
					     "it sets up a twin socket, which was not "
					     "offered");
	return 0;
}

static uint32_t vfu_at_most(uint64_t value, uint32_t most)
{
	return value < most ? (uint32_t)value : most;
}

static int vfu_negotiate(struct vn_vfu_socket *s, const json_t *capabilities,
			 struct vn_vfu_limits *limits)
{
	uint64_t fds = VU_DEFAULT_MSG_FDS, data = VU_DEFAULT_DATA_XFER_SIZE;
	uint64_t maps = VU_DEFAULT_DMA_MAPS, pages = VU_DEFAULT_PGSIZES;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int result = vfu_version_number(s, capabilities, "max_msg_fds", 1, 65536, &fds);

	/* Registers are up to 8 bytes wide, and not to be torn. */
	if (result == 0)
		result = vfu_version_number(s, capabilities, "max_data_xfer_size", 8,
					    INT64_MAX, &data);
	if (result == 0)
		result = vfu_version_number(s, capabilities, "max_dma_maps", 1,
					    INT64_MAX, &maps);
	if (result == 0)
		result = vfu_version_number(s, capabilities, "pgsizes", 1, INT64_MAX,
					    &pages);
	if (result == 0)
		result = vfu_no_twin(s, capabilities);
	if (result != 0)
		return result;
	limits->message_fds = vfu_at_most(fds, VN_VU_FDS_MAX);
	limits->data_size = vfu_at_most(data, VN_VU_DATA_MAX);
	limits->dma_maps = vfu_at_most(maps, UINT32_MAX);
	/* Smaller pages are ours too, in multiples. */
	limits->page_sizes = (pages & ~(page - 1)) | (pages & (page - 1) ? page : 0);
	if ((limits->page_sizes & page) == 0)
		return vn_error(ENOTSUP, "%s: the server maps pages of the sizes %#"
				PRIx64 " only; ours have %" PRIu64 " bytes", s->name,
				pages, page);
	return 0;
}

/* "Optional": a server may say nothing at all. */
static int vfu_read_version(struct vn_vfu_socket *s, const char *text, size_t size,
			    struct vn_vfu_limits *limits)
{
	json_error_t error;
	json_t *root, *capabilities;
	int result;

	if (size == 0)
		return vfu_negotiate(s, NULL, limits);
	if (memchr(text, '\0', size) != text + size - 1)
		return vn_vfu_protocol_error(
			s, "its capabilities do not end in a zero byte");
	root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL && json_error_code(&error) == json_error_out_of_memory)
		return vn_error(ENOMEM, "no memory for the server's capabilities");
	if (root == NULL)
		return vn_vfu_protocol_error(s, "its capabilities are no JSON: %.80s",
					     error.text);
	capabilities = json_object_get(root, "capabilities");
	if (!json_is_object(root) ||
	    (capabilities != NULL && !json_is_object(capabilities)))
		result = vn_vfu_protocol_error(s,
					       "its capabilities are no JSON object");
	else
		result = vfu_negotiate(s, capabilities, limits);
	json_decref(root);
	return result;
}

int vn_vfu_negotiate(struct vn_vfu_socket *s, struct vn_vfu_limits *limits)
{
	struct vfu_version ours = { VU_MAJOR, VU_MINOR }, theirs;
	char proposal[256], reply[JSON_MAX];
	struct vn_vfu_message message = {
		.command = VU_VERSION,
		.what = "agree on a version",
		.request = { { &ours, sizeof(ours) }, { proposal, 0 } },
		.reply = { { &theirs, sizeof(theirs) },
			   { reply, sizeof(reply) } },
	};
	int result;

	snprintf(proposal, sizeof(proposal), PROPOSAL, VN_VU_FDS_MAX, VN_VU_DATA_MAX,
		 VU_DEFAULT_DMA_MAPS, (unsigned int)sysconf(_SC_PAGESIZE) | HUGEPAGE);
	message.request[1].iov_len = strlen(proposal) + 1;
	result = vn_vfu_call(s, &message);
	if (result == -ENODEV)
		return vn_error(ENODEV, "%s: the server hung up at once: it has a driver "
				"already (most serve one at a time), or speaks something "
				"else than vfio-user", s->name);
	if (result != 0)
		return result;
	if (theirs.major != VU_MAJOR || theirs.minor > VU_MINOR)
		return vn_error(ENOTSUP, "%s: the server speaks vfio-user %u.%u, and "
				"not %u.%u or less", s->name, theirs.major,
				theirs.minor, VU_MAJOR, VU_MINOR);
	result = vfu_read_version(s, reply, message.reply_size - sizeof(theirs),
				  limits);
	if (result == 0)
		vn_log(VIONET_LOG_DEBUG, "%s: handshake: vfio-user %u.%u", s->name,
		       theirs.major, theirs.minor);
	return result;
}
