/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, each in its cmd_NAME.c; table.c puts them in order. */
#ifndef SKT_CLI_COMMANDS_H
#define SKT_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct skt_command skt_cmd_connect;
extern const struct skt_command skt_cmd_listen;
extern const struct skt_command skt_cmd_link;
extern const struct skt_command skt_cmd_explain;
extern const struct skt_command skt_cmd_demo;
extern const struct skt_command skt_cmd_help;
extern const struct skt_command skt_cmd_completion;
extern const struct skt_command skt_cmd_manual; /* not shown: for the build */

#endif
