/* SPDX-License-Identifier: Apache-2.0 */
/* soket flows: the connections of this machine, how well they go and whose they are.
 *
 * How it works. Rates are differences of the kernel's own counters, so there are two looks, a quarter of a second apart; who has
 * the connections is read from /proc meanwhile. flows.h says where the rest is. */
#include "base/alloc.h"
#include "base/message.h"
#include "cli/commands.h"
#include "cli/flows.h"
#include "cli/looking.h"
#include "cli/say.h"

#define FLOWS_EVERY SKT_SECOND

int flows_open(struct skt_flowlook *f, const struct skt_args *args, struct skt_error *err)
{
	struct skt_census_spec where = { 0 };
	struct skt_flowlook_spec spec = {
		.words = args->word,
		.n_words = args->n_words,
		.all = skt_args_has(args, "all"),
		.command = skt_args_has(args, "json"),
		.sort = skt_args_string(args, "sort", "rate"),
	};
	int ret = skt_looking_spec(args, &where, err);

	if (ret < 0)
		return ret;
	spec.info = spec.all && (skt_args_has(args, "json") || skt_args_has(args, "interval") ||
				 skt_args_has(args, "sort") || skt_args_has(args, "watch"));
	spec.netns = where.netns;
	spec.all_netns = where.all_netns;
	return skt_flowlook_open(f, &spec, err);
}

static int flows_print(struct skt_flowlook *f, struct skt_error *err)
{
	struct skt_grid grid = flows_grid();
	struct skt_text t = { 0 };
	int ret;

	flows_add_rows(f, 0, f->n_rows, &grid);
	skt_grid_print(&grid, skt_grid_width(), 1, &t);
	ret = t.failed ? skt_fail_memory(err) : skt_say_text(&t);
	skt_text_release(&t);
	skt_grid_release(&grid);
	return ret;
}

/* Where the process of something that is shown has come since /proc was read, it is read once more. */
static int flows_once(struct skt_flowlook *f, skt_time apart, bool json, struct skt_error *err)
{
	int ret = skt_flowlook_look_twice(f, apart, true, err);

	if (ret == 0)
		ret = skt_flowlook_fill(f, err);
	if (ret == 0 && apart > 0) {
		f->owners_again = 0;
		ret = skt_flowlook_refresh_owners(f, 0, f->n_rows, err);
	}
	if (ret == 0 && apart > 0 && skt_filter_wants_owners(f->filter))
		ret = skt_flowlook_fill(f, err);
	if (ret == 0)
		ret = json ? flows_write_json(f, NULL) : flows_print(f, err);
	if (ret == 0 && !json && f->n_rows == 0)
		skt_say("%s",
			skt_filter_is_empty(f->filter) ? _("there is no connection now") : _("no connection matches"));
	if (ret == 0)
		skt_looking_say(&f->census);
	return ret;
}

/* Everything there is, in one look, sockets and processes at the same time. */
static int flows_everything(struct skt_flowlook *f, struct skt_error *err)
{
	int ret;

	f->spec.owners = SKT_OWNERS_ALL;
	ret = skt_flowlook_look(f, err);
	if (ret == 0)
		ret = flows_write_all(f, err);
	if (ret == 0)
		skt_looking_say(&f->census);
	return ret;
}

/* Whether rows may go out as they come: nothing is to be measured, sorted or fitted to a terminal. */
static bool flows_is_plain(const struct skt_flowlook *f)
{
	return f->all && !f->spec.look.info && skt_grid_width() == 0;
}

static int flows_show(struct skt_flowlook *f, const struct skt_args *args, struct skt_error *err)
{
	bool json = skt_args_has(args, "json");
	bool twice = !f->all || skt_filter_wants_rates(f->filter);
	skt_time apart = skt_args_number(args, "interval", twice ? FLOWS_APART : 0);

	if (apart == 0 && skt_filter_wants_rates(f->filter)) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s",
			       _("rates and new ages take two looks, and --interval 0 looks once"));
		skt_hint(err, "%s", _("leave --interval out, or write a time between the looks: --interval 1s"));
		return -SKT_E_USAGE;
	}
	if (flows_is_plain(f))
		return flows_everything(f, err);
	return flows_once(f, apart, json, err);
}

static int flows_refuse(const struct skt_args *args, const struct skt_error *err)
{
	char *source = skt_say_source(args, 0);
	int status = skt_say_error(err, source, skt_args_has(args, "json"));

	skt_free(source);
	return status;
}

