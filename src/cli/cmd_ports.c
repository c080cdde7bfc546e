/* SPDX-License-Identifier: Apache-2.0 */
/* soket ports: who listens on this machine. */
#include "base/alloc.h"
#include "base/message.h"
#include "cli/commands.h"
#include "cli/looking.h"
#include "cli/ports.h"
#include "cli/say.h"

/* JSON leaves in pieces of this size. */
enum { PORTS_PIECE = 65536 };

int skt_ports_init(struct skt_ports *p, const struct skt_args *args, struct skt_error *err)
{
	int ret;

	*p = (struct skt_ports){
		.args = args,
		.json = skt_args_has(args, "json"),
		.wants_leases = skt_args_has(args, "leases"),
	};
	ret = skt_portlook_open(&p->look, args->word, args->n_words, err);
	return ret < 0 ? ret : skt_looking_spec(args, &p->look.spec, err);
}

void skt_ports_release(struct skt_ports *p)
{
	skt_portlook_release(&p->look);
	skt_text_release(&p->cell);
}

int skt_ports_look(struct skt_ports *p, struct skt_error *err)
{
	p->look.spec.depth = p->json || p->wants_command ? SKT_PROCESS_COMMAND : SKT_PROCESS_BRIEF;
	return skt_portlook_look(&p->look, err);
}

static int ports_show_json(struct skt_ports *p)
{
	struct skt_json j = { 0 };
	int ret = 0;

	for (size_t i = 0; i < p->look.n_socks && ret == 0; i++) {
		skt_ports_json(p, p->look.sock[i], NULL, &j);
		if (j.text.len < PORTS_PIECE)
			continue;
		ret = skt_say_text(&j.text);
		skt_text_clear(&j.text);
	}
	if (ret == 0)
		ret = skt_say_text(&j.text);
	skt_json_release(&j);
	return -ret;
}

static int ports_show_table(struct skt_ports *p, int width)
{
	struct skt_grid g = { .column = p->column };
	struct skt_text t = { 0 };
	int ret = 0;

	for (size_t i = 0; i < p->look.rows.n; i++)
		if (!skt_ports_is_hidden(p, &p->look.rows.row[i]))
			skt_ports_add_row(p, &p->look.rows.row[i], &g, "", skt_ports_ink(&p->look.rows.row[i]));
	if (g.n_rows > 0) {
		skt_grid_print(&g, width, 1, &t);
		ret = skt_say_text(&t);
	}
	skt_grid_release(&g);
	skt_text_release(&t);
	return -ret;
}

/* Nothing is a good answer, and the status says so; the line is for people. */
static void ports_say_nothing(const struct skt_ports *p)
{
	char *words = skt_say_source(p->args, 0);

	if (skt_filter_is_empty(p->look.filter))
		skt_say("%s", _("nothing listens here"));
	else if (words && p->args->n_words == 1 && words[strspn(words, "0123456789")] == '\0')
		skt_say(_("nothing listens on port %s"), words);
	else if (words)
		skt_say(_("nothing that listens matches %s; without it, soket ports shows everything"), words);
	skt_free(words);
}

static int ports_show(struct skt_ports *p)
{
	struct skt_error err = { 0 };
	int width = skt_grid_width(), status;

	skt_ports_columns(p, width);
	if (skt_ports_look(p, &err) < 0)
		return skt_say_error(&err, NULL, p->json);
	if (p->wants_leases)
		return skt_ports_show_leases(p);
	status = p->json ? ports_show_json(p) : ports_show_table(p, width);
	if (p->look.n_socks == 0)
		ports_say_nothing(p);
	skt_looking_say(&p->look.census);
	return status;
}

static int ports_check(const struct skt_args *args, struct skt_error *err)
{
	if (args->has_after) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("soket ports runs no command"));
		skt_hint(err, "%s", _("leave out \"--\" and what follows it"));
		return -SKT_E_USAGE;
	}
	if (skt_args_has(args, "interval") && !skt_args_has(args, "watch")) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("--interval is for --watch"));
		skt_hint(err, "%s", _("for example: soket ports --watch --interval 2s"));
		return -SKT_E_USAGE;
	}
	if (skt_args_has(args, "leases") &&
	    (skt_args_has(args, "watch") || skt_args_has(args, "netns") || skt_args_has(args, "all-netns"))) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("--leases goes with filters and --json only"));
		skt_hint(err, "%s", _("a watch marks leased ports too: soket ports --watch"));
		return -SKT_E_USAGE;
	}
	return 0;
}

