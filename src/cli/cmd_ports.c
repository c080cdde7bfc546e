/* SPDX-License-Identifier: Apache-2.0 */
/* soket ports. */
#include "cli/commands.h"

static int ports_run(const struct skt_args *args)
{
	(void)args;
	return SKT_E_BUG;
}

const struct skt_command skt_cmd_ports = {
	.name = "ports", .summary = "ports", .synopsis = "", .description = "", .run = ports_run
};
