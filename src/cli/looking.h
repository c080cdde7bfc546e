/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that look at the machine have in common: namespaces to look into, and what could not be seen. */
#ifndef SKT_CLI_LOOKING_H
#define SKT_CLI_LOOKING_H

#include "cli/args.h"
#include "inspect/census.h"

/* Rows of the flag tables. */
#define SKT_FLAG_NETNS                                                                   \
	{                                                                                \
		.name = "netns", .type = SKT_OPT_STRING, .argument = "NAME|PID",         \
		.help = N_("look into that network namespace, by its name or a process") \
	}
#define SKT_FLAG_ALL_NETNS                                                                       \
	{                                                                                        \
		.name = "all-netns", .help = N_("look into every network namespace; needs root") \
	}

/* Take over --netns and --all-netns, where the command's table has them. Returns 0, or -SKT_E_USAGE where both are given. */
int skt_looking_spec(const struct skt_args *args, struct skt_census_spec *spec, struct skt_error *err);
/* Say, each in one line on stderr and not with -q, what the census could not see: sockets without their process, netlink that
 * is closed, a list that may be incomplete, namespaces that could not be entered. */
void skt_looking_say(const struct skt_census *c);

#endif