static int ports_fail(const struct skt_args *args, const struct skt_error *err)
{
	char *source = skt_say_source(args, 0);
	int status = skt_say_error(err, source, skt_args_has(args, "json"));

	skt_free(source);
	return status;
}

static int ports_run(const struct skt_args *args)
{
	struct skt_ports p = { 0 };
	struct skt_error err = { .at = -1 };
	int status;

	if (ports_check(args, &err) < 0 || skt_ports_init(&p, args, &err) < 0)
		status = ports_fail(args, &err);
	else
		status = skt_args_has(args, "watch") ? skt_ports_watch(&p) : ports_show(&p);
	skt_ports_release(&p);
	return status;
}

static const struct skt_flag ports_flags[] = {
	{ .name = "watch", .letter = 'w', .help = N_("look again and again, and mark what is new and what has gone") },
	{ .name = "interval",
	  .letter = 'i',
	  .type = SKT_OPT_DURATION,
	  .min = 50 * SKT_MS,
	  .max = 3600 * SKT_SECOND,
	  .argument = "DURATION",
	  .help = N_("with --watch: how long between two looks (1s)") },
	{ .name = "leases", .help = N_("list the ports that soket run holds for programs, and nothing else") },
	SKT_FLAG_NETNS,
	SKT_FLAG_ALL_NETNS,
	{ .name = NULL },
};

static const struct skt_example ports_examples[] = {
	{ "soket ports", N_("everything that listens on this machine") },
	{ "soket ports 8080", N_("who has port 8080") },
	{ "soket ports 3000-3999 user=me", N_("my own development servers") },
	{ "soket ports tcp address=any", N_("what the network can reach, over TCP") },
	{ "soket ports process=nginx -v", N_("the ports of a program, with its command line") },
	{ "soket ports :http :https --json", N_("two services, for a script") },
	{ "soket ports unix 'path=/run/*'", N_("unix sockets below a directory") },
	{ "soket ports queue=1..", N_("where clients wait to be accepted") },
	{ "soket ports --watch class=dynamic", N_("what comes and goes in the dynamic range") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_ports = {
	.name = "ports",
	.summary = N_("shows who listens on this machine, and on which ports"),
	.synopsis = "[FILTER...] [FLAGS]",
	.description = N_(
		"Lists every socket that listens, or that is bound and waits for messages: TCP, UDP, unix and vsock, with its "
		"address, the service of its port, and the program that has it. One row is one service: both address families, "
		"and all the processes that share the port, stand together; \"nginx 812 +4\" is process 812 and four more. With "
		"--json there is one object for each socket instead.\n\n"
		"The address says who can reach it. any: whoever reaches this machine; loopback: only this machine, over both "
		"families; any (IPv4) and 127.0.0.1: only that family; any on eth0: one interface. AGE is how long the program "
		"runs. QUEUE is how many clients wait to be accepted, and how many may; for datagrams, how much is unread. DROPS "
		"counts what was thrown away because a queue was full. A port that soket run holds has its lease as a note. On a "
		"terminal, columns that do not fit are left out; -v adds the command lines.\n\n"
		"Filters are words. Those of one key widen (80 443: either), those of different keys narrow (tcp user=me: "
		"both). 8080, 1000-2000, :http, tcp, udp, unix, vsock, 10.0.0.5 and /run/x.sock stand for themselves; all others "
		"are KEY=VALUE or KEY!=VALUE: port, service, protocol, class, user, process, pid, address, local, family, interface, "
		"path, state, netns. Numbers also compare: drops, queue and age take < > <= >= (in quotes, because > is the "
		"shell's: 'drops>0') and ranges without quotes: drops=1.. or age=..5m. In process, path and netns, * stands for any "
		"characters.\n\n"
		"That nothing matches is no failure: the list is empty, one line on stderr says so, and the exit status is 0. "
		"Without root, the sockets of other users are shown without their process, and one line says how many.\n\n"
		"--watch redraws the list; what is new is marked with +, what has gone with -, for five looks. Arrows move, q ends. "
		"Without a terminal it prints the list once and then each change as a line; with --json as an object with an "
		"event: present, appeared or gone."),
	.flags = ports_flags,
	.examples = ports_examples,
	.words = "@ports-filter",
	.run = ports_run,
};
