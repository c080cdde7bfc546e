/* SPDX-License-Identifier: Apache-2.0 */
/* A command line, read by its command's table.
 *
 * How it works: one pass over argv. A word that begins with "-" and is longer than that is a flag, or several letters in one;
 * its argument is what follows it in the same word, or the next word. "--" ends the pass. All else is kept as a word; which
 * words are endpoints and which are their options is asked later, by the commands. */
#include "cli/args.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "base/word.h"

/* Where the pass stands. */
struct args_reader {
	struct skt_args *args;
	int argc, next; /* next: the first word not looked at yet */
	char **argv;
	size_t cap; /* of args->value */
	struct skt_error *err;
};

/* The flag of that name (n bytes of it), or NULL. */
static const struct skt_flag *args_flag_named(const struct skt_command *command, const char *name, size_t n)
{
	const struct skt_flag *flag;

	for (int i = 0; (flag = skt_command_flag_at(command, i)) != NULL; i++)
		if (strncmp(flag->name, name, n) == 0 && flag->name[n] == '\0')
			return flag;
	return NULL;
}

static const struct skt_flag *args_flag_lettered(const struct skt_command *command, char letter)
{
	const struct skt_flag *flag;

	for (int i = 0; (flag = skt_command_flag_at(command, i)) != NULL; i++)
		if (flag->letter == letter)
			return flag;
	return NULL;
}

static int args_fail_unknown(struct args_reader *r, const char *word)
{
	const struct skt_command *command = r->args->command;
	struct skt_nearest nearest = { 0 };
	const struct skt_flag *flag;
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + strspn(word, "-"), "="), word + strspn(word, "-"));
	nearest.wanted = name;
	for (int i = 0; strlen(name) > 1 && (flag = skt_command_flag_at(command, i)) != NULL; i++)
		skt_nearest_offer(&nearest, flag->name);
	skt_fail(r->err, SKT_E_USAGE, 0, _("%s has no flag %.*s"), command->name, (int)strcspn(word, "="), word);
	if (nearest.word)
		skt_hint(r->err, _("did you mean --%s?"), nearest.word);
	else
		skt_hint(r->err, _("soket %s --help lists its flags; after \"--\" come the words of a command to run"),
			 command->name);
	return -SKT_E_USAGE;
}

/* A value that the flag would take. */
static const char *args_example(const struct skt_flag *flag, char *buf, size_t n)
{
	switch (flag->type) {
	case SKT_OPT_INT:
		(void)snprintf(buf, n, "%" PRId64,
			       flag->min > 4                ? flag->min
			       : flag->max && flag->max < 4 ? flag->max
							    : 4);
		return buf;
	case SKT_OPT_DURATION:
		return "5s";
	case SKT_OPT_SIZE:
		return "64K";
	case SKT_OPT_RATE:
		return "10Mbit";
	case SKT_OPT_MODE:
		return "0640";
	case SKT_OPT_WORD:
		(void)snprintf(buf, n, "%.*s", (int)strcspn(flag->choices, "|"), flag->choices);
		return buf;
	case SKT_OPT_BOOL:
	case SKT_OPT_STRING:
		break;
	}
	if (flag->argument && strcmp(flag->argument, "CIDR") == 0)
		return "10.0.0.0/8";
	return flag->argument ? flag->argument : "TEXT";
}

static void args_hint_example(const struct skt_flag *flag, struct skt_error *err)
{
	char buf[64];

	skt_hint(err, _("for example: --%s %s"), flag->name, args_example(flag, buf, sizeof(buf)));
}

static int args_mode_parse(const char *s, int64_t *ret)
{
	int64_t mode = 0;
	size_t n = strlen(s);

	if (n == 0 || n > 5 || strspn(s, "01234567") != n)
		return -SKT_E_USAGE;
	for (; *s; s++)
		mode = mode * 8 + (*s - '0');
	if (mode > 07777)
		return -SKT_E_USAGE;
	*ret = mode;
	return 0;
}

/* The index of s among choices "a|b|c". */
static int args_word_parse(const char *s, const char *choices, int64_t *ret)
{
	int64_t i = 0;

	for (const char *c = choices; *c; i++) {
		size_t n = strcspn(c, "|");

		if (strlen(s) == n && strncmp(s, c, n) == 0) {
			*ret = i;
			return 0;
		}
		c += n + (c[n] == '|');
	}
	return -SKT_E_USAGE;
}

/* What the value should have been. */
static const char *args_expected(const struct skt_flag *flag)
{
	switch (flag->type) {
	case SKT_OPT_INT:
		return _("a whole number");
	case SKT_OPT_DURATION:
		return _("a duration; it needs a number and a unit: ms s m h d");
	case SKT_OPT_SIZE:
		return _("a size: a number, then nothing, K, M or G");
	case SKT_OPT_RATE:
		return _("a rate: a number, then bit, kbit, Mbit, B, kB or MB");
	case SKT_OPT_MODE:
		return _("a file mode of octal digits");
	case SKT_OPT_WORD:
		return flag->choices;
	case SKT_OPT_BOOL:
	case SKT_OPT_STRING:
		break;
	}
	return flag->argument ? flag->argument : "";
}

