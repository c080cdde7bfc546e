/* SPDX-License-Identifier: Apache-2.0 */
/* How endpoints are written, as rows that help and the manual show. */
#ifndef SKT_CLI_GRAMMAR_H
#define SKT_CLI_GRAMMAR_H

#include <stddef.h>

#include "base/text.h"
#include "endpoint/scheme.h"

/* What stands on the left, and what it means (N_()). */
struct skt_row {
	const char *label;
	const char *what;
};

/* Each list ends with a NULL label. */
extern const struct skt_row skt_grammar_forms[];  /* the forms of an endpoint */
extern const struct skt_row skt_grammar_values[]; /* what the values of options and flags look like */
extern const struct skt_row skt_exit_statuses[];
extern const struct skt_row skt_environment[];       /* variables that soket reads */
extern const struct skt_row skt_child_environment[]; /* variables that soket sets for a program */

/* One paragraph before the forms, N_(). */
extern const char *const skt_grammar_intro;

/* Group g of the scheme's options as help lists them: each group once, under the first scheme that has it. Returns false where
 * the scheme has no group g, or an earlier scheme has shown it; true otherwise. Then the names of all schemes that share the
 * group are added to *names ("tcp, tcp4, tcp6"), unless they are those of the group shown before under this scheme, and need
 * no heading of their own. g is 0 to SKT_OPTGROUPS_MAX - 1. */
bool skt_grammar_group(const struct skt_scheme *scheme, int g, struct skt_text *names);

/* The scheme's summary, translated, and whether it can be opened already. */
void skt_grammar_add_summary(const struct skt_scheme *scheme, struct skt_text *ret);
/* "timeout=DURATION" */
void skt_grammar_add_option(const struct skt_optspec *spec, struct skt_text *ret);
/* What the option does, with its default and its role, translated. */
void skt_grammar_add_meaning(const struct skt_optspec *spec, struct skt_text *ret);

#endif
