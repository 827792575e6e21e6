/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/vfio_user/server.h"

const struct transport vfio_user_transport = {
	.name = "vfio-user",
	.registers = true,
	.steps = true,
	.open = server_open,
	.close = server_close,
	.accept = server_accept,
	.serve = server_serve,
	.hang_up = server_hang_up,
	.interrupt_config = interrupts_config_vector,
};