static int args_fail_value(const struct skt_flag *flag, const char *text, struct skt_error *err)
{
	if (flag->type == SKT_OPT_WORD) {
		struct skt_nearest nearest = { .wanted = text };
		char words[128];

		skt_fail(err, SKT_E_USAGE, 0, _("--%s %s: not one of %s"), flag->name, text, flag->choices);
		args_hint_example(flag, err);
		(void)snprintf(words, sizeof(words), "%s|", flag->choices);
		for (char *word = words, *end; (end = strchr(word, '|')) != NULL; word = end + 1) {
			*end = '\0';
			skt_nearest_offer(&nearest, word);
		}
		if (nearest.word)
			skt_hint(err, _("did you mean %s?"), nearest.word);
		return -SKT_E_USAGE;
	}
	skt_fail(err, SKT_E_USAGE, 0, _("--%s %s: not %s"), flag->name, text, args_expected(flag));
	args_hint_example(flag, err);
	return -SKT_E_USAGE;
}

/* A bound of the flag as a person would write it. */
static const char *args_bound_print(const struct skt_flag *flag, int64_t bound, char *ret)
{
	if (flag->type == SKT_OPT_DURATION)
		return skt_duration_print(bound, ret);
	if (flag->type == SKT_OPT_SIZE)
		return skt_size_print(bound, ret);
	(void)snprintf(ret, SKT_UNIT_LENGTH, "%" PRId64, bound);
	return ret;
}

static int args_check_bounds(const struct skt_flag *flag, const char *text, int64_t number, struct skt_error *err)
{
	char least[SKT_UNIT_LENGTH], most[SKT_UNIT_LENGTH];

	if ((flag->min == 0 && flag->max == 0) || (number >= flag->min && number <= flag->max))
		return 0;
	skt_fail(err, SKT_E_USAGE, 0, _("--%s %s: not between %s and %s"), flag->name, text,
		 args_bound_print(flag, flag->min, least), args_bound_print(flag, flag->max, most));
	args_hint_example(flag, err);
	return -SKT_E_USAGE;
}

static int args_value_parse(const struct skt_flag *flag, const char *text, int64_t *ret, struct skt_error *err)
{
	int64_t number = 0;
	int failed = 0;

	switch (flag->type) {
	case SKT_OPT_INT:
		failed = skt_number_parse(text, &number);
		break;
	case SKT_OPT_DURATION:
		failed = skt_duration_parse(text, &number);
		break;
	case SKT_OPT_SIZE:
		failed = skt_size_parse(text, &number);
		break;
	case SKT_OPT_RATE:
		failed = skt_rate_parse(text, &number);
		break;
	case SKT_OPT_MODE:
		failed = args_mode_parse(text, &number);
		break;
	case SKT_OPT_WORD:
		failed = args_word_parse(text, flag->choices, &number);
		break;
	case SKT_OPT_BOOL:
	case SKT_OPT_STRING:
		break;
	}
	if (failed < 0)
		return args_fail_value(flag, text, err);
	if (args_check_bounds(flag, text, number, err) < 0)
		return -SKT_E_USAGE;
	*ret = number;
	return 0;
}

static int args_add(struct args_reader *r, const struct skt_flag *flag, const char *text, int64_t number)
{
	struct skt_args *args = r->args;

	if ((size_t)args->n_values == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 8;
		struct skt_flag_value *grown = skt_realloc(args->value, cap * sizeof(*grown));

		if (!grown)
			return skt_fail_memory(r->err);
		args->value = grown;
		r->cap = cap;
	}
	args->value[args->n_values++] = (struct skt_flag_value){ .flag = flag, .text = text, .number = number };
	return 0;
}

/* Take the flag with the argument that is written in the same word, or NULL where the word ends with the flag. */
static int args_take(struct args_reader *r, const struct skt_flag *flag, const char *attached)
{
	int64_t number = 1;

	if (flag->type == SKT_OPT_BOOL) {
		if (!attached)
			return args_add(r, flag, "yes", number);
		skt_fail(r->err, SKT_E_USAGE, 0, _("--%s takes no value"), flag->name);
		skt_hint(r->err, _("write --%s alone, or leave it out"), flag->name);
		return -SKT_E_USAGE;
	}
	if (!attached && r->next < r->argc && strcmp(r->argv[r->next], "--") != 0)
		attached = r->argv[r->next++];
	if (!attached) {
		skt_fail(r->err, SKT_E_USAGE, 0, _("--%s needs a value"), flag->name);
		args_hint_example(flag, r->err);
		return -SKT_E_USAGE;
	}
	if (args_value_parse(flag, attached, &number, r->err) < 0)
		return -SKT_E_USAGE;
	return args_add(r, flag, attached, number);
}

