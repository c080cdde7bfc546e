/* SPDX-License-Identifier: Apache-2.0 */
/* soket flows --all into a pipe or file: every socket there is, of which there may be a hundred thousand.
 *
 * How it works. What a row costs is what counts here, so rows do not go through the table for people: they are put together by
 * hand in one buffer, which leaves in large pieces. Numbers come from tables of digits, IPv6 addresses and the names of
 * processes from what was printed before. Rows are grouped by state by counting, not by comparing. */
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/column.h"
#include "cli/flows.h"
#include "cli/say.h"

enum {
	ALL_PIECE = 256 * 1024,
	ALL_ROW = 512,        /* more than a row without its processes needs */
	ALL_ADDRESSES = 1024, /* a power of two */
	ALL_NUMBER = 7,       /* columns */
	ALL_DIRECTION = 4,
};

/* An IPv6 address that was printed. */
struct printed {
	uint8_t bytes[16];
	uint8_t length; /* 0: a free slot */
	char text[SKT_IP_LENGTH + 2];
};

struct all {
	const struct skt_flowlook *f;
	char *out;
	size_t n;
	int failed;
	struct {
		char text[4];
		uint8_t length;
	} octet[256];
	struct printed *printed;
	struct skt_text names; /* of processes, "name pid" */
	uint32_t *name;        /* where that of each process begins; one more for the end */
	uint32_t *row;         /* of the table, grouped by state */
	size_t n_rows;
	size_t state_width, local_width, remote_width;
};

static void all_flush(struct all *a)
{
	struct skt_text t = { .s = a->out, .len = a->n, .cap = a->n + 1 };

	if (a->failed == 0 && a->n > 0) {
		a->out[a->n] = '\0';
		a->failed = skt_say_text(&t);
	}
	a->n = 0;
}

/* There is always room for a row. */
static void all_reserve(struct all *a, size_t n)
{
	if (a->n + n > ALL_PIECE)
		all_flush(a);
}

static void all_add(struct all *a, const char *s, size_t n)
{
	memcpy(a->out + a->n, s, n);
	a->n += n;
}

/* A text of any length. */
static void all_add_long(struct all *a, const char *s, size_t n)
{
	while (n > 0) {
		size_t part = n < ALL_ROW ? n : ALL_ROW;

		all_reserve(a, part);
		all_add(a, s, part);
		s += part;
		n -= part;
	}
}

/* Blanks up to `width` from where the cell began, and the gap to the next. */
static void all_pad(struct all *a, size_t began, size_t width)
{
	size_t used = a->n - began, blanks = (used < width ? width - used : 0) + 2;

	memset(a->out + a->n, ' ', blanks);
	a->n += blanks;
}

