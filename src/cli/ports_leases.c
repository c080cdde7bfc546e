/* SPDX-License-Identifier: Apache-2.0 */
/* soket ports --leases: the ports that are held for programs. */
#include <stdlib.h>
#include <string.h>

#include "base/message.h"
#include "base/unit.h"
#include "cli/ports.h"
#include "cli/say.h"
#include "sys/clock.h"

static const struct skt_grid_column leases_columns[] = {
	{ .title = N_("PORT"), .right = true },
	{ .title = N_("NAME") },
	{ .title = N_("STATE"), .rank = 2 },
	{ .title = N_("HELD BY"), .right = true, .rank = 3 },
	{ .title = N_("SINCE"), .right = true, .rank = 1 },
	{ .title = N_("DIRECTORY"), .elastic = true, .least = 16 },
	{ .title = N_("COMMAND"), .elastic = true, .least = 16 },
	{ .title = NULL },
};

/* Whether a socket that matches the filter is of that lease; and whether one of them listens. */
static bool lease_is_shown(const struct skt_ports *p, const struct skt_lease *l, bool *listens)
{
	bool shown = skt_filter_is_empty(p->look.filter);

	*listens = false;
	for (size_t i = 0; i < p->look.rows.n; i++) {
		if (p->look.rows.row[i].lease != l)
			continue;
		shown = true;
		*listens |= p->look.rows.row[i].sock->state == SKT_STATE_LISTEN;
	}
	return shown;
}

static void lease_add_json(const struct skt_lease *l, bool listens, struct skt_json *j)
{
	char since[SKT_UNIT_LENGTH];

	skt_json_object(j, NULL);
	skt_json_int(j, "port", l->port);
	skt_json_string(j, "name", l->name);
	skt_json_string(j, "state", listens ? "listen" : "held");
	skt_json_int(j, "owner", l->owner);
	if (l->child)
		skt_json_int(j, "child", l->child);
	else
		skt_json_null(j, "child");
	skt_json_string(j, "since", skt_instant_print(l->since, since));
	skt_json_string(j, "command", l->command);
	skt_json_string(j, "directory", l->directory);
	skt_json_string(j, "record", l->path);
	skt_json_end_object(j);
	skt_say_end_line(j);
}

/* Our own home is ~. */
static void lease_add_directory(const char *directory, struct skt_grid *g)
{
	const char *home = getenv("HOME");
	size_t n = home ? strlen(home) : 0;

	if (n > 1 && directory && strncmp(directory, home, n) == 0 && (directory[n] == '/' || !directory[n]))
		skt_grid_addf(g, "~%s", directory + n);
	else
		skt_grid_add(g, directory ? directory : "");
}

static void lease_add_row(const struct skt_lease *l, bool listens, struct skt_grid *g)
{
	char since[SKT_UNIT_LENGTH];
	int64_t age = skt_unix_now() - l->since;

	skt_grid_addf(g, "%u", l->port);
	skt_grid_add(g, l->name[0] ? l->name : "-");
	skt_grid_add(g, listens ? _("listening") : _("held"));
	skt_grid_addf(g, "%d", (int)l->owner);
	skt_grid_add(g, skt_duration_print(age > 0 ? age : 0, since));
	lease_add_directory(l->directory, g);
	skt_grid_add(g, l->command ? l->command : "");
	skt_grid_end_row(g, SKT_INK_PLAIN);
}

int skt_ports_show_leases(struct skt_ports *p)
{
	struct skt_grid g = { .column = leases_columns };
	struct skt_json j = { 0 };
	int ret;

	for (size_t i = 0; i < p->look.leases.n; i++) {
		bool listens;

		if (!lease_is_shown(p, &p->look.leases.lease[i], &listens))
			continue;
		if (p->json)
			lease_add_json(&p->look.leases.lease[i], listens, &j);
		else
			lease_add_row(&p->look.leases.lease[i], listens, &g);
	}
	if (g.n_rows > 0)
		skt_grid_print(&g, skt_grid_width(), 1, &j.text);
	else if (!p->json)
		skt_say("%s", _("no port is leased; to lease one: soket run -p web -- COMMAND"));
	if (p->look.leases.n_unreadable)
		skt_say(NG_("%zu record of a lease cannot be read", "%zu records of leases cannot be read",
			    p->look.leases.n_unreadable),
			p->look.leases.n_unreadable);
	ret = skt_say_text(&j.text);
	skt_grid_release(&g);
	skt_json_release(&j);
	return -ret;
}
