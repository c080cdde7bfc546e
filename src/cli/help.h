/* SPDX-License-Identifier: Apache-2.0 */
/* Help on standard output, made from the tables: for people within 80 columns, or as JSON lines. */
#ifndef SKT_CLI_HELP_H
#define SKT_CLI_HELP_H

#include <stdbool.h>

#include "base/text.h"
#include "cli/command.h"
#include "endpoint/scheme.h"

/* Each returns an exit status: 0, or SKT_E_IO where the output is not complete. */

/* All commands, and what they share. */
int skt_help_overview(bool json);
int skt_help_command(const struct skt_command *command, bool json);
/* How endpoints are written, and every scheme with its options. */
int skt_help_endpoints(bool json);
int skt_help_scheme(const struct skt_scheme *scheme, bool json);

/* A few friendly lines on standard error for "soket" without a word. Returns SKT_E_USAGE. */
int skt_help_nothing(void);

/* "-m, --max N", or with four blanks where there is no letter. */
void skt_help_flag_label(const struct skt_flag *flag, struct skt_text *ret);
/* What the flag does, which words it takes, and whether it may be repeated; translated. */
void skt_help_flag_meaning(const struct skt_flag *flag, struct skt_text *ret);

/* What soket is, in a few words and in a sentence, N_(); and what to try first. */
extern const char *const skt_overview_summary;
extern const char *const skt_overview_intro;
extern const struct skt_example skt_overview_examples[];

#endif
