/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a port or a name: which sockets are meant, and the holder in words. It is this test itself, or its child. */
#include "holding.h"

#include "inspect/freeport.h"
#include "inspect/leasebook.h"

enum { PORT = 8080 };

/* --- the spot ----------------------------------------------------------------------------------------------------- */

static void an_endpoint_becomes_the_spot_it_means(void **state)
{
	enum { NONE = 0, ANY = 1, REMOTE = 2, LOCAL = 4 };
	static const struct {
		const char *text;
		enum skt_proto proto;
		unsigned port;
		int ip, family;
		unsigned is;
	} cases[] = {
		{ "8080", SKT_PROTO_TCP, 8080, 0, 0, LOCAL },
		{ "tcp::8080", SKT_PROTO_TCP, 8080, 0, 0, LOCAL },
		{ "tcp4::8080", SKT_PROTO_TCP, 8080, 0, 4, LOCAL },
		{ "tcp6::8080", SKT_PROTO_TCP, 8080, 0, 6, LOCAL },
		{ "tcp::8080 family=4", SKT_PROTO_TCP, 8080, 0, 4, LOCAL },
		{ "tcp::8080 family=6", SKT_PROTO_TCP, 8080, 0, 6, LOCAL },
		{ "tcp::8080 family=any", SKT_PROTO_TCP, 8080, 0, 0, LOCAL },
		{ "udp::53", SKT_PROTO_UDP, 53, 0, 0, LOCAL },
		{ "udp::53 family=4", SKT_PROTO_UDP, 53, 0, 4, LOCAL },
		{ "udp:[::1]:53", SKT_PROTO_UDP, 53, 6, 6, LOCAL },
		{ "any:80", SKT_PROTO_TCP, 80, 0, 0, ANY | LOCAL },
		{ "tcp4:any:80", SKT_PROTO_TCP, 80, 0, 4, ANY | LOCAL },
		{ "0.0.0.0:80", SKT_PROTO_TCP, 80, 4, 4, ANY | LOCAL },
		{ "[::]:80", SKT_PROTO_TCP, 80, 6, 6, ANY | LOCAL },
		{ "127.0.0.1:80", SKT_PROTO_TCP, 80, 4, 4, LOCAL },
		{ "127.9.8.7:80", SKT_PROTO_TCP, 80, 4, 4, LOCAL },
		{ "[::1]:80", SKT_PROTO_TCP, 80, 6, 6, LOCAL },
		{ "[::ffff:127.0.0.1]:80", SKT_PROTO_TCP, 80, 4, 4, LOCAL },
		{ "[::ffff:192.0.2.7]:80", SKT_PROTO_TCP, 80, 4, 4, REMOTE },
		{ "192.0.2.7:80", SKT_PROTO_TCP, 80, 4, 4, REMOTE },
		{ "[2001:db8::7]:80", SKT_PROTO_TCP, 80, 6, 6, REMOTE },
		{ "localhost:80", SKT_PROTO_TCP, 80, 0, 0, LOCAL },
		{ "LocalHost:80", SKT_PROTO_TCP, 80, 0, 0, LOCAL },
		{ "shop.localhost:80", SKT_PROTO_TCP, 80, 0, 0, LOCAL },
		{ "localhost.:80", SKT_PROTO_TCP, 80, 0, 0, LOCAL },
		{ "[::]:80 v6only=no", SKT_PROTO_TCP, 80, 6, 0, ANY | LOCAL },
		{ "notlocalhost:80", SKT_PROTO_TCP, 80, 0, 0, NONE },
		{ "localhost.example:80", SKT_PROTO_TCP, 80, 0, 0, NONE },
		{ "example.org:80", SKT_PROTO_TCP, 80, 0, 0, NONE },
		{ "vsock:any:70000", SKT_PROTO_VSOCK, 70000, 0, 0, NONE },
		{ "vsock:2:5000", SKT_PROTO_VSOCK, 5000, 0, 0, NONE },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_endpoint e;
		struct skt_spot spot;
		unsigned is;

		endpoint(cases[i].text, &e);
		spot_of(&e, &spot);
		is = (spot.is_any ? ANY : 0U) | (spot.is_remote ? REMOTE : 0U) | (spot.is_local ? LOCAL : 0U);
		if (spot.protos != 1U << cases[i].proto || spot.port != cases[i].port || spot.ip.family != cases[i].ip ||
		    spot.family != cases[i].family || is != cases[i].is || spot.name || spot.path[0])
			fail_msg("%s: protocols %#x, port %u, address of IPv%d, family %d, is %#x", cases[i].text,
				 spot.protos, spot.port, spot.ip.family, spot.family, is);
		skt_endpoint_release(&e);
	}
}