/* "--name" or "--name=value" */
static int args_long(struct args_reader *r, const char *word)
{
	size_t n = strcspn(word + 2, "=");
	const struct skt_flag *flag = args_flag_named(r->args->command, word + 2, n);

	if (!flag)
		return args_fail_unknown(r, word);
	return args_take(r, flag, word[2 + n] == '=' ? word + 3 + n : NULL);
}

/* "-v", "-qk", "-m5", "-km 5": the first letter that takes an argument takes the rest of the word. */
static int args_letters(struct args_reader *r, const char *word)
{
	for (const char *letter = word + 1; *letter; letter++) {
		const struct skt_flag *flag = args_flag_lettered(r->args->command, *letter);
		int ret;

		if (!flag)
			return args_fail_unknown(r, word);
		if (flag->type != SKT_OPT_BOOL)
			return args_take(r, flag, letter[1] ? letter + 1 : NULL);
		ret = args_take(r, flag, NULL);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Take the next word, and what belongs to it. */
static int args_step(struct args_reader *r)
{
	struct skt_args *args = r->args;
	const char *word = r->argv[r->next++];

	if (word[0] != '-' || word[1] == '\0') {
		args->word[args->n_words++] = word;
		return 0;
	}
	if (strcmp(word, "--") == 0) {
		args->has_after = true;
		args->after = (const char *const *)r->argv + r->next;
		args->n_after = r->argc - r->next;
		r->next = r->argc;
		return 0;
	}
	return word[1] == '-' ? args_long(r, word) : args_letters(r, word);
}

int skt_args_parse(const struct skt_command *command, int argc, char **argv, struct skt_args *ret, struct skt_error *err)
{
	struct args_reader r = { .args = ret, .argc = argc, .argv = argv, .err = err };

	*ret = (struct skt_args){ .command = command };
	ret->word = skt_malloc(((size_t)argc + 1) * sizeof(*ret->word));
	if (!ret->word)
		return skt_fail_memory(err);
	while (r.next < argc && !skt_args_has(ret, "help")) {
		int failed = args_step(&r);

		if (failed < 0)
			return failed;
	}
	return 0;
}

void skt_args_release(struct skt_args *args)
{
	skt_free(args->word);
	skt_free(args->value);
	*args = (struct skt_args){ 0 };
}

/* The last value of that flag, or NULL. */
static const struct skt_flag_value *args_last(const struct skt_args *args, const char *flag)
{
	for (int i = args->n_values - 1; i >= 0; i--)
		if (strcmp(args->value[i].flag->name, flag) == 0)
			return &args->value[i];
	return NULL;
}

bool skt_args_has(const struct skt_args *args, const char *flag)
{
	return args_last(args, flag) != NULL;
}

int64_t skt_args_number(const struct skt_args *args, const char *flag, int64_t otherwise)
{
	const struct skt_flag_value *value = args_last(args, flag);

	return value ? value->number : otherwise;
}

const char *skt_args_string(const struct skt_args *args, const char *flag, const char *otherwise)
{
	const struct skt_flag_value *value = args_last(args, flag);

	return value ? value->text : otherwise;
}

const char *skt_args_each(const struct skt_args *args, const char *flag, int i)
{
	for (int k = 0; k < args->n_values; k++)
		if (strcmp(args->value[k].flag->name, flag) == 0 && i-- == 0)
			return args->value[k].text;
	return NULL;
}

/* The first line of the synopsis is enough. */
static void args_hint_usage(const struct skt_command *command, struct skt_error *err)
{
	skt_hint(err, _("usage: soket %s %.*s"), command->name, (int)strcspn(command->synopsis, "\n"), command->synopsis);
}

int skt_args_endpoint(const struct skt_args *args, int *at, const char *what, struct skt_endpoint *ret,
		      struct skt_error *err)
{
	int n = 1, failed;

	if (*at >= args->n_words) {
		skt_fail(err, SKT_E_USAGE, 0, _("%s is missing"), what);
		args_hint_usage(args->command, err);
		return -SKT_E_USAGE;
	}
	if (skt_endpoint_word_is_option(args->word[*at])) {
		skt_fail(err, SKT_E_USAGE, 0, _("%s is an option without an endpoint; %s is expected here"),
			 args->word[*at], what);
		skt_hint(err, "%s", _("options stand behind the endpoint that they belong to: tcp://host:80 nodelay=no"));
		return -SKT_E_USAGE;
	}
	while (*at + n < args->n_words && skt_endpoint_word_is_option(args->word[*at + n]))
		n++;
	failed = skt_endpoint_from_words(args->word + *at, n, ret, err);
	if (failed < 0)
		return failed;
	*at += n;
	return 0;
}

int skt_args_finish(const struct skt_args *args, int at, struct skt_error *err)
{
	if (at >= args->n_words)
		return 0;
	skt_fail(err, SKT_E_USAGE, 0, _("%s is one word too many"), args->word[at]);
	args_hint_usage(args->command, err);
	return -SKT_E_USAGE;
}
