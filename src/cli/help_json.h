/* SPDX-License-Identifier: Apache-2.0 */
/* Help as JSON lines: what the tables of commands and schemes hold. */
#ifndef SKT_CLI_HELP_JSON_H
#define SKT_CLI_HELP_JSON_H

#include "cli/command.h"
#include "endpoint/scheme.h"

/* One object on standard output:
 * {"command":...,"summary":...,"usage":[...],"description":...,"flags":[{"flag":...,"letter":...,"type":...,"argument":...,
 * "choices":[...],"many":...,"help":...}],"examples":[{"line":...,"what":...}]}. Returns 0 or -SKT_E_IO. */
int skt_help_json_command(const struct skt_command *command);

/* One object: {"scheme":...,"summary":...,"protocol":...,"layer":...,"later":...,"listens":...,"dials":...,"example":...,
 * "options":[{"key":...,"type":...,"value":...,"choices":[...],"default":...,"role":...,"help":...}]}. Returns as above. */
int skt_help_json_scheme(const struct skt_scheme *scheme);

#endif
