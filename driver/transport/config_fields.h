/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields of a configuration that came as bytes: in a message, or by an ioctl. */
#ifndef VN_DRIVER_TRANSPORT_CONFIG_FIELDS_H
#define VN_DRIVER_TRANSPORT_CONFIG_FIELDS_H

#include "driver/transport/transport.h"

/* How many bytes of a configuration hold all these fields. */
uint32_t vn_config_end(const struct vn_config_field *fields, unsigned int count);

/* Take the fields out of a configuration in the device's byte order. */
void vn_config_take(const struct vn_config_field *fields, unsigned int count,
		    const uint8_t *bytes);

#endif
