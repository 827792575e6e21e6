/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vfio-user server says in its first message: any bytes, and any JSON that jansson may make of them. jansson
 * itself is not looked at (tests/fuzz/fuzz_vfio_user.c goes through it).
 */
#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "any.h"

#include "base/log.h"
#include "pci/vfio_user/spec.h"
#include "pci/vfio_user/version.h"

static json_t value;

static json_t *any_value(void)
{
	value.type = (json_type)any(JSON_OBJECT, JSON_NULL);
	value.refcount = any(1, UINT32_MAX);
	return any_bool() ? &value : NULL;
}

json_t *json_loads(const char *text, size_t flags, json_error_t *error)
{
	//@ assert \valid_read(text);
	Frama_C_make_unknown(error->text, sizeof(error->text));
	error->text[sizeof(error->text) - 1] = '\0';
	return any_value();
}

/* The same object says the same of a key when it is asked once more, as a macro of jansson's does. */
json_t *json_object_get(const json_t *object, const char *key)
{
	static json_t twin;
	static bool asked, has;

	if (key[0] != 's')
		return any_value();
	if (!asked)
		has = any_bool();
	asked = true;
	twin.type = (json_type)any(JSON_OBJECT, JSON_NULL);
	return has ? &twin : NULL;
}

json_int_t json_integer_value(const json_t *integer)
{
	json_int_t number;

	Frama_C_make_unknown((char *)&number, sizeof(number));
	return number;
}

void json_delete(json_t *gone)
{
}

int vn_vfu_call(struct vn_vfu_socket *socket, struct vn_vfu_message *message)
{
	if (any_bool())
		return any_bool() ? -EIO : -ENODEV;
	Frama_C_make_unknown(message->reply[0].iov_base, message->reply[0].iov_len);
	Frama_C_make_unknown(message->reply[1].iov_base, message->reply[1].iov_len);
	message->reply_size = message->reply[0].iov_len + any(0, (uint32_t)message->reply[1].iov_len);
	return 0;
}

int vn_vfu_protocol_error(struct vn_vfu_socket *socket, const char *format, ...)
{
	return -EIO;
}

void vn_log(enum vionet_log_level level, const char *format, ...)
{
}

long sysconf(int name)
{
	return 4096;
}

int main(void)
{
	static struct vn_vfu_socket socket;
	static struct vn_vfu_limits limits;

	if (vn_vfu_negotiate(&socket, &limits) == 0) {
		//@ assert limits.message_fds <= VN_VU_FDS_MAX;
		//@ assert limits.data_size <= VN_VU_DATA_MAX;
	}
	Frama_C_show_each_end();
	return 0;
}
