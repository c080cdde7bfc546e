/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts, written from the tables of commands and schemes. */
#ifndef SKT_CLI_COMPLETION_H
#define SKT_CLI_COMPLETION_H

#include "base/text.h"
#include "cli/command.h"
#include "endpoint/scheme.h"

/* Append the whole script of one shell. */
void skt_completion_bash(struct skt_text *t);
void skt_completion_zsh(struct skt_text *t);
void skt_completion_fish(struct skt_text *t);

/* What a value is completed with: words with blanks between them, or one of "@file", "@directory", "@command", "@host",
 * "@user", "@group" and "@interface", which the scripts know; or one of the kinds that `soket complete KIND` lists live (cmd_complete.c),
 * as "@port"; "" where nothing can be offered. The words of choices are appended to `ret`, the others too. */
void skt_completion_add_flag_value(const struct skt_flag *flag, struct skt_text *ret);
void skt_completion_add_option_value(const struct skt_optspec *spec, struct skt_text *ret);
/* The same for what follows "scheme:". */
const char *skt_completion_address(const struct skt_scheme *scheme);
/* The same for the words of a command: the topics of help, and what its table says. */
void skt_completion_add_words(const struct skt_command *command, struct skt_text *ret);

/* Append s in single quotes, as a shell reads it back; where `escape` is not 0, with a backslash before each such character. */
void skt_completion_quote(struct skt_text *t, const char *s, char escape);

#endif