/* The digits of a number before `end`. Returns where they begin. */
static char *all_digits(char *end, uint32_t number)
{
	do {
		*--end = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return end;
}

static void all_number(struct all *a, uint32_t number)
{
	char room[16], *end = room + sizeof(room), *s = all_digits(end, number);
	size_t n = (size_t)(end - s);

	if (n < ALL_NUMBER) {
		memset(a->out + a->n, ' ', ALL_NUMBER - n);
		a->n += ALL_NUMBER - n;
	}
	all_add(a, s, n);
	all_add(a, "  ", 2);
}

static const struct printed *all_ip6(struct all *a, const struct skt_ip *ip)
{
	struct printed *p;
	uint64_t half[2];

	memcpy(half, ip->bytes, sizeof(half));
	p = &a->printed[((half[0] ^ half[1]) * 0x9e3779b97f4a7c15U >> 40) & (ALL_ADDRESSES - 1)];
	if (p->length == 0 || memcmp(p->bytes, ip->bytes, 16) != 0) {
		memcpy(p->bytes, ip->bytes, 16);
		p->text[0] = '[';
		skt_ip_print(ip, p->text + 1);
		p->length = (uint8_t)(strlen(p->text) + 1);
		p->text[p->length - 1] = ']';
	}
	return p;
}

/* What has a zone or is not IP is rare. */
static void all_end_slowly(struct all *a, const struct skt_sock *s, bool remote)
{
	struct skt_text t = { 0 };

	flows_add_end(a->f, s, remote, &t);
	all_add(a, skt_text_get(&t), t.len < ALL_ROW / 4 ? t.len : ALL_ROW / 4);
	skt_text_release(&t);
}

static void all_port(struct all *a, uint32_t port)
{
	char room[16], *end = room + sizeof(room), *s = all_digits(end, port);

	*--s = ':';
	all_add(a, s, (size_t)(end - s));
}

static void all_end(struct all *a, const struct skt_sock *s, bool remote)
{
	const struct skt_ip *ip = remote ? &s->remote : &s->local;
	const struct printed *p;

	if (!ip->family && s->local.family)
		return;
	if (s->interface || !ip->family) {
		all_end_slowly(a, s, remote);
		return;
	}
	if (ip->family == 6) {
		p = all_ip6(a, ip);
		all_add(a, p->text, p->length);
	} else {
		for (int i = 0; i < 4; i++) { /* each has its dot behind it */
			all_add(a, a->octet[ip->bytes[i]].text, 4);
			a->n -= 4U - a->octet[ip->bytes[i]].length;
		}
		a->n--;
	}
	all_port(a, remote ? s->remote_port : s->local_port);
}

/* The same as a width, cheaply where the address is IPv4. */
static size_t all_end_width(struct all *a, const struct skt_sock *s, bool remote)
{
	const struct skt_ip *ip = remote ? &s->remote : &s->local;
	uint32_t port = remote ? s->remote_port : s->local_port;
	size_t width = 2, began = a->n;

	if (ip->family != 4 || s->interface) {
		all_end(a, s, remote);
		width = a->n - began;
		a->n = began;
		return width;
	}
	for (int i = 0; i < 4; i++)
		width += a->octet[ip->bytes[i]].length;
	return width - 1 + (port > 9) + (port > 99) + (port > 999) + (port > 9999);
}

static void all_direction(struct all *a, const struct skt_sock *s)
{
	static const char words[3][2][ALL_DIRECTION + 1] = { { "", "" }, { "in", "in?" }, { "out", "out?" } };
	enum skt_direction_from from;
	enum skt_direction direction = skt_direction_of(&a->f->listeners, s, &from);
	const char *word = words[direction][from == SKT_FROM_RANGE];

	all_add(a, word, strlen(word));
}

static void all_process(struct all *a, const struct skt_sock *s)
{
	const struct skt_census *c = &a->f->census;
	const struct skt_process *p;

	for (size_t i = 0; s->inode && (p = skt_census_holder(c, s, i, NULL)) != NULL; i++) {
		size_t k = (size_t)(p - c->process);

		if (i > 0)
			all_add_long(a, ", ", 2);
		all_add_long(a, skt_text_get(&a->names) + a->name[k], a->name[k + 1] - a->name[k]);
	}
}

static void all_row(struct all *a, const struct skt_sock *s)
{
	const char *state = skt_sock_state_name(s);
	size_t began;

	all_reserve(a, ALL_ROW);
	began = a->n;
	all_add(a, state, strlen(state));
	all_pad(a, began, a->state_width);
	began = a->n;
	all_end(a, s, false);
	all_pad(a, began, a->local_width);
	began = a->n;
	all_direction(a, s);
	all_pad(a, began, ALL_DIRECTION);
	began = a->n;
	all_end(a, s, true);
	all_pad(a, began, a->remote_width);
	all_number(a, s->queue);
	all_number(a, s->limit);
	all_process(a, s);
	while (a->out[a->n - 1] == ' ')
		a->n--;
	a->out[a->n++] = '\n';
}

static size_t all_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Which rows there are, how many of each state, and how wide the columns must be. */
static void all_survey(struct all *a, size_t count[SKT_STATE_COUNT + 1])
{
	const struct skt_socktable *t = &a->f->census.table;
	bool is_filtered = !skt_filter_is_empty(a->f->filter);
	struct skt_measured m;
	enum skt_direction_from from;

	for (size_t i = 0; i < t->n; i++) {
		struct skt_sock *s = &t->sock[i];

		s->is_wanted = is_filtered ? skt_flowlook_wants(a->f, s, &m, &from) : a->f->states >> s->state & 1U;
		if (!s->is_wanted)
			continue;
		count[s->state + 1]++;
		a->n_rows++;
		a->local_width = all_max(a->local_width, all_end_width(a, s, false));
		a->remote_width = all_max(a->remote_width, all_end_width(a, s, true));
	}
}

static int all_group(struct all *a)
{
	const struct skt_socktable *t = &a->f->census.table;
	size_t count[SKT_STATE_COUNT + 1] = { 0 };

	all_survey(a, count);
	a->row = skt_malloc((a->n_rows + 1) * sizeof(*a->row));
	if (!a->row)
		return -SKT_E_LIMIT;
	for (unsigned i = 0; i < SKT_STATE_COUNT; i++) {
		if (count[i + 1] > 0 && skt_sockstate_name(i))
			a->state_width = all_max(a->state_width, strlen(skt_sockstate_name(i)));
		count[i + 1] += count[i];
	}
	for (size_t i = 0; i < t->n; i++) {
		struct skt_sock *s = &t->sock[i];

		if (s->is_wanted)
			a->row[count[s->state]++] = (uint32_t)i;
		s->is_wanted = s->is_wanted && s->inode;
	}
	return 0;
}

static int all_name_processes(struct all *a)
{
	const struct skt_census *c = &a->f->census;

	a->name = skt_malloc((c->n_processes + 1) * sizeof(*a->name));
	if (!a->name)
		return -SKT_E_LIMIT;
	for (size_t i = 0; i < c->n_processes; i++) {
		a->name[i] = (uint32_t)a->names.len;
		skt_column_add_plain(&a->names, c->process[i].name);
		skt_text_addf(&a->names, " %d", (int)c->process[i].pid);
	}
	a->name[c->n_processes] = (uint32_t)a->names.len;
	return a->names.failed ? -SKT_E_LIMIT : 0;
}

static int all_begin(struct all *a)
{
	a->out = skt_malloc(ALL_PIECE + ALL_ROW);
	a->printed = skt_zalloc(ALL_ADDRESSES * sizeof(*a->printed));
	if (!a->out || !a->printed)
		return -SKT_E_LIMIT;
	for (uint32_t i = 0; i < 256; i++) {
		char room[4], *end = room + sizeof(room), *s = all_digits(end - 1, i);

		end[-1] = '.';
		a->octet[i].length = (uint8_t)(end - s);
		memcpy(a->octet[i].text, s, a->octet[i].length);
	}
	return all_name_processes(a) < 0 || all_group(a) < 0 ? -SKT_E_LIMIT : 0;
}

static void all_title(struct all *a, const char *title, size_t *width)
{
	struct skt_text t = { 0 };

	*width = all_max(*width, skt_columns(title));
	skt_column_pad(&t, title, *width + 2);
	all_add_long(a, skt_text_get(&t), t.len);
	skt_text_release(&t);
}

static void all_titles(struct all *a)
{
	size_t direction = ALL_DIRECTION, number = ALL_NUMBER;

	all_title(a, _("STATE"), &a->state_width);
	all_title(a, _("LOCAL"), &a->local_width);
	all_title(a, _("DIR"), &direction);
	all_title(a, _("REMOTE"), &a->remote_width);
	all_title(a, _("UNREAD"), &number);
	all_title(a, _("UNACKED"), &number);
	all_add_long(a, _("PROCESS"), strlen(_("PROCESS")));
	all_add_long(a, "\n", 1);
}

int flows_write_all(const struct skt_flowlook *f, struct skt_error *err)
{
	struct all a = { .f = f };
	int ret = all_begin(&a);

	if (ret < 0) {
		ret = skt_fail_memory(err);
	} else {
		all_titles(&a);
		for (size_t i = 0; i < a.n_rows; i++)
			all_row(&a, &f->census.table.sock[a.row[i]]);
		all_flush(&a);
		ret = a.failed;
	}
	skt_free(a.out);
	skt_free(a.printed);
	skt_free(a.name);
	skt_free(a.row);
	skt_text_release(&a.names);
	return ret;
}
