/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, each in its cmd_NAME.c; table.c puts them in order. */
#ifndef SKT_CLI_COMMANDS_H
#define SKT_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct skt_command skt_cmd_connect;
extern const struct skt_command skt_cmd_listen;
extern const struct skt_command skt_cmd_link;
extern const struct skt_command skt_cmd_serve;
extern const struct skt_command skt_cmd_view;
extern const struct skt_command skt_cmd_ports;
extern const struct skt_command skt_cmd_flows;
extern const struct skt_command skt_cmd_who;
extern const struct skt_command skt_cmd_explain;
extern const struct skt_command skt_cmd_wait;
extern const struct skt_command skt_cmd_free;
extern const struct skt_command skt_cmd_run;
extern const struct skt_command skt_cmd_take;
extern const struct skt_command skt_cmd_close;
extern const struct skt_command skt_cmd_demo;
extern const struct skt_command skt_cmd_help;
extern const struct skt_command skt_cmd_completion;
extern const struct skt_command skt_cmd_manual;   /* not shown: for the build */
extern const struct skt_command skt_cmd_complete; /* not shown: for completion scripts */

#endif
