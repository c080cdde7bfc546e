/* SPDX-License-Identifier: Apache-2.0 */
/* Service and container, from the names of cgroups.
 *
 * How it works: each line's path is walked from the root inwards, name by name. A name is the container's where it fits a row of
 * the table below; else it is a unit where it ends as units do. The innermost wins, so that nginx.service within a container
 * is found, and a container within a container. Of the lines of version 1, systemd's own decides the unit. */
#include "inspect/cgroup.h"

#include <string.h>

#include "base/alloc.h"

enum { CGROUP_NUMBER_SHOWN = 12, CGROUP_NAME_MAX = 256 };

/* A part of the text. */
struct span {
	const char *s;
	size_t n;
};

/* What stands behind the prefix. */
enum cgroup_rest { REST_NUMBER, REST_NAME, REST_MACHINE };

/* How a runtime names the cgroup of a container. */
struct cgroup_row {
	const char *above;  /* the name of the directory that it must lie in, or NULL */
	const char *prefix; /* what its own name begins with */
	const char *suffix; /* what it must end with, or NULL: ".scope" may stand there */
	enum cgroup_rest rest;
	const char *runtime;
};

static const struct cgroup_row cgroup_rows[] = {
	{ NULL, "docker-", NULL, REST_NUMBER, "docker" },
	{ "docker", "", NULL, REST_NUMBER, "docker" },
	{ "buildkit", "", NULL, REST_NUMBER, "buildkit" },
	{ NULL, "libpod-payload-", NULL, REST_NUMBER, "podman" }, /* podman --cgroups=split */
	{ NULL, "libpod-", NULL, REST_NUMBER, "podman" },
	{ NULL, "cri-containerd-", NULL, REST_NUMBER, "containerd" },
	{ NULL, "crio-", NULL, REST_NUMBER, "cri-o" },
	{ NULL, "nerdctl-", NULL, REST_NUMBER, "nerdctl" },
	{ NULL, "lxc.payload.", NULL, REST_NAME, "lxc" },
	{ "lxc.payload", "", NULL, REST_NAME, "lxc" },
	{ "lxc", "", NULL, REST_NAME, "lxc" },
	{ NULL, "systemd-nspawn@", ".service", REST_MACHINE, "nspawn" },
	{ "machine.slice", "machine-", ".scope", REST_MACHINE, "nspawn" },
	{ "default", "", NULL, REST_NUMBER, "containerd" }, /* its namespace of that name */
	{ "moby", "", NULL, REST_NUMBER, "docker" },
};

/* What the innermost names said. */
struct cgroup_found {
	struct span unit, number;
	const char *runtime;
	enum cgroup_rest rest;
	bool of_user;
};

static bool span_begins(struct span a, const char *with)
{
	size_t n = strlen(with);

	return a.n >= n && memcmp(a.s, with, n) == 0;
}

static bool span_ends(struct span a, const char *with)
{
	size_t n = strlen(with);

	return a.n >= n && memcmp(a.s + a.n - n, with, n) == 0;
}

static bool span_is(struct span a, const char *text)
{
	return a.n == strlen(text) && span_begins(a, text);
}

static struct span span_from(struct span a, size_t n)
{
	return (struct span){ .s = a.s + n, .n = a.n - n };
}

/* The part up to the first c, and *a moves behind that. */
static struct span span_cut(struct span *a, char c)
{
	const char *at = a->n ? memchr(a->s, c, a->n) : NULL;
	struct span part = { .s = a->s, .n = at ? (size_t)(at - a->s) : a->n };

	*a = span_from(*a, at ? part.n + 1 : part.n);
	return part;
}

static bool cgroup_is_number(struct span a)
{
	if (a.n < CGROUP_NUMBER_SHOWN || a.n > 128)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (!(a.s[i] >= '0' && a.s[i] <= '9') && !(a.s[i] >= 'a' && a.s[i] <= 'f'))
			return false;
	return true;
}

/* What is left of the name where the row fits, or n 0. */
static struct span cgroup_fit(const struct cgroup_row *row, struct span above, struct span name)
{
	const struct span none = { .s = name.s, .n = 0 };
	struct span rest;

	if ((row->above && !span_is(above, row->above)) || !span_begins(name, row->prefix))
		return none;
	rest = span_from(name, strlen(row->prefix));
	if (row->suffix && !span_ends(rest, row->suffix))
		return none;
	if (row->suffix)
		rest.n -= strlen(row->suffix);
	else if (span_ends(rest, ".scope"))
		rest.n -= strlen(".scope");
	return row->rest == REST_NUMBER && !cgroup_is_number(rest) ? none : rest;
}

/* Virtual machines are registered like containers, but the process that is seen runs outside of them: none. */
static const char *cgroup_machine(struct span *name)
{
	static const char vm[] = "qemu\\x2d", lxc[] = "lxc\\x2d";

	if (span_begins(*name, vm))
		return NULL;
	if (!span_begins(*name, lxc))
		return "nspawn";
	*name = span_from(*name, sizeof(lxc) - 1);
	return "lxc";
}

