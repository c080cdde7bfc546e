/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages as scdoc(5) source, made from the tables. */
#ifndef SKT_CLI_MANUAL_H
#define SKT_CLI_MANUAL_H

#include "base/text.h"
#include "cli/command.h"

/* soket(1) */
void skt_manual_overview(struct skt_text *t);
/* soket-NAME(1) */
void skt_manual_command(const struct skt_command *command, struct skt_text *t);
/* soket-endpoints(7) */
void skt_manual_endpoints(struct skt_text *t);

#endif
