/* SPDX-License-Identifier: Apache-2.0 */
/* soket free: ports that nobody uses. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "endpoint/portclass.h"
#include "inspect/freeport.h"

#define FREE_CLASSES "system|user|dynamic"

static int free_count(const struct skt_args *args, size_t *ret, struct skt_error *err)
{
	int64_t n = 1;

	if (args->n_words > 1) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("unexpected word: %.60s"), args->word[1]);
		skt_hint(err, "%s", _("one number says how many; for a range: --range 3000-3999"));
		return -SKT_E_USAGE;
	}
	if (args->n_words == 1 && (skt_number_parse(args->word[0], &n) < 0 || n < 1 || n > SKT_PORT_MAX)) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("not a number of ports: %.60s"), args->word[0]);
		skt_hint(err, _("from 1 to %d; for a range: --range 3000-3999"), SKT_PORT_MAX);
		return -SKT_E_USAGE;
	}
	*ret = (size_t)n;
	return 0;
}

/* FIRST-LAST, or one port. */
static int free_range(const char *text, struct skt_port_search *search, struct skt_error *err)
{
	char first[8] = "";
	size_t n = strcspn(text, "-");
	const char *last = text[n] ? text + n + 1 : text;
	int64_t from = 0, to = 0;

	if (n < sizeof(first))
		memcpy(first, text, n);
	if (skt_number_parse(first, &from) < 0 || skt_number_parse(last, &to) < 0 || from < 1 || to > SKT_PORT_MAX ||
	    from > to) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("not a range of ports: %.60s"), text);
		skt_hint(err, _("two ports from 1 to %d, the lower one first: --range 3000-3999"), SKT_PORT_MAX);
		return -SKT_E_USAGE;
	}
	search->first = (unsigned)from;
	search->last = (unsigned)to;
	return 0;
}

static int free_search(const struct skt_args *args, struct skt_port_search *search, struct skt_error *err)
{
	const char *range = skt_args_string(args, "range", NULL);
	const struct skt_portclass *class = skt_portclass_at((int)skt_args_number(args, "class", -1));

	search->udp = skt_args_has(args, "udp");
	if (range && class) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("--range and --class exclude each other"));
		skt_hint(err, _("the class %s is --range %u-%u"), class->name, class->first ? class->first : 1U,
			 class->last);
		return -SKT_E_USAGE;
	}
	if (class) {
		search->first = class->first ? class->first : 1;
		search->last = class->last;
		search->scattered = true;
	}
	return range ? free_range(range, search, err) : 0;
}

static int free_too_few(const struct skt_port_search *search, size_t found, size_t wanted, struct skt_error *err)
{
	enum skt_err kind = search->n_denied > 0 && found == 0 ? SKT_E_DENIED : SKT_E_INUSE;

	if (found == 0)
		(void)skt_fail(err, kind, 0, "%s", _("no free port was found"));
	else
		(void)skt_fail(err, kind, 0,
			       NG_("only %llu free port was found, and %llu are wanted",
				   "only %llu free ports were found, and %llu are wanted", found),
			       (unsigned long long)found, (unsigned long long)wanted);
	if (search->n_denied > 0)
		skt_hint(err, "%s",
			 _("system ports cannot be tried without rights: take ports from 1024 up, or run it as root"));
	else if (search->first)
		skt_hint(err, "%s", _("widen the range; soket ports shows what is taken"));
	else
		skt_hint(err, "%s", _("soket ports shows what is taken; --class user has more ports"));
	return -(int)kind;
}

static int free_print(const unsigned *port, size_t n, bool json)
{
	struct skt_text t = { 0 };
	int failed;

	for (size_t i = 0; i < n; i++) {
		struct skt_json j = { 0 };

		if (!json) {
			skt_text_addf(&t, "%u\n", port[i]);
			continue;
		}
		skt_json_object(&j, NULL);
		skt_json_int(&j, "port", port[i]);
		skt_json_string(&j, "class", skt_portclass_of((uint16_t)port[i])->name);
		skt_json_end_object(&j);
		skt_text_addf(&t, "%s\n", skt_json_get(&j));
		t.failed |= j.text.failed;
		skt_json_release(&j);
	}
	failed = skt_say_text(&t);
	skt_text_release(&t);
	return failed;
}

/* Find them all, then print them all. */
static int free_find(struct skt_port_search *search, size_t wanted, bool json, struct skt_error *err)
{
	unsigned *port = skt_malloc(wanted * sizeof(*port));
	struct skt_leases leases = { 0 };
	int failed;
	long found;

	if (!port)
		return skt_fail_memory(err);
	failed = skt_leases_read(&leases, err);
	if (failed == 0) {
		search->leases = &leases;
		found = skt_port_search(search, port, wanted, err);
		if (found >= 0 && (size_t)found < wanted)
			failed = free_too_few(search, (size_t)found, wanted, err);
		else if (found < 0)
			failed = (int)found;
	}
	if (failed == 0)
		(void)free_print(port, wanted, json); /* main() reports a stdout that does not take it */
	skt_leases_release(&leases);
	skt_free(port);
	return failed;
}

static int free_run(const struct skt_args *args)
{
	bool json = skt_args_has(args, "json");
	struct skt_port_search search = { 0 };
	struct skt_error err = { 0 };
	size_t wanted = 1;
	int failed = free_count(args, &wanted, &err);

	if (failed == 0)
		failed = free_search(args, &search, &err);
	if (failed == 0)
		failed = free_find(&search, wanted, json, &err);
	return failed < 0 ? skt_say_error(&err, NULL, json) : SKT_OK;
}

static const struct skt_flag free_flags[] = {
	{ .name = "range",
	  .letter = 'r',
	  .type = SKT_OPT_STRING,
	  .argument = "FIRST-LAST",
	  .help = N_("the lowest free ports of this range") },
	{ .name = "class",
	  .letter = 'c',
	  .type = SKT_OPT_WORD,
	  .choices = FREE_CLASSES,
	  .argument = "CLASS",
	  .help = N_("any free ports of this class: system 1-1023, user 1024-49151, dynamic 49152-65535") },
	{ .name = "udp", .letter = 'u', .help = N_("free for UDP too, and not for TCP only") },
	{ .name = NULL },
};

static const struct skt_example free_examples[] = {
	{ "soket free", N_("a port that is free now") },
	{ "soket free 3 --range 3000-3999", N_("the three lowest that are free in a range") },
	{ "soket free --class dynamic --udp", N_("one for TCP and UDP, from 49152 up") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_free = {
	.name = "free",
	.summary = N_("prints ports that are free now"),
	.synopsis = "[N] [FLAGS]",
	.description = N_(
		"Prints N ports (1), each on a line of its own, on which nothing is bound, on any address of either family, and "
		"which no soket run has leased. Without --range and --class they are those that the kernel would hand out. Where "
		"there are not enough, nothing is printed and the status is 7.\n\n"
		"A port that is free now may be taken a moment later: to keep one for a program, use soket run."),
	.flags = free_flags,
	.examples = free_examples,
	.run = free_run,
};
