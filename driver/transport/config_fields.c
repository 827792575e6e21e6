/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "base/order.h"
#include "driver/transport/config_fields.h"

uint32_t vn_config_end(const struct vn_config_field *fields, unsigned int count)
{
	uint32_t end = 0;

	for (unsigned int i = 0; i < count; i++)
		if (fields[i].offset + fields[i].width > end)
			end = fields[i].offset + fields[i].width;
	return end;
}

static void config_take_field(const struct vn_config_field *field, const uint8_t *bytes)
{
	le16 two;
	le32 four;

	memcpy(&two, bytes, field->width == 2 ? 2 : 0);
	memcpy(&four, bytes, field->width == 4 ? 4 : 0);
	if (field->width == 2)
		*(uint16_t *)field->value = vn_from_le16(two);
	else if (field->width == 4)
		*(uint32_t *)field->value = vn_from_le32(four);
	else
		memcpy(field->value, bytes, field->width);
}

void vn_config_take(const struct vn_config_field *fields, unsigned int count,
		    const uint8_t *bytes)
{
	for (unsigned int i = 0; i < count; i++)
		config_take_field(&fields[i], bytes + fields[i].offset);
}