static void the_bytes_of_a_mapped_address_are_those_of_ipv4(void **state)
{
	static const uint8_t bytes[] = { 127, 1, 2, 3 };
	struct skt_endpoint e;
	struct skt_spot spot;

	(void)state;
	endpoint("[::ffff:127.1.2.3]:80", &e);
	spot_of(&e, &spot);
	assert_memory_equal(spot.ip.bytes, bytes, sizeof(bytes));
	skt_endpoint_release(&e);
}

/* An address that is not loopback; which one depends on the machine. */
static void an_address_of_an_interface_is_local(void **state)
{
	struct skt_addr local, to;
	char text[SKT_ADDR_LENGTH];
	struct skt_endpoint e;
	struct skt_spot spot;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), reached;

	(void)state;
	assert_int_equal(skt_addr_parse_ip("192.0.2.7", NULL, 9, &to), 0);
	reached = connect(fd, &to.sa, to.len); /* sends nothing: the kernel picks the address it would send from */
	if (reached == 0)
		assert_int_equal(skt_addr_of_local(fd, &local), 0);
	(void)close(fd);
	if (reached < 0)
		skip();
	endpoint(skt_addr_print(&local, text), &e);
	spot_of(&e, &spot);
	assert_true(spot.is_local && !spot.is_remote && !spot.is_any);
	skt_endpoint_release(&e);
}

static void a_unix_socket_is_a_name_and_its_canonical_path(void **state)
{
	static const struct {
		const char *text, *name, *path;
		enum skt_proto proto;
	} cases[] = {
		{ "unix:/nonexistent/x", "/nonexistent/x", "", SKT_PROTO_UNIX },
		{ "unix:/x.sock", "/x.sock", "/x.sock", SKT_PROTO_UNIX },
		{ "unix:/proc/../x.sock", "/proc/../x.sock", "/x.sock", SKT_PROTO_UNIX },
		{ "unix-seqpacket:/proc/./x", "/proc/./x", "/proc/x", SKT_PROTO_UNIX_SEQPACKET },
		{ "unix:@soket", "@soket", "", SKT_PROTO_UNIX },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_endpoint e;
		struct skt_spot spot;

		endpoint(cases[i].text, &e);
		spot_of(&e, &spot);
		assert_int_equal(spot.protos, 1U << cases[i].proto);
		assert_int_equal(spot.port, 0);
		assert_string_equal(spot.name, cases[i].name);
		assert_string_equal(spot.path, cases[i].path);
		assert_false(spot.is_any || spot.is_remote || spot.is_local);
		skt_endpoint_release(&e);
	}
}

static void what_nobody_can_hold_is_refused_by_its_scheme(void **state)
{
	static const struct {
		const char *text, *scheme;
	} cases[] = { { "exec:cat", "exec" }, { "file:/etc/hosts", "file" }, { "stdio:", "stdio" } };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_endpoint e;
		struct skt_error err = { 0 };
		struct skt_spot spot = { .port = 7 };
		char expected[TEXT];

		endpoint(cases[i].text, &e);
		assert_int_equal(skt_spot_of(&e, &spot, &err), -SKT_E_USAGE);
		assert_int_equal(err.kind, SKT_E_USAGE);
		(void)snprintf(expected, sizeof(expected), "%s is neither a port nor a socket", cases[i].scheme);
		says(err.text, expected);
		says(err.hint, "@name");
		assert_int_equal(spot.port, 7);
		assert_int_equal(skt_spot_of(&e, &spot, NULL), -SKT_E_USAGE);
		skt_endpoint_release(&e);
	}
}

/* --- which sockets are at the spot -------------------------------------------------------------------------------- */

#define STREAM .proto = SKT_PROTO_TCP, .state = SKT_STATE_LISTEN, .info = -1

/* The columns of the table below. */
static const struct column {
	const char *host;
	bool v6only;
	struct skt_sock sock;
} columns[] = {
	{ "127.0.0.1", false, { STREAM, .local = { 4, { 127, 0, 0, 1 } }, .local_port = PORT } },
	{ "0.0.0.0", false, { STREAM, .local = { 4, { 0 } }, .local_port = PORT } },
	{ "::1", true, { STREAM, .local = { 6, { [15] = 1 } }, .local_port = PORT } },
	{ "::", true, { STREAM, .local = { 6, { 0 } }, .local_port = PORT, .v6only = true } },
	{ "::", false, { STREAM, .local = { 6, { 0 } }, .local_port = PORT } },
	{ "::ffff:127.0.0.1", false, { STREAM, .local = { 6, { [10] = 255, 255, 127, 0, 0, 1 } }, .local_port = PORT } },
	{ "127.0.0.2", false, { STREAM, .local = { 4, { 127, 0, 0, 2 } }, .local_port = PORT } },
	/* these the kernel is not asked about */
	{ NULL, false, { STREAM, .local = { 4, { 127, 0, 0, 1 } }, .local_port = PORT + 1 } },
	{ NULL,
	  false,
	  { .proto = SKT_PROTO_UDP,
	    .state = SKT_STATE_CLOSE,
	    .local = { 4, { 127, 0, 0, 1 } },
	    .local_port = PORT,
	    .info = -1 } },
};

