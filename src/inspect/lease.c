/* SPDX-License-Identifier: Apache-2.0 */
/* A lease: its record as text, and whether its owner still runs.
 *
 * A pid alone does not name a process, because pids are used again; the pid with the time at which the process began does. A process
 * that has ended and waits to be reaped holds no socket any more: it counts as gone. */
#include "inspect/lease.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/unit.h"
#include "inspect/leasebook.h"
#include "sys/proc.h"

enum { LEASE_COMMAND_MAX = 4096, LEASE_STAT_STARTED = 19 /* fields after the state; proc(5): field 22 */ };

void skt_lease_release(struct skt_lease *l)
{
	skt_free(l->command);
	skt_free(l->directory);
	skt_free(l->path);
	*l = (struct skt_lease){ 0 };
}

void skt_leases_release(struct skt_leases *l)
{
	for (size_t i = 0; i < l->n; i++)
		skt_lease_release(&l->lease[i]);
	skt_free(l->lease);
	*l = (struct skt_leases){ 0 };
}

const struct skt_lease *skt_leases_of_port(const struct skt_leases *l, unsigned port)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->lease[i].port == port)
			return &l->lease[i];
	return NULL;
}

int skt_leases_read(struct skt_leases *ret, struct skt_error *err)
{
	struct skt_leasebook book;
	struct skt_error quiet;
	int failed = skt_leasebook_open(&book, false, &quiet);

	if (failed < 0) { /* no directory, no leases */
		*ret = (struct skt_leases){ 0 };
		return failed == -SKT_E_LIMIT ? skt_fail_memory(err) : 0;
	}
	failed = skt_leasebook_read(&book, ret, err);
	skt_leasebook_close(&book);
	return failed;
}

bool skt_lease_is_name(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz", others[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

	return strspn(name, first) > 0 && name[strspn(name, others)] == '\0' && strlen(name) <= SKT_LEASE_NAME_MAX;
}

/* The end of the text counts too, so that "ab" "c" and "a" "bc" differ. */
uint64_t skt_lease_hash(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3U;
	while (*text++);
	return hash;
}

void skt_lease_print(const struct skt_lease *l, struct skt_json *j)
{
	char since[SKT_UNIT_LENGTH];
	char *command = l->command ? skt_strndup(l->command, strnlen(l->command, LEASE_COMMAND_MAX)) : NULL;

	skt_json_object(j, NULL);
	skt_json_string(j, "name", l->name);
	skt_json_int(j, "port", l->port);
	skt_json_int(j, "owner", l->owner);
	skt_json_int(j, "ticks", (int64_t)l->ticks);
	skt_json_int(j, "pid_namespace", (int64_t)l->pidns);
	skt_json_int(j, "child", l->child);
	skt_json_int(j, "since_ns", l->since);
	skt_json_string(j, "since", skt_instant_print(l->since, since));
	skt_json_string(j, "command", command);
	skt_json_string(j, "directory", l->directory);
	skt_json_end_object(j);
	skt_free(command);
}

/* A whole number of that range; false where there is none. */
static bool lease_number(const json_t *record, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const json_t *value = json_object_get(record, key);

	if (!json_is_integer(value))
		return false;
	*ret = json_integer_value(value);
	return *ret >= min && *ret <= max;
}

/* A copy of a text, "" where there is none; NULL where memory is short. */
static char *lease_text(const json_t *record, const char *key)
{
	const char *value = json_string_value(json_object_get(record, key));

	return skt_strdup(value ? value : "");
}

static bool lease_read_numbers(const json_t *record, struct skt_lease *ret)
{
	int64_t port, owner, ticks, pidns, child, since;

	if (!lease_number(record, "port", 1, 65535, &port) || !lease_number(record, "owner", 1, INT32_MAX, &owner) ||
	    !lease_number(record, "ticks", 0, INT64_MAX, &ticks) ||
	    !lease_number(record, "pid_namespace", 0, INT64_MAX, &pidns) ||
	    !lease_number(record, "child", 0, INT32_MAX, &child) ||
	    !lease_number(record, "since_ns", 0, INT64_MAX, &since))
		return false;
	ret->port = (unsigned)port;
	ret->owner = (pid_t)owner;
	ret->ticks = (uint64_t)ticks;
	ret->pidns = (uint64_t)pidns;
	ret->child = (pid_t)child;
	ret->since = since;
	return true;
}

static int lease_read(const json_t *record, struct skt_lease *ret)
{
	const char *name = json_string_value(json_object_get(record, "name"));
	struct skt_lease l = { 0 };

	if (!name || (*name && !skt_lease_is_name(name)) || !lease_read_numbers(record, &l))
		return -SKT_E_USAGE;
	memcpy(l.name, name, strlen(name) + 1);
	l.command = lease_text(record, "command");
	l.directory = lease_text(record, "directory");
	if (!l.command || !l.directory) {
		skt_lease_release(&l);
		return -SKT_E_LIMIT;
	}
	*ret = l;
	return 0;
}

int skt_lease_parse(const char *record, size_t n, struct skt_lease *ret)
{
	json_error_t where;
	json_t *root = json_loadb(record, n, JSON_REJECT_DUPLICATES, &where);
	int failed = json_is_object(root) ? lease_read(root, ret) : -SKT_E_USAGE;

	if (root)
		json_decref(root);
	return failed;
}

/* The state of a process, and when it began. The name before them may hold blanks and parentheses. proc(5). */
static bool lease_process(pid_t pid, char *state, uint64_t *ticks)
{
	char line[1024], *at;

	if (skt_proc_read(pid, "stat", line, sizeof(line)) <= 0 || !(at = strrchr(line, ')')) || at[1] != ' ')
		return false;
	at += 2;
	*state = *at;
	for (int i = 0; i < LEASE_STAT_STARTED; i++) {
		at = strchr(at, ' ');
		if (!at)
			return false;
		at++;
	}
	*ticks = strtoull(at, NULL, 10);
	return *ticks > 0;
}

bool skt_lease_is_alive(const struct skt_lease *l)
{
	uint64_t ticks;
	char state;

	if (kill(l->owner, 0) < 0 && errno == ESRCH)
		return false;
	if (!lease_process(l->owner, &state, &ticks)) /* gone just now; or nobody can be seen here, not even ourselves */
		return !lease_process(getpid(), &state, &ticks);
	return state != 'Z' && state != 'X' && (l->ticks == 0 || l->ticks == ticks);
}

void skt_lease_own(struct skt_lease *l)
{
	struct stat st;
	char state;

	l->owner = getpid();
	if (!lease_process(l->owner, &state, &l->ticks))
		l->ticks = 0;
	l->pidns = stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}