static int flows_run(const struct skt_args *args)
{
	struct skt_flowlook f = { 0 };
	struct skt_error err = { 0 };
	skt_time every = skt_args_number(args, "interval", FLOWS_EVERY);
	bool json = skt_args_has(args, "json");
	int status;

	if (flows_open(&f, args, &err) < 0)
		status = flows_refuse(args, &err);
	else if (skt_args_has(args, "watch"))
		status = json ? flows_watch_json(&f, every) : flows_watch(&f, every);
	else if (flows_show(&f, args, &err) < 0)
		status = err.kind ? skt_say_error(&err, NULL, json) : SKT_E_IO;
	else
		status = SKT_OK;
	skt_flowlook_release(&f);
	return status;
}

static const struct skt_flag flows_flags[] = {
	{ .name = "all",
	  .letter = 'a',
	  .help = N_("TCP sockets in every state, also those that listen and those in TIME_WAIT") },
	{ .name = "watch", .letter = 'w', .help = N_("look again and again; with --json, a stream") },
	{ .name = "interval",
	  .letter = 'i',
	  .type = SKT_OPT_DURATION,
	  .argument = "DURATION",
	  .help = N_("between two looks: 250ms, with --watch 1s; 0 looks once, without rates") },
	{ .name = "sort",
	  .letter = 's',
	  .type = SKT_OPT_WORD,
	  .choices = "rate|bytes|rtt|retrans|process|state|age|queue|local|remote|sent|received",
	  .argument = "KEY",
	  .help = N_("what comes first: rate, then bytes, where nothing is said") },
	SKT_FLAG_NETNS,
	SKT_FLAG_ALL_NETNS,
	{ .name = NULL },
};

static const struct skt_example flows_examples[] = {
	{ "soket flows", N_("what is connected, the busiest first") },
	{ "soket flows --watch", N_("the same, live") },
	{ "soket flows port=5432 'rtt>100ms'", N_("slow connections to a database") },
	{ "soket flows 'retrans>0' --sort retrans", N_("where packets are lost") },
	{ "soket flows remote=10.0.0.0/8 state=established", N_("who talks to a network") },
	{ "soket flows --all > sockets.txt", N_("every TCP socket with its process") },
	{ "soket flows process=nginx --watch --json", N_("a stream of measurements, for a program") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_flows = {
	.name = "flows",
	.summary = N_("lists live connections: both ends, process, round-trip time, rates, retransmits, age"),
	.synopsis = "[FILTER]... [--watch] [FLAGS]",
	.description = N_(
		"Lists the connections of this machine, the busiest first: TCP, connected UDP and vsock; unix sockets where the "
		"filter says unix. Wide terminals show more columns, --json shows everything.\n\n"
		"Rates are differences of the kernel's own counters between two looks, a quarter of a second apart, so they need "
		"neither root nor a capture. OUT/S and SENT are payload that this end sent (without what was sent again), IN/S and "
		"RECEIVED what came in order. Only TCP keeps such counters.\n\n"
		"DIR says who dialled: \"in\" where a socket here waits for others at the local end, \"out\" where one does at the "
		"remote end. Where none does, the port tells by chance, from the range that the kernel takes outgoing ports from: "
		"that is a guess, and has a question mark.\n\n"
		"The kernel does not keep how old a connection is. Under --watch the age of those that came while watching is "
		"known; of others, \">3 min\" is what TCP's times prove, and \"<2 h\" is how long the process has been "
		"running.\n\n"
		"LIMITED BY is what the sending end here waited for most between the two looks: the application (it had nothing to "
		"send), the receiver (its window was full), the send buffer (it is too small), or the network (the congestion "
		"window was full). QUEUES are bytes received that the program has not read, and bytes sent that are not "
		"acknowledged.\n\n"
		"Filters are words that combine: different keys must all hold, of one key any. Those that compare go in quotes, "
		"for the shell: 'rtt>100ms' 'rate>1MB' 'retrans>0' state=established port=5432 process=nginx "
		"remote=10.0.0.0/8.\n\n"
		"With --all, TCP sockets of every state are listed in one look, without rates. In a pipe they come grouped by "
		"state.\n\n"
		"--watch shows a live table: arrows scroll, the capital letters on the last line sort, q ends it. With --json it "
		"writes one object (\"event\":\"flow\") for each connection and look, and one (\"event\":\"gone\") for each that "
		"has ended since."),
	.flags = flows_flags,
	.examples = flows_examples,
	.words = "@flows-filter",
	.run = flows_run,
};