/* x: yes; -: no; a blank: not checked. Behind them, the addresses that such an endpoint listens on, and those that it
 * dials. */
static const struct row {
	const char *before, *has, *reaches, *conflicts;
	const char *listen[2], *dial[2];
} rows[] = {
	/* clang-format off */
	{ "127.0.0.1:", "xxxxxxx-x", "xx--xx---", "xx--xx---", { "127.0.0.1" }, { "127.0.0.1" } },
	{ "127.0.0.2:", "xxxxxxx-x", "-x--x-x--", "-x--x-x--", { "127.0.0.2" }, { "127.0.0.2" } },
	{ "[::1]:",     "xxxxxxx-x", "--xxx----", "--xxx----", { "::1" }, { "::1" } },
	{ "[::ffff:127.0.0.1]:",
			"xxxxxxx-x", "xx--xx---", "xx--xx---", { NULL }, { "::ffff:127.0.0.1" } },
	{ "tcp::",      "xxxxxxx-x", "xxxxxx---", "xxxxxx---", { "127.0.0.1", "::1" }, { "127.0.0.1", "::1" } },
	{ "localhost:", "xxxxxxx-x", "xxxxxx---", "xxxxxx---", { "127.0.0.1", "::1" }, { "127.0.0.1", "::1" } },
	{ "tcp4::",     "xxxxxxx-x", "xx--xx---", "xx--xx---", { "127.0.0.1" }, { "127.0.0.1" } },
	{ "tcp6::",     "xxxxxxx-x", "--xxx----", "--xxx----", { "::1" }, { "::1" } },
	{ "any:",       "xxxxxxx-x", "xxxxxx---", "xxxxxxx--", { "0.0.0.0", "::" }, { "127.0.0.1", "::1" } },
	{ "0.0.0.0:",   "xxxxxxx-x", "xx--xx---", "xx--xxx--", { "0.0.0.0" }, { "0.0.0.0" } },
	{ "[::]:",      "xxxxxxx-x", "--xxx----", "--xxx----", { "::" }, { "::1" } },
	{ "example.org:", "xxxxxxx-x", "xxxxxx---", "-x-xx----", { NULL }, { NULL } },
	{ "192.0.2.7:", "---------", "---------", "-x--x----", { NULL }, { NULL } },
	{ "[2001:db8::7]:",
			"---------", "---------", "---xx----", { NULL }, { NULL } },
	{ "udp:127.0.0.1:",
			"xxxxxxx-x", "--------x", "--------x", { NULL }, { NULL } },
	{ "udp:[::1]:", "xxxxxxx-x", "---------", "---------", { NULL }, { NULL } },
	/* clang-format on */
};

static void check_cell(const struct row *row, const char *what, const char *expected, size_t column, bool is)
{
	if (expected[column] != ' ' && (expected[column] == 'x') != is)
		fail_msg("%s%d %s column %zu (%s): %s", row->before, PORT, what, column,
			 columns[column].host ? columns[column].host : "-", is ? "yes" : "no");
}

static void each_endpoint_has_reaches_and_conflicts_with_its_sockets(void **state)
{
	struct skt_socktable none = { 0 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_endpoint e;
		struct skt_spot spot;

		endpoint_at(rows[i].before, PORT, &e);
		spot_of(&e, &spot);
		for (size_t k = 0; k < SKT_LENGTH(columns); k++) {
			const struct skt_sock *s = &columns[k].sock;

			check_cell(&rows[i], "has", rows[i].has, k, skt_spot_has(&spot, &none, s));
			check_cell(&rows[i], "reaches", rows[i].reaches, k, skt_spot_reaches(&spot, s));
			check_cell(&rows[i], "conflicts with", rows[i].conflicts, k, skt_spot_conflicts(&spot, s));
		}
		skt_endpoint_release(&e);
	}
}

static bool kernel_refuses_to_listen(const char *const *host, unsigned port)
{
	bool ret = false;

	for (int i = 0; i < 2 && host[i]; i++) {
		int fd = try_bind(host[i], port, SOCK_STREAM, true);

		ret = ret || fd < 0 || listen(fd, 1) < 0;
		(void)close(fd);
	}
	return ret;
}

