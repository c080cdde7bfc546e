/* SPDX-License-Identifier: Apache-2.0 */
/* soket ports: a service as a row of a table, a socket as a line of JSON. */
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "cli/ports.h"
#include "cli/say.h"
#include "endpoint/portclass.h"
#include "inspect/names.h"

/* From this width on there is room for commands, and they are worth reading. */
enum { PORTS_WIDE = 120 };

typedef void ports_cell(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t);

/* Tables are long: printf(3) for every number would take most of the time. */
static void cell_number(struct skt_text *t, uint64_t n)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	skt_text_addn(t, digits + at, sizeof(digits) - at);
}

static void cell_port(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	(void)p;
	if (row->sock->local.family || row->sock->proto == SKT_PROTO_VSOCK)
		cell_number(t, row->sock->local_port);
}

static void cell_proto(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	(void)p;
	skt_text_add(t, skt_proto_name(row->sock->proto));
}

static void cell_address(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	char room[32];

	skt_portrow_print_address(row, &p->look.census,
				  skt_names_interface(&p->look.census, row->sock, room, sizeof(room)), t);
}

static void cell_service(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	const char *service = skt_names_service(row->sock);

	(void)p;
	if (service)
		skt_text_add(t, service);
}

static void cell_process(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	(void)p;
	if (!row->process) {
		skt_text_addc(t, '-');
		return;
	}
	skt_text_add(t, row->process->name);
	skt_text_addc(t, ' ');
	cell_number(t, (uint64_t)row->process->pid);
	if (row->n_processes > 1) {
		skt_text_add(t, " +");
		cell_number(t, row->n_processes - 1);
	}
}

static void cell_user(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	uint32_t uid = row->sock->uid == UINT32_MAX && row->process ? row->process->uid : row->sock->uid;
	char room[40];

	(void)p;
	skt_text_add(t, uid == UINT32_MAX ? "-" : skt_names_user(uid, room, sizeof(room)));
}

/* The largest unit is enough: 3 h, 12 min. */
static void cell_age(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	int64_t age = row->process ? skt_process_age(row->process) : -1;
	char text[SKT_UNIT_LENGTH], *second;

	(void)p;
	if (age < 0)
		return;
	skt_duration_print(age, text);
	second = strchr(text, ' ');
	second = second ? strchr(second + 1, ' ') : NULL;
	if (second)
		*second = '\0';
	skt_text_add(t, text);
}

static void cell_queue(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	char text[SKT_UNIT_LENGTH];

	(void)p;
	if (!row->has_queue)
		return;
	if (row->sock->state == SKT_STATE_LISTEN) {
		cell_number(t, row->queue);
		skt_text_addc(t, '/');
		cell_number(t, row->limit);
	} else if (row->queue > 0) {
		skt_text_add(t, skt_size_print(row->queue, text));
	}
}

static void cell_drops(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	(void)p;
	if (row->has_drops && row->drops > 0)
		cell_number(t, row->drops);
}

static void cell_netns(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	const struct skt_netns *netns = &p->look.census.netns[row->sock->netns];

	if (netns->name[0])
		skt_text_add(t, netns->name);
	else if (row->sock->netns != 0)
		skt_text_addf(t, _("process %d"), (int)netns->pid);
}

static void cell_note(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	(void)p;
	if (row->lease && row->lease->name[0])
		skt_text_addf(t, _("leased: %s"), row->lease->name);
	else if (row->lease)
		skt_text_addf(t, _("leased by %d"), (int)row->lease->owner);
	else if (row->sock->state == SKT_STATE_BOUND)
		skt_text_add(t, _("not listening"));
}

static void cell_class(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	(void)p;
	if (row->sock->local.family)
		skt_text_add(t, skt_portclass_of((uint16_t)row->sock->local_port)->name);
}

static void cell_command(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *t)
{
	(void)p;
	if (row->process && row->process->command)
		skt_text_add(t, row->process->command);
}

