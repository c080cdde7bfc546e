/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: what is accepted and what it means, the canonical form, and where and how mistakes are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "endpoint/address.h"
#include "endpoint/endpoint.h"

/* One text, read. */
struct reading {
	struct skt_endpoint e;
	struct skt_error err;
	int ret;
};

static struct reading read_text(const char *text)
{
	struct reading r = { .ret = 0 };

	r.ret = skt_endpoint_parse(text, &r.e, &r.err);
	return r;
}

static struct reading read_good(const char *text)
{
	struct reading r = read_text(text);

	if (r.ret < 0)
		fail_msg("%s: at %d: %s (%s)", text, r.err.at, r.err.text, r.err.hint);
	return r;
}

static void assert_prints(const struct skt_endpoint *e, const char *expected)
{
	struct skt_text t = { 0 };

	skt_endpoint_print(e, &t);
	assert_string_equal(skt_text_get(&t), expected);
	skt_text_release(&t);
}

/* A mistake: the text, where it is, and words of what is said. */
struct mistake {
	const char *text;
	int at;
	const char *says, *hints;
};

static void assert_says(const struct mistake *m, const struct skt_error *err)
{
	if (err->kind != SKT_E_USAGE || err->at != m->at || !strstr(err->text, m->says) || !strstr(err->hint, m->hints))
		fail_msg("%s: expected at %d \"%s\" (%s), got at %d \"%s\" (%s)", m->text, m->at, m->says, m->hints,
			 err->at, err->text, err->hint);
	if (err->hint[0] == '\0')
		fail_msg("%s: no hint", m->text);
}

static void assert_mistakes(const struct mistake *mistakes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct reading r = read_text(mistakes[i].text);

		if (r.ret != -SKT_E_USAGE)
			fail_msg("%s: accepted, or %d", mistakes[i].text, r.ret);
		assert_null(r.e.store);
		assert_says(&mistakes[i], &r.err);
	}
}

