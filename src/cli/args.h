/* SPDX-License-Identifier: Apache-2.0 */
/* A command line, read by its command's table: flags anywhere before "--", words, and what follows "--". */
#ifndef SKT_CLI_ARGS_H
#define SKT_CLI_ARGS_H

#include "cli/command.h"
#include "endpoint/endpoint.h"

struct skt_flag_value {
	const struct skt_flag *flag;
	const char *text;
	int64_t number; /* as struct skt_opt.number */
};

struct skt_args {
	const struct skt_command *command;
	const char **word; /* neither flags nor what follows "--"; "-" is a word, and so is a key=value */
	int n_words;
	const char *const *after; /* the words after "--" */
	int n_after;
	bool has_after; /* "--" was there */
	struct skt_flag_value *value;
	int n_values;
};

/* Read argv (without the program's and the command's name). Returns 0, -SKT_E_LIMIT, or -SKT_E_USAGE with a text that names the
 * flag and a hint with the nearest known one or with an example. Reading ends at --help: what follows is not looked at. The
 * texts stay in argv. Release with skt_args_release(), also after a failure. */
int skt_args_parse(const struct skt_command *command, int argc, char **argv, struct skt_args *ret, struct skt_error *err);
void skt_args_release(struct skt_args *args);

/* Of a flag given twice the last counts, so that an alias can be overruled. `flag` must be in the command's table. */
bool skt_args_has(const struct skt_args *args, const char *flag);
int64_t skt_args_number(const struct skt_args *args, const char *flag, int64_t otherwise);
const char *skt_args_string(const struct skt_args *args, const char *flag, const char *otherwise);
/* The i-th value of a flag that may be given several times, or NULL after the last. */
const char *skt_args_each(const struct skt_args *args, const char *flag, int i);

/* Take the endpoint that begins at word *at, with the key=value words behind it, and move *at behind them.
 * Returns 0, or -kind: where the word is missing, the error says what is expected (`what`: "FROM", "an endpoint"). After a
 * failure *at is as it was, and err->at, where there is one, counts in skt_say_source(args, *at). */
int skt_args_endpoint(const struct skt_args *args, int *at, const char *what, struct skt_endpoint *ret,
		      struct skt_error *err);
/* After the last endpoint: 0, or -SKT_E_USAGE that names the first word left over. */
int skt_args_finish(const struct skt_args *args, int at, struct skt_error *err);

#endif