static const struct ports_column {
	struct skt_grid_column grid;
	ports_cell *print;
} ports_columns[] = {
	{ { .title = "", .rank = 0 }, NULL }, /* + and - */
	{ { .title = N_("PORT"), .right = true }, cell_port },
	{ { .title = N_("PROTO"), .elastic = true, .least = 10 }, cell_proto },
	{ { .title = N_("ADDRESS"), .elastic = true, .least = 14 }, cell_address },
	{ { .title = N_("SERVICE"), .rank = 4 }, cell_service },
	{ { .title = N_("PROCESS"), .elastic = true, .least = 16 }, cell_process },
	{ { .title = N_("USER"), .rank = 2 }, cell_user },
	{ { .title = N_("AGE"), .right = true, .rank = 3 }, cell_age },
	{ { .title = N_("QUEUE"), .right = true, .rank = 5 }, cell_queue },
	{ { .title = N_("DROPS"), .right = true, .rank = 1 }, cell_drops },
	{ { .title = N_("NETNS"), .rank = 1 }, cell_netns },
	{ { .title = N_("NOTE"), .rank = 1 }, cell_note },
	{ { .title = N_("CLASS"), .rank = 7 }, cell_class },
	{ { .title = N_("COMMAND"), .elastic = true, .rank = 6, .least = 24 }, cell_command },
};

static bool ports_has_column(const struct skt_ports *p, const struct ports_column *column)
{
	if (!column->print)
		return p->marks;
	if (column->print == cell_command)
		return p->wants_command;
	return column->print != cell_netns || p->look.spec.all_netns;
}

void skt_ports_columns(struct skt_ports *p, int width)
{
	size_t n = 0;

	p->wants_command = width >= PORTS_WIDE || skt_say_level() > 0;
	for (size_t i = 0; i < SKT_LENGTH(ports_columns); i++)
		if (ports_has_column(p, &ports_columns[i]))
			p->column[n++] = ports_columns[i].grid;
	p->column[n] = (struct skt_grid_column){ .title = NULL };
}

void skt_ports_add_row(struct skt_ports *p, const struct skt_portrow *row, struct skt_grid *g, const char *mark,
		       enum skt_ink ink)
{
	for (size_t i = 0; i < SKT_LENGTH(ports_columns); i++) {
		if (!ports_has_column(p, &ports_columns[i]))
			continue;
		skt_text_clear(&p->cell);
		if (ports_columns[i].print)
			ports_columns[i].print(p, row, &p->cell);
		else
			skt_text_add(&p->cell, mark);
		skt_grid_add(g, skt_text_get(&p->cell));
	}
	skt_grid_end_row(g, ink);
}

bool skt_ports_is_hidden(const struct skt_ports *p, const struct skt_portrow *row)
{
	size_t at = (size_t)(row - p->look.rows.row);

	if (!row->lease || row->sock->state != SKT_STATE_BOUND || !row->process || row->process->pid != row->lease->owner)
		return false;
	/* rows of one port are neighbours */
	for (size_t i = at; i-- > 0 && p->look.rows.row[i].lease == row->lease;)
		if (p->look.rows.row[i].sock->state == SKT_STATE_LISTEN)
			return true;
	for (size_t i = at + 1; i < p->look.rows.n && p->look.rows.row[i].lease == row->lease; i++)
		if (p->look.rows.row[i].sock->state == SKT_STATE_LISTEN)
			return true;
	return false;
}

/* What somebody should look at: a full queue, or what was thrown away. */
enum skt_ink skt_ports_ink(const struct skt_portrow *row)
{
	bool is_full = row->sock->state == SKT_STATE_LISTEN && row->has_queue && row->limit > 0 &&
		       row->queue >= row->limit;

	if (is_full || row->drops > 0)
		return SKT_INK_YELLOW;
	return row->lease ? SKT_INK_BLUE : SKT_INK_PLAIN;
}

void skt_ports_json(const struct skt_ports *p, const struct skt_sock *s, const char *event, struct skt_json *j)
{
	skt_portlook_add_json(&p->look, s, event, j);
	skt_say_end_line(j);
}