static void each_text_has_a_canonical_form_that_reads_back_as_itself(void **state)
{
	static const char *const forms[][2] = {
		{ "example.com:80", "tcp://example.com:80" },
		{ "tcp://example.com:80", "tcp://example.com:80" },
		{ "TCP:example.com:080", "tcp://example.com:80" },
		{ "Example.COM:https", "tcp://Example.COM:443" },
		{ ":8080", "tcp://:8080" },
		{ "8080", "tcp://:8080" },
		{ "ssh", "tcp://:22" },
		{ "tcp:22", "tcp://:22" },
		{ "any:8080", "tcp://any:8080" },
		{ "*:8080", "tcp://any:8080" },
		{ "127.0.0.1:0", "tcp://127.0.0.1:0" },
		{ "h:65535", "tcp://h:65535" },
		{ "under_score.example:1", "tcp://under_score.example:1" },
		{ "example.com.:80", "tcp://example.com.:80" },
		{ "[::1]:80", "tcp://[::1]:80" },
		{ "[2001:0DB8:0:0:0:0:0:1]:80", "tcp://[2001:db8::1]:80" },
		{ "[::ffff:c000:201]:80", "tcp://[::ffff:192.0.2.1]:80" },
		{ "[fe80::1%eth0]:22", "tcp://[fe80::1%eth0]:22" },
		{ "tcp4://127.0.0.1:1", "tcp4://127.0.0.1:1" },
		{ "tcp6://[::]:1", "tcp6://[::]:1" },
		{ "udp://any:53 broadcast", "udp://any:53 broadcast=yes" },
		{ "tls://h:443", "tls://h:443" },
		{ "tls+tcp://h:443", "tls://h:443" },
		{ "tls+tcp6://h:443", "tls+tcp6://h:443" },
		{ "tls+tls://h:1", "tls+tls://h:1" },
		{ "ws://h:80", "ws://h:80" },
		{ "ws+tls+tcp://h:443", "wss://h:443" },
		{ "wss://h:443 path=/chat alpn=h2", "wss://h:443 path=/chat alpn=h2" },
		{ "wss+unix:/run/x", "wss+unix:/run/x" },
		{ "tls+unix:/run/x", "tls+unix:/run/x" },
		{ "/run/x.sock", "unix:/run/x.sock" },
		{ "./x.sock", "unix:./x.sock" },
		{ "../x.sock", "unix:../x.sock" },
		{ "unix:x.sock", "unix:x.sock" },
		{ "unix:///run/x.sock", "unix:/run/x.sock" },
		{ "unix:////x", "unix:////x" },
		{ "unix:\"/my dir/x\"", "unix:\"/my dir/x\"" },
		{ "\"unix:/my dir/x\"", "unix:\"/my dir/x\"" },
		{ "\"./my dir\"", "unix:\"./my dir\"" },
		{ "unix:\"/plain\"", "unix:/plain" },
		{ "@name", "unix:@name" },
		{ "unix-seqpacket:@control", "unix-seqpacket:@control" },
		{ "unix-dgram:/dev/log", "unix-dgram:/dev/log" },
		{ "vsock://host:5000", "vsock://host:5000" },
		{ "vsock:3:4294967295", "vsock://3:4294967295" },
		{ "vsock://:7", "vsock://:7" },
		{ "vsock:7", "vsock://:7" },
		{ "-", "stdio:" },
		{ "stdio:", "stdio:" },
		{ "stdio: raw", "stdio: raw=yes" },
		{ "fd:3", "fd:3" },
		{ "fd:003", "fd:3" },
		{ "fd:000", "fd:0" },
		{ "fd:web.socket", "fd:web.socket" },
		{ "file:notes.txt append", "file:notes.txt append=yes" },
		{ "file:///etc/hosts", "file:/etc/hosts" },
		{ "file:@x", "file:@x" },
		{ "pipe:/tmp/q", "pipe:/tmp/q" },
		{ "exec:sort", "exec:sort" },
		{ "exec:\"grep  -v \\\"a b\\\"\"", "exec:\"grep -v \\\"a b\\\"\"" },
		{ "exec:///bin/true", "exec:/bin/true" },
		{ "pty:bash rows=24 cols=80", "pty:bash rows=24 cols=80" },
		{ "echo:", "echo:" },
		{ "echo://", "echo:" },
		{ "discard:", "discard:" },
		{ "chargen:", "chargen:" },
		{ "daytime:", "daytime:" },
		{ "text:", "text:" },
		{ "text:hello", "text:hello" },
		{ "text://hello", "text://hello" },
		{ "text:\"a\\nb\\tc\\x01\\\\ \\\"\"", "text:\"a\\nb\\tc\\x01\\\\ \\\"\"" },
		{ "text:a\\nb", "text:a\\nb" },
		{ "listen:8080", "listen:tcp://:8080" },
		{ "listen::8080", "listen:tcp://:8080" },
		{ "dial:/run/x", "dial:unix:/run/x" },
		{ "dial:-", "dial:stdio:" },
		{ " \t h:80 \t nodelay=no  ttl=3 ", "tcp://h:80 nodelay=no ttl=3" },
		{ "exec:env env=A=1 env=\"B=x y\"", "exec:env env=A=1 env=\"B=x y\"" },
		{ "h:80 timeout=0.5s retry=forever keepalive=30s linger=0",
		  "tcp://h:80 timeout=0.5s retry=forever keepalive=30s linger=0" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(forms); i++) {
		struct reading first = read_good(forms[i][0]), again;

		assert_prints(&first.e, forms[i][1]);
		again = read_good(forms[i][1]);
		assert_prints(&again.e, forms[i][1]);
		skt_endpoint_release(&first.e);
		skt_endpoint_release(&again.e);
	}
}

static void a_socket_address_gives_host_zone_port_and_service(void **state)
{
	static const struct {
		const char *text, *host, *zone, *service;
		int port, family;
	} cases[] = {
		{ "example.com:80", "example.com", NULL, NULL, 80, 0 },
		{ "example.com:https", "example.com", NULL, "https", 443, 0 },
		{ "h:HTTPS", "h", NULL, "HTTPS", 443, 0 },
		{ "h:dns", "h", NULL, "dns", 53, 0 },
		{ "udp://h:ntp", "h", NULL, "ntp", 123, 0 },
		{ ":80", "", NULL, NULL, 80, 0 },
		{ "80", "", NULL, NULL, 80, 0 },
		{ "tls://:443", "", NULL, NULL, 443, 0 },
		{ "*:80", "any", NULL, NULL, 80, 0 },
		{ "any:80", "any", NULL, NULL, 80, 0 },
		{ "192.0.2.1:80", "192.0.2.1", NULL, NULL, 80, 4 },
		{ "[::1]:80", "::1", NULL, NULL, 80, 6 },
		{ "[fe80::1%eth0]:80", "fe80::1", "eth0", NULL, 80, 6 },
		{ "[1:2:3:4:5:6:7:8]:80", "1:2:3:4:5:6:7:8", NULL, NULL, 80, 6 },
		{ "[::192.0.2.1]:80", "::192.0.2.1", NULL, NULL, 80, 6 },
		{ "tcp://echo:80", "echo", NULL, NULL, 80, 0 },
		{ "abc:80", "abc", NULL, NULL, 80, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct reading r = read_good(cases[i].text);

		assert_string_equal(r.e.host, cases[i].host);
		assert_int_equal(r.e.port, cases[i].port);
		assert_int_equal(r.e.family, cases[i].family);
		assert_true(!r.e.zone == !cases[i].zone && (!r.e.zone || strcmp(r.e.zone, cases[i].zone) == 0));
		assert_true(!r.e.service == !cases[i].service &&
			    (!r.e.service || strcmp(r.e.service, cases[i].service) == 0));
		skt_endpoint_release(&r.e);
	}
}

static void layers_are_kept_from_the_top_down_with_what_carries_them_last(void **state)
{
	static const struct {
		const char *text, *layers;
	} cases[] = {
		{ "tcp://h:1", "tcp" },           { "tls://h:1", "tls tcp" },     { "wss://h:1", "ws tls tcp" },
		{ "ws://h:1", "ws tcp" },         { "tls+unix:/x", "tls unix" },  { "wss+unix:/x", "ws tls unix" },
		{ "ws+tls://h:1", "ws tls tcp" }, { "tls+exec:cat", "tls exec" }, { "/x", "unix" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct reading r = read_good(cases[i].text);
		struct skt_text names = { 0 };

		for (int k = 0; k < r.e.n_layer; k++)
			skt_text_addf(&names, "%s%s", k > 0 ? " " : "", r.e.layer[k]->name);
		assert_string_equal(skt_text_get(&names), cases[i].layers);
		assert_ptr_equal(skt_endpoint_transport(&r.e), r.e.layer[r.e.n_layer - 1]);
		skt_text_release(&names);
		skt_endpoint_release(&r.e);
	}
}

static void options_give_numbers_in_their_units(void **state)
{
	static const struct {
		const char *text, *key;
		int64_t number;
	} cases[] = {
		{ "h:1 timeout=1.5s", "timeout", 1500000000 },
		{ "h:1 linger=0", "linger", 0 },
		{ "h:1 sndbuf=64K", "sndbuf", 65536 },
		{ "h:1 ttl=255", "ttl", 255 },
		{ "h:1 nodelay=no", "nodelay", 0 },
		{ "h:1 fastopen", "fastopen", 1 },
		{ "h:1 family=6", "family", 2 },
		{ "h:1 retry=7", "retry", 7 },
		{ "h:1 retry=forever", "retry", SKT_RETRY_FOREVER },
		{ "h:1 keepalive=no", "keepalive", 0 },
		{ "h:1 keepalive=yes", "keepalive", 1 },
		{ "h:1 keepalive=2m", "keepalive", 120000000000 },
		{ "h:1 bind=192.0.2.7", "bind", 4 },
		{ "h:1 bind=fe80::1%eth0", "bind", 6 },
		{ "h:1 mark=4294967295", "mark", 4294967295 },
		{ "/x mode=0660", "mode", 0660 },
		{ "/x mode=7777", "mode", 07777 },
		{ "exec:a stderr=join", "stderr", 2 },
		{ "file:x offset=1.5M", "offset", 1572864 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct reading r = read_good(cases[i].text);

		assert_true(skt_endpoint_number(&r.e, cases[i].key, -7) == cases[i].number);
		assert_true(skt_endpoint_number(&r.e, "no-such-key", -7) == -7);
		skt_endpoint_release(&r.e);
	}
}

static void mistakes_in_schemes_point_at_the_part_that_is_wrong(void **state)
{
	static const struct mistake mistakes[] = {
		{ "", 0, "missing", "example.com:80" },
		{ " \t ", 3, "missing", "example.com:80" },
		{ "listen:", 7, "missing", "" },
		{ "dial:", 5, "missing", "" },
		{ "tpc://h:80", 0, "unknown scheme: tpc", "tcp?" },
		{ "tpc:1.2.3.4:80", 0, "unknown scheme: tpc", "tcp?" },
		{ "dial:tpc://h:80", 5, "unknown scheme: tpc", "tcp?" },
		{ "exce:ls", 0, "unknown scheme: exce", "exec?" },
		{ "ehco:", 0, "unknown scheme: ehco", "echo?" },
		{ "fiel:a.txt", 0, "unknown scheme: fiel", "file?" },
		{ "tls+unx:/run/x", 4, "unknown scheme: unx", "unix?" },
		{ "tls+nothing://h:1", 4, "unknown scheme: nothing", "some schemes" },
		{ "https://example.com", 0, "unknown scheme: https", "tls://HOST:443" },
		{ "http://example.com:80/", 0, "unknown scheme: http", "tcp://HOST:80" },
		{ "listen:dial:80", 7, "second role", "keep one" },
		{ "tls+:80", 4, "missing", "plus" },
		{ "tls++tcp://h:1", 4, "missing", "plus" },
		{ "tcp+tls://h:1", 4, "tcp is not a layer", "tls+tcp" },
		{ "tls+udp://h:1", 4, "udp carries messages", "tls+tcp" },
		{ "tls+tls+tls+tls+tls+tls+tls+tls+tcp://h:1", 32, "more than 8 layers", "" },
		{ "//h:80", 0, "scheme before //", "tcp://h:80" },
		{ "listen://h:80", 7, "scheme before //", "tcp://h:80" },
		{ "stdio", 5, "ends in a colon", "stdio:" },
		{ "echo", 4, "ends in a colon", ":echo" },
		{ "echo:80", 5, "nothing behind", "tcp://echo" },
		{ "stdio://x", 8, "nothing behind", "stdio:" },
		{ "listen:exec:ls", 7, "exec cannot listen", "soket listen" },
		{ "listen:-", 7, "stdio cannot listen", "" },
	};

	(void)state;
	assert_mistakes(mistakes, SKT_LENGTH(mistakes));
}

static void mistakes_in_hosts_point_at_the_first_wrong_character(void **state)
{
	static const struct mistake mistakes[] = {
		{ "exa$mple:80", 3, "cannot hold $", "[2001:db8::1]" },
		{ "user@host:80", 4, "cannot hold @", "no user" },
		{ "h\xc3\xbc:80", 1, "letters", "xn--" },
		{ "h%eth0:80", 1, "cannot hold %", "brackets" },
		{ "a..b:80", 2, "two dots", "RFC 1123" },
		{ ".b:80", 0, "two dots", "RFC 1123" },
		{ "b-.c:80", 1, "ends in a hyphen", "RFC 1123" },
		{ "b.-c:80", 2, "begins with a hyphen", "RFC 1123" },
		{ "a23456789b123456789c123456789d123456789e123456789f123456789g12345.x:1", 63, "more than 63", "" },
		{ "1.2.3:80", 5, "not an IPv4", "four numbers" },
		{ "1.2.3.4.5:80", 7, "not an IPv4", "four numbers" },
		{ "1.2.3.256:80", 6, "not an IPv4", "four numbers" },
		{ "256.1.1.1:80", 0, "not an IPv4", "four numbers" },
		{ "10.0.00.1:80", 5, "not an IPv4", "leading zeros" },
		{ "1.2.3.4.:80", 7, "not an IPv4", "four numbers" },
		{ "a.1:80", 0, "not an IPv4", "four numbers" },
		{ "80:80", 2, "not an IPv4", "four numbers" },
		{ "::1", 0, "without brackets, and without a port", "[::1]:80" },
		{ "::1:80", 0, "without brackets", "write [::1]:80" },
		{ "fe80::1", 0, "without brackets", "[fe80::1]" },
		{ "fe80::1%eth0", 0, "without brackets", "[fe80::1%eth0]" },
		{ "tcp://2001:db8::1:80", 6, "without brackets", "write [2001:db8::1]:80" },
		{ "h:80:90", 4, "second colon", "brackets" },
		{ "[::1", 0, "never closed", "brackets" },
		{ "[::g]:80", 3, "not an IPv6", "hex" },
		{ "[1::2::3]:80", 6, "not an IPv6", "hex" },
		{ "[1:2:3]:80", 6, "not an IPv6", "hex" },
		{ "[1:2:3:4:5:6:7:8:9]:80", 17, "not an IPv6", "hex" },
		{ "[12345::]:80", 5, "not an IPv6", "hex" },
		{ "[]:80", 1, "not an IPv6", "hex" },
		{ "[1.2.3.4]:80", 0, "IPv4 address in brackets", "only IPv6" },
		{ "[::1.2.3.400]:80", 9, "not an IPv6", "hex" },
		{ "[fe80::1%]:80", 9, "zone", "eth0" },
		{ "[fe80::1%a/b]:80", 10, "zone", "eth0" },
		{ "[fe80::1%a234567890123456]:80", 24, "zone", "15" },
		{ "tcp4://[::1]:80", 0, "tcp4, and the host is an IPv6", "one family" },
		{ "tcp6://1.2.3.4:80", 0, "tcp6, and the host is an IPv4", "one family" },
	};

	(void)state;
	assert_mistakes(mistakes, SKT_LENGTH(mistakes));
}

static void mistakes_in_ports_point_at_the_first_wrong_character(void **state)
{
	static const struct mistake mistakes[] = {
		{ "example.com", 11, "port is missing", "example.com:80" },
		{ "example.com:", 12, "port is missing", "example.com:80" },
		{ "tls://example.com", 17, "port is missing", "example.com:443" },
		{ "[::1]", 5, "port is missing", "[::1]:80" },
		{ "[::1]:", 6, "port is missing", "[::1]:80" },
		{ "[::1]80", 5, "colon and a port", "[::1]:80" },
		{ ":", 1, "port is missing", "" },
		{ "tcp:", 4, "port is missing", "" },
		{ "tcp://8080", 6, "behind a colon", "tcp://:8080" },
		{ "h:65536", 2, "out of range", "0 to 65535" },
		{ "70000", 0, "out of range", "0 to 65535" },
		{ "h:99999999999999999999", 2, "out of range", "0 to 65535" },
		{ "h:-1", 2, "cannot hold -", "0 to 65535" },
		{ "h:+1", 2, "cannot hold +", "0 to 65535" },
		{ "h:80x", 4, "cannot hold x", "0 to 65535" },
		{ "h:80/path", 4, "cannot hold /", "ends with the port" },
		{ "wss://h:80/chat", 10, "cannot hold /", "path=/chat" },
		{ "h:htps", 2, "unknown service: htps", "https?" },
		{ "h:nonsense", 2, "unknown service: nonsense", "0 to 65535" },
		{ "h:ntp", 2, "ntp is a service over UDP", "123" },
		{ "vsock:", 6, "port is missing", "4294967295" },
		{ "vsock://host:", 13, "port is missing", "4294967295" },
		{ "vsock://host:5x", 14, "a vsock port is a number", "4294967295" },
		{ "vsock://host:4294967296", 13, "out of range", "4294967295" },
		{ "vsock://hots:1", 8, "not a vsock host", "host?" },
		{ "vsock://4294967296:1", 8, "not a vsock host", "CID" },
	};

	(void)state;
	assert_mistakes(mistakes, SKT_LENGTH(mistakes));
}

static void mistakes_in_options_point_at_the_key_or_the_value(void **state)
{
	static const struct mistake mistakes[] = {
		{ "h:1 timeot=5s", 4, "no option timeot", "timeout?" },
		{ "h:1 zzzzzzzz=1", 4, "no option zzzzzzzz", "explain" },
		{ "h:1 alpn=h2", 4, "no option alpn", "option of tls" },
		{ "h:1 timeout=5s ttl=3 timeout=6s", 21, "timeout is there twice", "keep" },
		{ "h:1 timeout=5", 13, "no unit", "timeout=5s" },
		{ "h:1 timeout=5sec", 13, "unknown unit sec", "timeout=5s?" },
		{ "h:1 timeout=5x", 13, "unknown unit x", "ms s m h d" },
		{ "h:1 timeout=abc", 12, "timeout takes a DURATION", "250ms" },
		{ "h:1 timeout=0", 12, "out of range", "at least" },
		{ "h:1 sndbuf=4k", 12, "unknown unit k", "sndbuf=4K?" },
		{ "h:1 sndbuf=0", 11, "out of range", "sndbuf goes from" },
		{ "h:1 ttl=0", 8, "out of range", "1 to 255" },
		{ "h:1 ttl=256", 8, "out of range", "1 to 255" },
		{ "h:1 ttl=6x", 9, "whole number", "1 to 255" },
		{ "h:1 ttl=", 8, "no value", "takes N" },
		{ "h:1 ttl", 7, "no value", "ttl=N" },
		{ "h:1 nodelay=true", 12, "yes or no", "nodelay=yes?" },
		{ "h:1 nodelay=0", 12, "yes or no", "nodelay=no?" },
		{ "h:1 family=5", 11, "any|4|6", "" },
		{ "exec:a stderr=jion", 14, "inherit|null|join", "stderr=join?" },
		{ "exec:a env=A", 12, "NAME=VALUE", "LANG=C" },
		{ "exec:a env==A", 11, "NAME=VALUE", "LANG=C" },
		{ "/x mode=0888", 9, "file mode", "octal" },
		{ "/x mode=77777", 8, "file mode", "octal" },
		{ "h:1 retry=often", 10, "N|forever", "forever" },
		{ "h:1 retry=5x", 11, "N|forever", "forever" },
		{ "h:1 keepalive=5", 14, "yes|no|DURATION", "5s" },
		{ "h:1 keepalive=500ms", 17, "yes|no|DURATION", "5s" },
		{ "h:1 bind=[::1]", 9, "ADDRESS", "without brackets" },
		{ "h:1 bind=1.2.3.400", 15, "ADDRESS", "without brackets" },
		{ "h:1 bind=localhost", 9, "ADDRESS", "without brackets" },
		{ "1.2.3.4:1 bind=::1", 10, "not an IPv4", "one family" },
		{ "h:1 family=4 bind=::1", 13, "not an IPv4", "one family" },
		{ "1.2.3.4:1 family=6", 10, "family=6", "one family" },
		{ "h:1 interface=a234567890123456", 29, "NAME", "15" },
		{ "h:1 -v", 4, "not an option: -v", "KEY=VALUE" },
		{ "h:1 Ttl=3", 4, "not an option: Ttl=3", "KEY=VALUE" },
		{ "h:1 ttl_x=3", 7, "not an option", "KEY=VALUE" },
		{ "exec:grep -v a", 10, "not an option: -v", "exec:\"" },
		{ "listen:h:1 bind=::1", 11, "for dialling", "leave bind out" },
		{ "dial:h:1 backlog=5", 9, "for listening", "leave backlog out" },
	};

	(void)state;
	assert_mistakes(mistakes, SKT_LENGTH(mistakes));
}

static void mistakes_in_quotes_paths_and_bytes_are_found_in_the_text_as_it_was_written(void **state)
{
	static const struct mistake mistakes[] = {
		{ "unix:\"/a", 5, "never closed", "\"" },
		{ "h:1 \"ttl=3", 4, "never closed", "\"" },
		{ "unix:\"/a\"b", 9, "follows a closing quote", "whole value" },
		{ "unix:/a\"b\"", 7, "quote inside a value", "whole value" },
		{ "text:\"a\\qb\"", 7, "backslash", "\\n" },
		{ "text:\"\\x00\"", 6, "backslash", "00" },
		{ "text:\"\\x1\"", 6, "backslash", "\\x" },
		{ "text:\"\\", 6, "backslash", "\\x" },
		{ "h\x01:80", 1, "control character", "\\x" },
		{ "text:\"a\nb\"", 7, "control character", "\\n" },
		{ "h:80\r", 4, "control character", "" },
		{ "\x7f", 0, "control character", "" },
		{ "unix:\"/a\\nb\"", 8, "control character in an address", "exec" },
		{ "\"h:80\" \"ttl=300\"", 12, "out of range", "255" },
		{ "\"h:80\" \"cwd=\\\"\\\"\"", 8, "no option cwd", "exec" },
		{ "unix:\"/\\\"\\\"\\\"\" mode=9", 20, "file mode", "octal" },
		{ "unix:", 5, "path is missing", "/run" },
		{ "file:", 5, "path is missing", "file:" },
		{ "unix:@", 6, "name behind @", "" },
		{ "exec:", 5, "program is missing", "exec:sort" },
		{ "exec:\"  \"", 6, "program is missing", "exec:sort" },
		{ "exec:\"\\\"\\\" a\"", 6, "program is missing", "exec:sort" },
		{ "exec:\"a \\\"b\"", 8, "never closed", "a\\ b" },
		{ "exec:\"a b\\\\\"", 9, "ends in a backslash", "a\\ b" },
		{ "fd:", 3, "missing", "fd:3" },
		{ "fd:-1", 3, "not a descriptor", "fd:3" },
		{ "fd:2147483648", 3, "not a descriptor", "fd:3" },
		{ "fd:a:b", 4, "not a descriptor", "fd:3" },
	};

	(void)state;
	assert_mistakes(mistakes, SKT_LENGTH(mistakes));
}

/* scheme, and a path of n bytes */
static char *long_path(const char *scheme, const char *start, size_t n)
{
	struct skt_text t = { 0 };

	skt_text_add(&t, scheme);
	skt_text_add(&t, start);
	for (size_t i = strlen(start); i < n; i++)
		skt_text_addc(&t, 'a');
	return skt_text_take(&t);
}

static void a_path_may_be_as_long_as_the_kernel_allows_and_no_longer(void **state)
{
	static const struct {
		const char *scheme, *start;
		size_t most;
		const char *limit;
	} cases[] = {
		{ "unix:", "/", SKT_UNIX_PATH_MAX, "sun_path" },
		{ "unix:", "@", SKT_UNIX_PATH_MAX + 1, "sun_path" },
		{ "unix-dgram:", "/", SKT_UNIX_PATH_MAX, "sun_path" },
		{ "file:", "/", SKT_FILE_PATH_MAX, "PATH_MAX" },
		{ "pipe:", "/", SKT_FILE_PATH_MAX, "PATH_MAX" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		char *good = long_path(cases[i].scheme, cases[i].start, cases[i].most);
		char *bad = long_path(cases[i].scheme, cases[i].start, cases[i].most + 1);
		struct mistake m = { bad, (int)(strlen(cases[i].scheme) + cases[i].most), "too long", cases[i].limit };
		struct reading r = read_good(good);

		skt_endpoint_release(&r.e);
		assert_mistakes(&m, 1);
		skt_free(good);
		skt_free(bad);
	}
}

static void a_text_beyond_the_limit_is_refused(void **state)
{
	char *good = long_path("text:", "", SKT_ENDPOINT_TEXT_MAX - 5),
	     *bad = long_path("text:", "", SKT_ENDPOINT_TEXT_MAX - 4);
	const char *words[] = { "h:1", bad };
	struct reading r = read_good(good);

	(void)state;
	skt_endpoint_release(&r.e);
	r = read_text(bad);
	assert_int_equal(r.ret, -SKT_E_LIMIT);
	assert_int_equal(skt_endpoint_from_words(words, 2, &r.e, &r.err), -SKT_E_LIMIT);
	skt_free(good);
	skt_free(bad);
}

static void more_options_than_an_endpoint_holds_are_refused(void **state)
{
	struct skt_text t = { 0 };
	struct reading r;

	(void)state;
	skt_text_add(&t, "exec:true");
	for (int i = 0; i < SKT_OPTIONS_MAX; i++)
		skt_text_addf(&t, " env=A%d=1", i);
	r = read_good(skt_text_get(&t));
	assert_int_equal(r.e.n_opt, SKT_OPTIONS_MAX);
	skt_endpoint_release(&r.e);
	skt_text_add(&t, " env=B=1");
	assert_int_equal(read_text(skt_text_get(&t)).ret, -SKT_E_LIMIT);
	skt_text_release(&t);
}

#define WORDS(...) (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

static void words_of_a_shell_are_taken_as_they_are(void **state)
{
	struct skt_endpoint e;
	struct skt_error err;

	(void)state;
	assert_int_equal(skt_endpoint_from_words(WORDS("unix:/my dir/\"x\"", "mode=0600"), &e, &err), 0);
	assert_string_equal(e.address, "/my dir/\"x\"");
	assert_int_equal(e.opt[0].at, 17);
	assert_prints(&e, "unix:\"/my dir/\\\"x\\\"\" mode=0600");
	skt_endpoint_release(&e);
	assert_int_equal(
		skt_endpoint_from_words(WORDS("exec:grep -v \"a b\" c\\ d", "cwd=/my dir", "env=A=x y"), &e, &err), 0);
	assert_int_equal(e.argc, 4);
	assert_string_equal(e.argv[2], "a b");
	assert_string_equal(e.argv[3], "c d");
	assert_null(e.argv[4]);
	assert_string_equal(skt_endpoint_string(&e, "cwd", ""), "/my dir");
	skt_endpoint_release(&e);
	assert_int_equal(skt_endpoint_from_words(WORDS("text:a\nb \"c\" \\n"), &e, &err), 0);
	assert_string_equal(e.address, "a\nb \"c\" \\n");
	assert_prints(&e, "text:\"a\\nb \\\"c\\\" \\\\n\"");
	skt_endpoint_release(&e);
}

static void mistakes_in_words_are_counted_in_the_words_joined_by_blanks(void **state)
{
	static const struct {
		const char *words[3];
		struct mistake m;
	} cases[] = {
		{ { "h:80", "ttl=300" }, { "ttl=300", 9, "out of range", "255" } },
		{ { "h:80", "ttl=3", "nodelay" }, { "nodelay", 18, "no value", "nodelay=yes|no" } },
		{ { "h:80 ttl=3" }, { "blank", 4, "blank in a port", "word of its own" } },
		{ { "exa mple:80" }, { "blank", 3, "blank in a host", "" } },
		{ { "h:80", "bind=a\033b" }, { "escape", 11, "control character", "" } },
		{ { "unix:/a\nb" }, { "newline", 7, "control character", "" } },
		{ { "h\n:80" }, { "newline", 1, "control character", "" } },
		{ { "" }, { "empty", 0, "missing", "" } },
		{ { "dial:h:80", "backlog=1" }, { "role", 10, "for listening", "" } },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_endpoint e = { 0 };
		struct skt_error err = { 0 };
		int n = 0;

		while (n < 3 && cases[i].words[n])
			n++;
		assert_int_equal(skt_endpoint_from_words(cases[i].words, n, &e, &err), -SKT_E_USAGE);
		assert_null(e.store);
		assert_says(&cases[i].m, &err);
	}
}

static void a_command_keeps_each_of_its_words_and_prints_to_a_text_that_has_them_again(void **state)
{
	static const char *const argv[] = { "//bin/sh", "-c",       "echo \"$1\"\n\\n", "",
					    "a b",      "\t\001\\", "tab\there",        "\xff" };
	struct skt_endpoint e, again;
	struct skt_error err;
	struct skt_text t = { 0 };

	(void)state;
	assert_int_equal(skt_endpoint_from_command(argv, SKT_LENGTH(argv), &e, &err), 0);
	assert_string_equal(skt_endpoint_transport(&e)->name, "exec");
	skt_endpoint_print(&e, &t);
	assert_int_equal(skt_endpoint_parse(skt_text_get(&t), &again, &err), 0);
	assert_int_equal(again.argc, SKT_LENGTH(argv));
	for (size_t i = 0; i < SKT_LENGTH(argv); i++) {
		assert_string_equal(e.argv[i], argv[i]);
		assert_string_equal(again.argv[i], argv[i]);
	}
	skt_text_release(&t);
	skt_endpoint_release(&e);
	skt_endpoint_release(&again);
	assert_int_equal(skt_endpoint_from_command(WORDS(""), &e, &err), -SKT_E_USAGE);
	assert_int_equal(skt_endpoint_from_command(argv, 0, &e, &err), -SKT_E_USAGE);
}

static void inside_quotes_of_a_command_only_the_quote_and_the_backslash_are_escaped(void **state)
{
	struct reading r = read_good("exec:\"printf \\\"a\\\\n\\\\\\\\b\\\" c\\\\d\"");

	(void)state;
	assert_int_equal(r.e.argc, 3);
	assert_string_equal(r.e.argv[1], "a\\n\\b");
	assert_string_equal(r.e.argv[2], "cd");
	skt_endpoint_release(&r.e);
}

static void a_word_is_an_option_when_it_begins_with_a_key_and_an_equals_sign(void **state)
{
	static const char *const yes[] = { "a=", "user-timeout=5s", "k2=v=w", "env=A B" };
	static const char *const no[] = { "", "a", "A=1", "=1", "-a=1", "1a=1", "a b=1", "tcp://h:1", "./a=b", "a_b=1" };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(yes); i++)
		assert_true(skt_endpoint_word_is_option(yes[i]));
	for (size_t i = 0; i < SKT_LENGTH(no); i++)
		assert_false(skt_endpoint_word_is_option(no[i]));
}

static void a_default_gives_way_to_what_was_written(void **state)
{
	struct reading r = read_good("h:1 ttl=3");

	(void)state;
	assert_int_equal(skt_endpoint_default(&r.e, "ttl", "9", &r.err), 0);
	assert_int_equal(skt_endpoint_default(&r.e, "congestion", "cubic", &r.err), 0);
	assert_int_equal(skt_endpoint_default(&r.e, "alpn", "h2", &r.err), -SKT_E_USAGE);
	assert_int_equal(skt_endpoint_default(&r.e, "tos", "999", &r.err), -SKT_E_USAGE);
	assert_int_equal(skt_endpoint_number(&r.e, "ttl", 0), 3);
	assert_string_equal(skt_endpoint_string(&r.e, "congestion", ""), "cubic");
	assert_int_equal(r.e.n_opt, 2);
	skt_endpoint_release(&r.e);
}

static void the_place_settles_the_role_unless_a_prefix_has(void **state)
{
	static const struct {
		const char *text;
		enum skt_role place, role;
		int at; /* of the option that objects, or -1 */
	} cases[] = {
		{ "h:1", SKT_ROLE_DIAL, SKT_ROLE_DIAL, -1 },
		{ "h:1", SKT_ROLE_LISTEN, SKT_ROLE_LISTEN, -1 },
		{ "listen:h:1", SKT_ROLE_DIAL, SKT_ROLE_LISTEN, -1 },
		{ "dial:h:1", SKT_ROLE_LISTEN, SKT_ROLE_DIAL, -1 },
		{ "h:1 ttl=3 backlog=5", SKT_ROLE_LISTEN, SKT_ROLE_LISTEN, -1 },
		{ "h:1 ttl=3 backlog=5", SKT_ROLE_DIAL, SKT_ROLE_ANY, 10 },
		{ "h:1 bind=::1", SKT_ROLE_LISTEN, SKT_ROLE_ANY, 4 },
		{ "exec:ls", SKT_ROLE_LISTEN, SKT_ROLE_ANY, 0 },
		{ "exec:ls", SKT_ROLE_DIAL, SKT_ROLE_DIAL, -1 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct reading r = read_good(cases[i].text);

		assert_int_equal(skt_endpoint_settle(&r.e, cases[i].place, &r.err), cases[i].at < 0 ? 0 : -SKT_E_USAGE);
		assert_int_equal(r.e.role, cases[i].role);
		if (cases[i].at >= 0)
			assert_int_equal(r.err.at, cases[i].at);
		skt_endpoint_release(&r.e);
	}
}

static void the_address_is_printed_without_role_and_options(void **state)
{
	struct reading r = read_good("listen:wss://any:443 path=/chat");
	struct skt_text t = { 0 };

	(void)state;
	skt_endpoint_print_address(&r.e, &t);
	assert_string_equal(skt_text_get(&t), "wss://any:443");
	skt_text_release(&t);
	skt_endpoint_release(&r.e);
}

static int allocations_left;

static bool allocation_fails(void)
{
	return allocations_left-- <= 0;
}

static void each_allocation_that_fails_is_reported_and_leaks_nothing(void **state)
{
	static const char text[] = "exec:\"env \\\"a b\\\"\" env=A=1 cwd=/";
	struct skt_endpoint e = { 0 };
	struct skt_error err = { 0 };
	int n = 0, r = -SKT_E_LIMIT;

	(void)state;
	skt_alloc_fails = allocation_fails;
	for (; r < 0 && n < 100; n++) {
		allocations_left = n;
		r = skt_endpoint_parse(text, &e, &err);
		assert_true(r == 0 || r == -SKT_E_LIMIT);
		assert_true(r == 0 || !e.store);
	}
	skt_alloc_fails = NULL;
	assert_int_equal(r, 0);
	assert_in_range(n, 5, 99);
	skt_endpoint_release(&e);
	skt_endpoint_release(&e);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_text_has_a_canonical_form_that_reads_back_as_itself),
		cmocka_unit_test(a_socket_address_gives_host_zone_port_and_service),
		cmocka_unit_test(layers_are_kept_from_the_top_down_with_what_carries_them_last),
		cmocka_unit_test(options_give_numbers_in_their_units),
		cmocka_unit_test(mistakes_in_schemes_point_at_the_part_that_is_wrong),
		cmocka_unit_test(mistakes_in_hosts_point_at_the_first_wrong_character),
		cmocka_unit_test(mistakes_in_ports_point_at_the_first_wrong_character),
		cmocka_unit_test(mistakes_in_options_point_at_the_key_or_the_value),
		cmocka_unit_test(mistakes_in_quotes_paths_and_bytes_are_found_in_the_text_as_it_was_written),
		cmocka_unit_test(a_path_may_be_as_long_as_the_kernel_allows_and_no_longer),
		cmocka_unit_test(a_text_beyond_the_limit_is_refused),
		cmocka_unit_test(more_options_than_an_endpoint_holds_are_refused),
		cmocka_unit_test(words_of_a_shell_are_taken_as_they_are),
		cmocka_unit_test(mistakes_in_words_are_counted_in_the_words_joined_by_blanks),
		cmocka_unit_test(a_command_keeps_each_of_its_words_and_prints_to_a_text_that_has_them_again),
		cmocka_unit_test(inside_quotes_of_a_command_only_the_quote_and_the_backslash_are_escaped),
		cmocka_unit_test(a_word_is_an_option_when_it_begins_with_a_key_and_an_equals_sign),
		cmocka_unit_test(a_default_gives_way_to_what_was_written),
		cmocka_unit_test(the_place_settles_the_role_unless_a_prefix_has),
		cmocka_unit_test(the_address_is_printed_without_role_and_options),
		cmocka_unit_test(each_allocation_that_fails_is_reported_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