static bool kernel_connects(const char *const *host, unsigned port)
{
	bool ret = false;

	for (int i = 0; i < 2 && host[i]; i++) {
		struct skt_addr to;
		int fd;

		assert_int_equal(skt_addr_parse_ip(host[i], NULL, (int)port, &to), 0);
		fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ret = ret || connect(fd, &to.sa, to.len) == 0;
		(void)close(fd);
	}
	return ret;
}

/* Listen on a column's address, on a port that nobody else is given meanwhile: a hold does not listen, so it is in nobody's
 * way. */
static int column_listens(const struct column *c, struct skt_hold *hold)
{
	struct skt_error err = { 0 };
	int fd;

	SUPPORT_OK(skt_hold_open(0, hold, &err), &err);
	fd = try_bind(c->host, hold->port, SOCK_STREAM, c->v6only);
	assert_true(fd >= 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void check_with_the_kernel(const struct row *row, size_t column)
{
	struct skt_hold hold;
	int fd = column_listens(&columns[column], &hold);

	if (row->dial[0])
		check_cell(row, "is by the kernel connected to", row->reaches, column,
			   kernel_connects(row->dial, hold.port));
	(void)close(fd);
	skt_hold_close(&hold);
	fd = column_listens(&columns[column], &hold); /* what was connected may leave TIME_WAIT on the other port */
	if (row->listen[0])
		check_cell(row, "is by the kernel in conflict with", row->conflicts, column,
			   kernel_refuses_to_listen(row->listen, hold.port));
	(void)close(fd);
	skt_hold_close(&hold);
}

/* What the table expects is what really happens: each column listens, each row is tried. */
static void the_kernel_agrees_with_that_table(void **state)
{
	(void)state;
	if (!has_six())
		skip();
	for (size_t k = 0; k < SKT_LENGTH(columns) && columns[k].host; k++)
		for (size_t i = 0; i < SKT_LENGTH(rows); i++)
			check_with_the_kernel(&rows[i], k);
}

static void a_client_is_who_has_the_spot_at_its_other_end(void **state)
{
	static const struct skt_sock socks[] = {
		{ STREAM, .local_port = 40000, .remote = { 4, { 127, 0, 0, 1 } }, .remote_port = PORT },
		{ STREAM, .local_port = 40000, .remote = { 6, { [10] = 255, 255, 127, 0, 0, 1 } }, .remote_port = PORT },
		{ STREAM, .local_port = 40000, .remote = { 6, { [15] = 1 } }, .remote_port = PORT },
		{ STREAM, .local_port = 40000, .remote = { 4, { 192, 0, 2, 7 } }, .remote_port = PORT },
		{ STREAM, .local_port = PORT, .remote = { 4, { 127, 0, 0, 1 } }, .remote_port = 40000 },
		{ STREAM, .local_port = PORT },
		{ .proto = SKT_PROTO_UDP, .remote = { 4, { 127, 0, 0, 1 } }, .remote_port = PORT },
	};
	static const struct {
		const char *before, *expected;
	} cases[] = {
		{ "127.0.0.1:", "xx-----" },     { "[::1]:", "--x----" }, { "192.0.2.7:", "---x---" },
		{ "any:", "xxxx---" },           { "tcp::", "xxxx---" },  { "0.0.0.0:", "xxxx---" },
		{ "udp:127.0.0.1:", "------x" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_endpoint e;
		struct skt_spot spot;

		endpoint_at(cases[i].before, PORT, &e);
		spot_of(&e, &spot);
		for (size_t k = 0; k < SKT_LENGTH(socks); k++)
			if (skt_spot_is_dialled(&spot, &socks[k]) != (cases[i].expected[k] == 'x'))
				fail_msg("%s%d and socket %zu", cases[i].before, PORT, k);
		skt_endpoint_release(&e);
	}
}

static void a_vsock_port_is_not_a_number_of_16_bits(void **state)
{
	struct skt_sock s = { .proto = SKT_PROTO_VSOCK, .state = SKT_STATE_LISTEN, .local_cid = 2, .local_port = 70000 };
	struct skt_socktable none = { 0 };
	struct skt_endpoint e;
	struct skt_spot spot;

	(void)state;
	endpoint("vsock:any:70000", &e);
	spot_of(&e, &spot);
	assert_true(skt_spot_has(&spot, &none, &s));
	assert_true(skt_spot_conflicts(&spot, &s));
	s.local_port = 70000 - 65536;
	assert_false(skt_spot_has(&spot, &none, &s));
	assert_false(skt_spot_conflicts(&spot, &s));
	skt_endpoint_release(&e);
}

static void port_0_is_nobodys(void **state)
{
	static const char *const texts[] = { "127.0.0.1:0", "udp::0", "any:0" };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(texts); i++) {
		struct skt_endpoint e;
		struct skt_spot spot;
		struct skt_error err = { 0 };

		endpoint(texts[i], &e);
		assert_int_equal(skt_spot_of(&e, &spot, &err), -SKT_E_USAGE);
		says(err.text, "port 0");
		skt_endpoint_release(&e);
	}
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* How many bound sockets are at that endpoint. */
static int n_bound(const char *text)
{
	struct skt_holders h = { 0 };
	struct skt_endpoint e;
	int n = 0;

	endpoint(text, &e);
	look(&e, NULL, &h);
	for (size_t i = 0; i < h.census.table.n; i++)
		n += skt_spot_has(&h.spot, &h.census.table, &h.census.table.sock[i]);
	skt_holders_release(&h);
	skt_endpoint_release(&e);
	return n;
}

static int n_bound_in(const char *directory, const char *name)
{
	char text[TEXT];

	(void)snprintf(text, sizeof(text), "unix:%s/%s", directory, name);
	return n_bound(text);
}

static void a_path_is_found_by_its_whole_name(void **state)
{
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];
	int fd;

	(void)state;
	support_dir(dir);
	support_join(dir, "x.sock", path);
	fd = unix_listen(path);
	assert_int_equal(n_bound_in(dir, "x.sock"), 1);
	assert_int_equal(n_bound_in(dir, "./x.sock"), 1);
	assert_int_equal(n_bound_in(dir, "../x.sock"), 0);
	assert_int_equal(n_bound_in(dir, "x.soc"), 0);
	assert_int_equal(n_bound_in(dir, "x.sock2"), 0);
	assert_int_equal(n_bound_in("/nonexistent", "x.sock"), 0);
	(void)close(fd);
	assert_int_equal(n_bound_in(dir, "x.sock"), 0);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void a_path_is_found_through_a_link_to_its_directory(void **state)
{
	char dir[SUPPORT_PATH], link[SUPPORT_PATH], path[SUPPORT_PATH];
	int fd;

	(void)state;
	support_dir(dir);
	(void)snprintf(link, sizeof(link), "%.60s-link", dir);
	assert_int_equal(symlink(dir, link), 0);
	support_join(dir, "x", path);
	fd = unix_listen(path); /* bound by the real name, asked for by the other */
	assert_int_equal(n_bound_in(link, "x"), 1);
	(void)close(fd);
	(void)unlink(path);
	support_join(link, "x", path);
	fd = unix_listen(path); /* and the other way round */
	assert_int_equal(n_bound_in(dir, "x"), 1);
	assert_int_equal(n_bound_in(link, "x"), 1);
	assert_int_equal(n_bound_in(dir, "y"), 0);
	(void)close(fd);
	(void)unlink(path);
	(void)unlink(link);
	(void)rmdir(dir);
}

/* Whoever binds a relative path has a directory of its own, which the kernel does not tell. */
static void a_relative_path_is_found_from_where_it_is(void **state)
{
	char dir[SUPPORT_PATH], path[SUPPORT_PATH], name[32], text[TEXT];
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	(void)state;
	support_dir(dir);
	(void)snprintf(name, sizeof(name), "%d.sock", (int)getpid()); /* a relative name is everybody's */
	(void)snprintf(text, sizeof(text), "unix:%s", name);
	support_join(dir, name, path);
	assert_int_equal(chdir(dir), 0);
	fd = unix_listen(name);
	assert_int_equal(n_bound(text), 1);
	(void)close(fd);
	(void)unlink(path);
	fd = unix_listen(path);
	assert_int_equal(n_bound(text), 1);
	text[strlen(text) - 1] = '\0';
	assert_int_equal(n_bound(text), 0);
	(void)close(fd);
	(void)unlink(path);
	assert_int_equal(fchdir(here), 0);
	(void)close(here);
	(void)rmdir(dir);
}

static void an_abstract_name_is_found_for_its_own_type(void **state)
{
	char name[64], text[TEXT];
	int fd;

	(void)state;
	(void)snprintf(name, sizeof(name), "@soket-unit-holder-%d", (int)getpid());
	fd = unix_listen(name);
	(void)snprintf(text, sizeof(text), "unix:%s", name);
	assert_int_equal(n_bound(text), 1);
	(void)snprintf(text, sizeof(text), "unix-seqpacket:%s", name);
	assert_int_equal(n_bound(text), 0);
	(void)snprintf(text, sizeof(text), "unix:%sx", name);
	assert_int_equal(n_bound(text), 0);
	(void)close(fd);
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

static void without_owners_there_are_sockets_and_nobody(void **state)
{
	static const struct skt_holders_spec spec = { .no_owners = true };
	struct skt_holders h = { 0 };
	struct skt_endpoint e;
	unsigned port;
	int fd = support_listen(1, &port);

	(void)state;
	endpoint_at("127.0.0.1:", port, &e);
	look(&e, &spec, &h);
	assert_null(skt_holder_of(&h, NULL, the_bound(&h)));
	assert_false(h.census.has_owners);
	skt_holders_release(&h);
	assert_int_equal(h.census.table.n, 0);
	skt_holders_release(&h); /* twice is as good as once */
	skt_endpoint_release(&e);
	(void)close(fd);
}

/* The clients of the spot whose owner is known. */
static int n_clients(const struct skt_endpoint *e, bool clients)
{
	struct skt_holders_spec spec = { .states = SKT_STATES_ALL, .clients = clients };
	struct skt_holders h = { 0 };
	int n = 0;

	look(e, &spec, &h);
	for (size_t i = 0; i < h.census.table.n; i++) {
		const struct skt_sock *s = &h.census.table.sock[i];

		if (skt_spot_is_dialled(&h.spot, s) && skt_holder_of(&h, NULL, s))
			n++;
	}
	skt_holders_release(&h);
	return n;
}

static void clients_have_owners_only_where_they_are_asked_for(void **state)
{
	struct skt_addr addr;
	struct skt_endpoint e;
	int pair[2];

	(void)state;
	support_tcp(pair);
	assert_int_equal(skt_addr_of_local(pair[0], &addr), 0);
	endpoint_at("127.0.0.1:", skt_addr_port(&addr), &e);
	assert_int_equal(n_clients(&e, true), 1);
	assert_int_equal(n_clients(&e, false), 0);
	skt_endpoint_release(&e);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void a_namespace_that_is_not_there_cannot_be_looked_into(void **state)
{
	static const struct skt_holders_spec spec = { .netns = "no-such-namespace" };
	struct skt_holders h = { .spot.port = 7 };
	struct skt_error err = { 0 };
	struct skt_endpoint e;
	struct skt_spot spot;

	(void)state;
	endpoint("127.0.0.1:80", &e);
	spot_of(&e, &spot);
	assert_int_equal(skt_holders_look(&spot, &spec, &h, &err), -SKT_E_USAGE);
	says(err.text, "no-such-namespace");
	assert_int_equal(h.spot.port, 7);
	skt_endpoint_release(&e);
}

/* --- the holder in words ------------------------------------------------------------------------------------------ */

static void a_holder_is_named_with_its_pid_and_as_you(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "0.0.0.0", "::1", "::" };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(hosts); i++) {
		unsigned port = free_port();
		bool is_six = strchr(hosts[i], ':');
		struct skt_holders h = { 0 };
		struct skt_endpoint e;
		const struct skt_process *p;
		int fd;

		if (is_six && !has_six())
			continue;
		fd = listen_at(hosts[i], port);
		endpoint_at(is_six ? "[::1]:" : "127.0.0.1:", port, &e);
		look(&e, NULL, &h);
		check_words(&h, NULL, the_bound(&h), ourselves());
		p = skt_holder_of(&h, NULL, the_bound(&h));
		assert_true(p && p->pid == getpid() && p->uid == geteuid());
		skt_holders_release(&h);
		skt_endpoint_release(&e);
		(void)close(fd);
	}
}

static void a_holder_of_a_name_is_named_too(void **state)
{
	struct skt_holders h = { 0 };
	struct skt_endpoint e;
	char dir[SUPPORT_PATH], path[SUPPORT_PATH], text[TEXT];
	int fd;

	(void)state;
	support_dir(dir);
	support_join(dir, "x", path);
	fd = unix_listen(path);
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	endpoint(text, &e);
	look(&e, NULL, &h);
	check_words(&h, NULL, the_bound(&h), ourselves());
	skt_holders_release(&h);
	skt_endpoint_release(&e);
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void children_that_share_a_socket_are_counted_behind_their_parent(void **state)
{
	struct skt_holders h = { 0 };
	struct skt_endpoint e;
	struct child first, second;
	char expected[TEXT];
	unsigned port;
	int fd = support_listen(1, &port);

	(void)state;
	endpoint_at("127.0.0.1:", port, &e);
	child_begin(&first);
	look(&e, NULL, &h);
	(void)snprintf(expected, sizeof(expected), "%s and 1 more", ourselves());
	check_words(&h, NULL, the_bound(&h), expected);
	skt_holders_release(&h);
	child_begin(&second);
	look(&e, NULL, &h);
	(void)snprintf(expected, sizeof(expected), "%s and 2 more", ourselves());
	check_words(&h, NULL, the_bound(&h), expected);
	skt_holders_release(&h);
	child_end(&second);
	child_end(&first);
	skt_endpoint_release(&e);
	(void)close(fd);
}

static void the_oldest_of_several_holders_stands_for_all(void **state)
{
	struct skt_process processes[] = { { .pid = 7, .ticks = 30, .name = "c" },
					   { .pid = 8, .ticks = 10, .name = "a", .uid = 4242424 },
					   { .pid = 9, .ticks = 20, .name = "" } };
	uint32_t slot = 1;
	struct skt_owner owners[] = { { .inode = 5, .pid = 7, .fd = 3 },
				      { .inode = 5, .pid = 8, .fd = 3 },
				      { .inode = 5, .pid = 8, .fd = 4 },
				      { .inode = 5, .pid = 9, .fd = 3 } };
	struct skt_holders h = {
		.census = { .process = processes,
			    .n_processes = SKT_LENGTH(processes),
			    .owners = { .owner = owners, .n = SKT_LENGTH(owners), .slot = &slot, .n_slots = 1 } }
	};
	static const struct skt_sock s = { STREAM, .inode = 5 };

	(void)state;
	assert_ptr_equal(skt_holder_of(&h, NULL, &s), &processes[1]);
	check_words(&h, NULL, &s, "a (pid 8, 4242424) and 2 more");
	processes[2].ticks = 5;
	processes[2].uid = geteuid();
	check_words(&h, NULL, &s, "? (pid 9, you) and 2 more");
}

static void a_holder_that_cannot_be_seen_is_told_by_its_user(void **state)
{
	struct skt_holders h = { 0 };
	struct skt_sock s = { STREAM, .inode = 5, .uid = UINT32_MAX };

	(void)state;
	assert_null(skt_holder_of(&h, NULL, &s));
	assert_null(skt_holder_of(&h, &h, &s));
	check_words(&h, NULL, &s, "a program that cannot be seen");
	s.uid = 4242424;
	check_words(&h, NULL, &s, "a program of 4242424, which cannot be seen");
	s.uid = geteuid();
	check_words(&h, NULL, &s, "a program of yours, which cannot be seen from here");
}

static void who_cannot_be_seen_now_is_known_from_an_earlier_look(void **state)
{
	static const struct skt_holders_spec blind = { .no_owners = true };
	struct skt_holders before = { 0 }, h = { 0 };
	struct skt_endpoint e;
	unsigned port;
	int fd = support_listen(1, &port);

	(void)state;
	endpoint_at("127.0.0.1:", port, &e);
	look(&e, NULL, &before);
	look(&e, &blind, &h);
	check_words(&h, NULL, the_bound(&h), "a program of yours, which cannot be seen from here");
	check_words(&h, &before, the_bound(&h), ourselves());
	assert_non_null(skt_holder_of(&h, &before, the_bound(&h)));
	skt_holders_release(&h);
	look(&e, NULL, &h);
	skt_holders_release(&before);
	check_words(&h, &before, the_bound(&h), ourselves()); /* an empty one takes nothing away */
	skt_holders_release(&h);
	skt_endpoint_release(&e);
	(void)close(fd);
}

/* The words of the socket at the spot while we have a lease of that name for its port; `changed` makes the record somebody
 * else's. */
static void check_lease_words(const struct skt_endpoint *e, const char *name, bool is_early, bool changed,
			      const char *ending)
{
	static const struct skt_holders_spec blind = { .no_owners = true };
	struct skt_lease lease = { .port = (unsigned)e->port, .since = 1, .command = NULL };
	struct skt_leasebook book;
	struct skt_holders h = { 0 }, before = { 0 };
	struct skt_error err = { 0 };
	char expected[TEXT];

	(void)snprintf(lease.name, sizeof(lease.name), "%s", name);
	lease.command = skt_strdup("npm start");
	lease.directory = skt_strdup("/");
	skt_lease_own(&lease);
	SUPPORT_OK(skt_leasebook_open(&book, true, &err), &err);
	SUPPORT_OK(skt_leasebook_write(&book, &lease, &err), &err);
	skt_leasebook_close(&book);
	look(e, NULL, &before);
	look(e, is_early ? &blind : NULL, &h);
	assert_int_equal(before.leases.n, 1);
	if (changed)
		h.leases.lease[0].ticks++;
	(void)snprintf(expected, sizeof(expected), "%s (pid %d, you)%s",
		       changed ? program_invocation_short_name : "soket run", (int)getpid(), ending);
	check_words(&h, is_early ? &before : NULL, the_bound(&h), expected);
	skt_holders_release(&before);
	skt_holders_release(&h);
	skt_lease_remove(&lease);
	skt_lease_release(&lease);
}

static void a_lease_is_named_as_such(void **state)
{
	struct skt_endpoint e;
	char dir[SUPPORT_PATH], line[SUPPORT_PATH + 16];
	unsigned port;
	int fd = support_listen(1, &port);

	(void)state;
	support_dir(dir);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", dir, 1), 0);
	endpoint_at("127.0.0.1:", port, &e);
	check_lease_words(&e, "web", false, false, ", a lease for web");
	check_lease_words(&e, "", false, false, ", a lease");
	check_lease_words(&e, "web", true, false, ", a lease for web");
	check_lease_words(&e, "web", false, true, "");
	skt_endpoint_release(&e);
	(void)unsetenv("XDG_RUNTIME_DIR");
	(void)snprintf(line, sizeof(line), "rm -rf %s", dir);
	assert_int_equal(system(line), 0);
	(void)close(fd);
}

static void you_are_you_and_others_have_their_names(void **state)
{
	char room[64];

	(void)state;
	assert_string_equal(skt_holder_user(geteuid(), room, sizeof(room)), "you");
	assert_string_equal(skt_holder_user(4242424, room, sizeof(room)), "4242424");
	assert_string_equal(skt_holder_user(UINT32_MAX, room, sizeof(room)), "?");
	if (geteuid() != 0)
		assert_string_equal(skt_holder_user(0, room, sizeof(room)), "root");
}

static void a_directory_is_written_as_people_write_it(void **state)
{
	static const struct {
		const char *home, *directory, *expected;
	} cases[] = {
		{ "/home/ann", "/home/ann/shop", "~/shop" },
		{ "/home/ann", "/home/ann", "~" },
		{ "/home/ann", "/home/anna/shop", "/home/anna/shop" },
		{ "/home/ann", "/home", "/home" },
		{ "/home/ann", "/srv", "/srv" },
		{ "/", "/srv", "/srv" },
		{ "/", "/", "/" },
		{ "", "/srv", "/srv" },
		{ NULL, "/srv", "/srv" },
		{ NULL, "/a/directory/longer/than/the/room", "/a/directory/longer/tha" },
	};
	char *kept = getenv("HOME") ? skt_strdup(getenv("HOME")) : NULL, room[24];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		if (cases[i].home)
			assert_int_equal(setenv("HOME", cases[i].home, 1), 0);
		else
			assert_int_equal(unsetenv("HOME"), 0);
		assert_string_equal(skt_holder_directory(cases[i].directory, room, sizeof(room)), cases[i].expected);
	}
	if (kept)
		assert_int_equal(setenv("HOME", kept, 1), 0);
	skt_free(kept);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(an_endpoint_becomes_the_spot_it_means),
		SUPPORT_TEST(the_bytes_of_a_mapped_address_are_those_of_ipv4),
		SUPPORT_TEST(an_address_of_an_interface_is_local),
		SUPPORT_TEST(a_unix_socket_is_a_name_and_its_canonical_path),
		SUPPORT_TEST(what_nobody_can_hold_is_refused_by_its_scheme),
		SUPPORT_TEST(each_endpoint_has_reaches_and_conflicts_with_its_sockets),
		SUPPORT_TEST(the_kernel_agrees_with_that_table),
		SUPPORT_TEST(a_client_is_who_has_the_spot_at_its_other_end),
		SUPPORT_TEST(a_vsock_port_is_not_a_number_of_16_bits),
		SUPPORT_TEST(port_0_is_nobodys),
		SUPPORT_TEST(a_path_is_found_by_its_whole_name),
		SUPPORT_TEST(a_path_is_found_through_a_link_to_its_directory),
		SUPPORT_TEST(a_relative_path_is_found_from_where_it_is),
		SUPPORT_TEST(an_abstract_name_is_found_for_its_own_type),
		SUPPORT_TEST(without_owners_there_are_sockets_and_nobody),
		SUPPORT_TEST(clients_have_owners_only_where_they_are_asked_for),
		SUPPORT_TEST(a_namespace_that_is_not_there_cannot_be_looked_into),
		SUPPORT_TEST(a_holder_is_named_with_its_pid_and_as_you),
		SUPPORT_TEST(a_holder_of_a_name_is_named_too),
		SUPPORT_TEST(children_that_share_a_socket_are_counted_behind_their_parent),
		SUPPORT_TEST(the_oldest_of_several_holders_stands_for_all),
		SUPPORT_TEST(a_holder_that_cannot_be_seen_is_told_by_its_user),
		SUPPORT_TEST(who_cannot_be_seen_now_is_known_from_an_earlier_look),
		SUPPORT_TEST(a_lease_is_named_as_such),
		SUPPORT_TEST(you_are_you_and_others_have_their_names),
		SUPPORT_TEST(a_directory_is_written_as_people_write_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