static bool cgroup_take_container(struct span above, struct span name, bool in_kubernetes, struct cgroup_found *f)
{
	for (size_t i = 0; i < SKT_LENGTH(cgroup_rows); i++) {
		const struct cgroup_row *row = &cgroup_rows[i];
		struct span rest = cgroup_fit(row, above, name);
		const char *runtime = row->rest == REST_MACHINE ? cgroup_machine(&rest) : row->runtime;

		if (rest.n == 0 || !runtime)
			continue;
		f->runtime = in_kubernetes ? "kubernetes" : runtime;
		f->number = rest;
		f->rest = row->rest;
		return true;
	}
	if (!in_kubernetes || !cgroup_is_number(name))
		return false;
	f->runtime = "kubernetes";
	f->number = name;
	f->rest = REST_NUMBER;
	return true;
}

static bool cgroup_is_unit(struct span name)
{
	static const char *const suffix[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

	for (size_t i = 0; i < SKT_LENGTH(suffix); i++)
		if (name.n > strlen(suffix[i]) && span_ends(name, suffix[i]))
			return true;
	return false;
}

/* A name that would be taken for a file of the kernel has a _ before it (systemd's cg_escape). */
static void cgroup_take_unit(struct span name, struct cgroup_found *f)
{
	if (span_begins(name, "_"))
		name = span_from(name, 1);
	if (span_begins(name, "user@"))
		f->of_user = true; /* the manager: what matters lies below it */
	else
		f->unit = name;
}

/* What the kernel says of a directory that has been removed is no part of its name. */
static struct span cgroup_path(struct span path)
{
	static const char deleted[] = " (deleted)";

	if (span_ends(path, deleted))
		path.n -= sizeof(deleted) - 1;
	return path;
}

static struct cgroup_found cgroup_walk(struct span path)
{
	struct cgroup_found f = { 0 };
	struct span above = { .s = "", .n = 0 };
	bool in_kubernetes = false;

	path = cgroup_path(path);
	while (path.n > 0) {
		struct span name = span_cut(&path, '/'), last = name;

		/* "kubepods-burstable-podX.slice:cri-containerd:4c01...": a runtime that was told to ask systemd, and does not */
		while (span_begins(name, "kubepods") && memchr(last.s, ':', last.n))
			(void)span_cut(&last, ':');
		if (name.n == 0)
			continue;
		in_kubernetes = in_kubernetes || span_begins(name, "kubepods");
		if (!cgroup_take_container(above, last, in_kubernetes, &f) && cgroup_is_unit(name))
			cgroup_take_unit(name, &f);
		above = name;
	}
	return f;
}

/* 2 for systemd's own line, 1 for that of version 2, 0 for the others of version 1. */
static int cgroup_weight(struct span controllers)
{
	return span_is(controllers, "name=systemd") ? 2 : controllers.n == 0 ? 1 : 0;
}

static struct cgroup_found cgroup_find(const char *text)
{
	struct cgroup_found all = { 0 };
	struct span rest = { .s = text, .n = strlen(text) };
	int best = -1;

	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');
		struct cgroup_found f;
		int weight;

		(void)span_cut(&line, ':');
		weight = cgroup_weight(span_cut(&line, ':'));
		f = cgroup_walk(line);
		if (f.runtime && (!all.runtime || weight > best)) {
			all.runtime = f.runtime;
			all.number = f.number;
			all.rest = f.rest;
		}
		if ((f.unit.n > 0 || f.of_user) && (all.unit.n == 0 || weight > best)) {
			all.unit = f.unit;
			all.of_user = f.of_user;
		}
		best = weight > best ? weight : best;
	}
	return all;
}

static int cgroup_hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Take one character: "\x2d" is the one that it means (systemd.unit(5)), but never NUL. */
static char cgroup_unescape(struct span *a)
{
	char c = a->s[0];

	if (a->n >= 4 && c == '\\' && a->s[1] == 'x') {
		int high = cgroup_hex(a->s[2]), low = cgroup_hex(a->s[3]);

		if (high >= 0 && low >= 0 && high + low > 0) {
			*a = span_from(*a, 4);
			return (char)(high << 4 | low);
		}
	}
	*a = span_from(*a, 1);
	return c;
}

static char *cgroup_container(const struct cgroup_found *f)
{
	char room[CGROUP_NAME_MAX];
	struct span name = f->number;
	size_t n = strlen(f->runtime);

	memcpy(room, f->runtime, n);
	room[n++] = ' ';
	if (f->rest == REST_NUMBER)
		name.n = CGROUP_NUMBER_SHOWN;
	while (name.n > 0 && n < sizeof(room) - 1) {
		if (f->rest == REST_MACHINE) {
			room[n++] = cgroup_unescape(&name);
		} else {
			room[n++] = name.s[0];
			name = span_from(name, 1);
		}
	}
	return skt_strndup(room, n);
}

void skt_cgroup_read(const char *text, char **unit, char **container)
{
	struct cgroup_found f = cgroup_find(text);

	*unit = f.unit.n > 0 ? skt_strndup(f.unit.s, f.unit.n) : NULL;
	*container = f.runtime ? cgroup_container(&f) : NULL;
}

bool skt_cgroup_is_of_user(const char *text)
{
	return cgroup_find(text).of_user;
}
