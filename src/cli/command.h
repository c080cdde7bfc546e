/* SPDX-License-Identifier: Apache-2.0 */
/* The commands and their flags as tables: parsing, help, completion and manual pages all come from here. */
#ifndef SKT_CLI_COMMAND_H
#define SKT_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "endpoint/scheme.h"

struct skt_flag {
	const char *name;      /* "max": written --max */
	char letter;           /* 'm': also written -m; 0 for none */
	enum skt_opttype type; /* BOOL takes no argument; the others take one, as --max 5, --max=5 or -m5 */
	int64_t min, max;      /* bounds of INT, DURATION and SIZE; 0, 0 for none */
	const char *choices;   /* WORD: "a|b|c" */
	const char *argument;  /* "N", "DURATION", "CIDR" in help */
	bool many;             /* may be given several times */
	const char *help;      /* one line, N_() */
};

struct skt_example {
	const char *line; /* a command line that works as it stands */
	const char *what; /* what it does, N_() */
};

struct skt_args;

struct skt_command {
	const char *name;
	const char *summary;     /* one line, N_() */
	const char *synopsis;    /* "E [OPTION=VALUE]... [FLAGS]", without "soket NAME" */
	const char *description; /* paragraphs for the manual, N_(); "\n\n" between them */
	const struct skt_flag *flags; /* ended by a NULL name; the common ones (help json verbose quiet) are added to every command */
	const struct skt_example *examples; /* ended by a NULL line */
	int takes_endpoints; /* how many at most; completion offers schemes and options, the manual explains them */
	const char *words; /* what completes its words: as skt_completion_add_flag_value() says; NULL for nothing known */
	int (*run)(const struct skt_args *args); /* the exit status: a kind of enum skt_err, or a child's own */
};

/* Command i in the order that help shows them, or NULL after the last. */
const struct skt_command *skt_command_at(int i);
/* The command of that name, or NULL. Finds also those that are not listed. */
const struct skt_command *skt_command_find(const char *name);
/* Flag i of the command: its own first, then the common ones; NULL after the last. */
const struct skt_flag *skt_command_flag_at(const struct skt_command *command, int i);
/* Flag i of those that every command has, or NULL after the last. */
const struct skt_flag *skt_flag_common_at(int i);

#endif
