/* SPDX-License-Identifier: Apache-2.0 */
/* Well-known services. Names are those of the IANA registry where one is in common use, and else what everybody calls
 * it; descriptions are our own words. Rows are sorted by port; of several with one port, the commonest is first. */
#include "endpoint/service.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/message.h"

#define T(port, name, tcp, help)            \
	{                                   \
		name, port, tcp, NULL, help \
	}
#define U(port, name, udp, help)            \
	{                                   \
		name, port, NULL, udp, help \
	}
#define B(port, name, tcp, udp, help)      \
	{                                  \
		name, port, tcp, udp, help \
	}

static const struct skt_service services[] = {
	T(1, "tcpmux", "TCPMUX", N_("asks for a service by its name, behind one port")),
	B(7, "echo", "Echo", "Echo", N_("sends back whatever it receives, to test a path")),
	B(9, "discard", "Discard", "Discard", N_("takes everything and answers nothing")),
	B(13, "daytime", "Daytime", "Daytime", N_("answers with the date and time, for people to read")),
	B(17, "qotd", "Quote of the day", "Quote of the day", N_("answers with a short saying")),
	B(19, "chargen", "Chargen", "Chargen", N_("sends an endless pattern of characters, to test a path")),
	T(20, "ftp-data", "FTP data", N_("the files themselves, in an FTP transfer of the active kind")),
	T(21, "ftp", "FTP", N_("file transfer, the commands; without encryption")),
	T(22, "ssh", "SSH", N_("encrypted login, commands and file transfer on another machine")),
	T(23, "telnet", "Telnet", N_("login on another machine; without encryption")),
	T(25, "smtp", "SMTP", N_("mail from one mail server to the next")),
	B(37, "time", "Time", "Time", N_("answers with the time as a number; NTP took its place")),
	T(43, "whois", "WHOIS", N_("who registered a domain or a block of addresses")),
	T(49, "tacacs", "TACACS+", N_("who may log in to network equipment, and what they may do there")),
	B(53, "domain", "DNS", "DNS", N_("turns names into addresses")),
	U(67, "bootps", "DHCP", N_("DHCP servers: hand out addresses to machines that join a network")),
	U(68, "bootpc", "DHCP", N_("DHCP clients: receive their address here")),
	U(69, "tftp", "TFTP", N_("very simple file transfer, for machines that start over the network")),
	T(70, "gopher", "Gopher", N_("menus and documents, from before the web")),
	T(79, "finger", "Finger", N_("who is logged in on a machine")),
	T(80, "http", "HTTP", N_("web pages and web services; without encryption")),
	B(88, "kerberos", "Kerberos", "Kerberos", N_("proves who somebody is, once, to every service of a network")),
	T(102, "iso-tsap", "ISO transport", N_("ISO protocols over TCP; Siemens controllers talk here")),
	T(104, "acr-nema", "DICOM", N_("medical images between scanners, archives and viewers")),
	T(110, "pop3", "POP3", N_("mail, fetched from a mailbox; encryption only after STARTTLS")),
	B(111, "sunrpc", "ONC RPC", "ONC RPC", N_("tells at which port a remote procedure service, such as NFS, is")),
	T(113, "auth", "Ident", N_("which user owns a connection; IRC servers ask it")),
	T(119, "nntp", "NNTP", N_("Usenet news articles")),
	U(123, "ntp", "NTP", N_("sets clocks, to within milliseconds")),
	T(135, "epmap", "MS RPC", N_("tells at which port a Windows remote procedure service is")),
	U(137, "netbios-ns", "NetBIOS", N_("names of machines in old Windows networks")),
	U(138, "netbios-dgm", "NetBIOS", N_("messages in old Windows networks")),
	T(139, "netbios-ssn", "SMB", N_("shared files and printers of old Windows networks")),
	T(143, "imap", "IMAP", N_("mail, read where it lies; encryption only after STARTTLS")),
	U(161, "snmp", "SNMP", N_("reads the state of network equipment")),
	U(162, "snmp-trap", "SNMP", N_("receives the alarms of network equipment")),
	U(177, "xdmcp", "XDMCP", N_("graphical login from another machine; without encryption")),
	T(179, "bgp", "BGP", N_("how the networks of the Internet tell each other their routes")),
	T(194, "irc", "IRC", N_("chat in channels; in practice 6667 and 6697 are used")),
	U(319, "ptp-event", "PTP", N_("sets clocks to within microseconds: the timed messages")),
	U(320, "ptp-general", "PTP", N_("sets clocks to within microseconds: the other messages")),
	B(389, "ldap", "LDAP", "CLDAP", N_("a directory of people, machines and rights")),
	B(427, "svrloc", "SLP", "SLP", N_("finds services of a local network")),
	B(443, "https", "HTTPS", "HTTP/3", N_("web pages and web services, encrypted with TLS")),
	T(445, "microsoft-ds", "SMB", N_("shared files and printers of Windows and Samba")),
	B(464, "kpasswd", "Kerberos", "Kerberos", N_("changes a Kerberos password")),
	T(465, "submissions", "SMTP", N_("mail from a mail program to its server, with TLS from the start")),
	U(500, "isakmp", "IKE", N_("agrees on the keys of an IPsec tunnel")),
	T(502, "mbap", "Modbus", N_("reads and sets industrial controllers")),
	T(512, "exec", "rexec", N_("runs a command on another machine; without encryption")),
	T(513, "login", "rlogin", N_("login on another machine; without encryption")),
	U(514, "syslog", "Syslog", N_("log messages to a log server; without encryption")),
	T(514, "shell", "rsh", N_("runs a command on another machine; without encryption")),
	T(515, "printer", "LPD", N_("print jobs, the old way")),
	U(520, "router", "RIP", N_("routes of a small network")),
	T(540, "uucp", "UUCP", N_("files and mail, handed on from machine to machine")),
	U(546, "dhcpv6-client", "DHCPv6", N_("DHCPv6 clients: receive their IPv6 address here")),
	U(547, "dhcpv6-server", "DHCPv6", N_("DHCPv6 servers: hand out IPv6 addresses")),
	T(548, "afpovertcp", "AFP", N_("shared files of old Apple networks")),
	B(554, "rtsp", "RTSP", "RTSP", N_("starts, pauses and ends video streams, of cameras for example")),
	T(563, "nntps", "NNTP", N_("Usenet news articles, encrypted with TLS")),
	T(587, "submission", "SMTP", N_("mail from a mail program to its server, encrypted after STARTTLS")),
	U(623, "asf-rmcp", "IPMI", N_("switches servers on and off, and looks after their hardware")),
	B(631, "ipp", "IPP", "IPP", N_("printing: CUPS and modern printers")),
	T(636, "ldaps", "LDAP", N_("a directory of people, machines and rights, encrypted with TLS")),
	T(646, "ldp", "LDP", N_("labels of MPLS networks, between routers")),
	T(749, "kerberos-adm", "Kerberos", N_("administration of a Kerberos server")),
	T(830, "netconf-ssh", "NETCONF", N_("configures network equipment, inside SSH")),
	B(853, "domain-s", "DNS over TLS", "DNS over QUIC", N_("turns names into addresses, encrypted")),
	T(873, "rsync", "rsync", N_("copies files by sending only what differs")),
	T(989, "ftps-data", "FTPS data", N_("the files themselves, in an FTP transfer with TLS")),
	T(990, "ftps", "FTPS", N_("file transfer, the commands, encrypted with TLS")),
	T(992, "telnets", "Telnet", N_("login on another machine, encrypted with TLS")),
	T(993, "imaps", "IMAP", N_("mail, read where it lies, encrypted with TLS")),
	T(995, "pop3s", "POP3", N_("mail, fetched from a mailbox, encrypted with TLS")),
	T(1080, "socks", "SOCKS", N_("a proxy that makes connections on behalf of others")),
	B(1194, "openvpn", "OpenVPN", "OpenVPN", N_("a private network through the Internet, encrypted with TLS")),
	T(1433, "ms-sql-s", "TDS", N_("Microsoft SQL Server, a database")),
	U(1434, "ms-sql-m", "SSRP", N_("tells at which port a Microsoft SQL Server is")),
	T(1521, "oracle", "TNS", N_("Oracle Database")),
	U(1701, "l2tp", "L2TP", N_("tunnels for private networks, usually inside IPsec")),
	T(1720, "h323hostcall", "H.323", N_("starts video and telephone calls")),
	T(1723, "pptp", "PPTP", N_("an old private network, whose encryption is broken")),
	U(1812, "radius", "RADIUS", N_("who may join a network: Wi-Fi and dial-in")),
	U(1813, "radius-acct", "RADIUS", N_("how long and how much somebody used a network")),
	T(1883, "mqtt", "MQTT", N_("short messages of sensors and devices; without encryption")),
	U(1900, "ssdp", "SSDP", N_("finds devices of a local network (UPnP)")),
	T(1935, "rtmp", "RTMP", N_("live video, sent to a streaming service")),
	T(2049, "nfs", "NFS", N_("file systems of another machine, as if they were here")),
	T(2181, "zookeeper", "ZooKeeper", N_("keeps the shared facts of a cluster")),
	T(2222, "ssh-alt", "SSH", N_("a common second place for SSH, where 22 is taken")),
	T(2375, "docker", "Docker",
	  N_("Docker's control interface without encryption: whoever reaches it owns the machine")),
	T(2376, "docker-s", "Docker", N_("Docker's control interface, encrypted with TLS")),
	T(2377, "swarm", "Docker Swarm", N_("how Docker machines form a cluster")),
	T(2379, "etcd-client", "etcd", N_("etcd, the store of a Kubernetes cluster: clients")),
	T(2380, "etcd-server", "etcd", N_("etcd, the store of a Kubernetes cluster: its servers among themselves")),
	T(3000, "dev", "HTTP", N_("by custom: a web program in development; Grafana too")),
	T(3128, "squid", "HTTP", N_("a web proxy, Squid for example")),
	T(3260, "iscsi-target", "iSCSI", N_("disks of another machine, block by block")),
	T(3268, "msft-gc", "LDAP", N_("the global catalogue of Active Directory")),
	T(3269, "msft-gc-ssl", "LDAP", N_("the global catalogue of Active Directory, encrypted with TLS")),
	T(3306, "mysql", "MySQL", N_("MySQL and MariaDB, databases")),
	B(3389, "ms-wbt-server", "RDP", "RDP", N_("the screen of a Windows machine, from elsewhere")),
	B(3478, "stun", "STUN, TURN", "STUN, TURN", N_("helps calls and games through address translation")),
	T(3632, "distcc", "distcc", N_("compiles C programs on many machines")),
	T(3690, "svn", "Subversion", N_("versions of files, in a shared store")),
	B(4001, "ipfs", "IPFS", "IPFS", N_("files found by their content, shared by everybody who has them")),
	T(4222, "nats", "NATS", N_("messages between programs")),
	U(4500, "ipsec-nat-t", "IPsec", N_("IPsec tunnels through address translation")),
	T(4505, "salt-publish", "Salt", N_("Salt, administration of many machines: orders")),
	T(4506, "salt-request", "Salt", N_("Salt, administration of many machines: answers")),
	U(4789, "vxlan", "VXLAN", N_("virtual networks between machines of a data centre")),
	T(4949, "munin", "Munin", N_("measurements of a machine, fetched by Munin")),
	T(5000, "flask", "HTTP", N_("by custom: a web program in development; container registries too")),
	B(5001, "iperf", "iperf 2", "iperf 2", N_("measures the throughput of a network")),
	B(5060, "sip", "SIP", "SIP", N_("starts telephone calls over the network")),
	T(5061, "sips", "SIP", N_("starts telephone calls over the network, encrypted with TLS")),
	T(5173, "vite", "HTTP", N_("by custom: the Vite server, for web pages in development")),
	B(5201, "iperf3", "iperf 3", "iperf 3", N_("measures the throughput of a network")),
	T(5222, "xmpp-client", "XMPP", N_("chat (Jabber): from a program to its server")),
	T(5269, "xmpp-server", "XMPP", N_("chat (Jabber): between servers")),
	B(5349, "stuns", "STUN, TURN", "STUN, TURN", N_("helps calls and games through address translation, encrypted")),
	U(5353, "mdns", "Multicast DNS", N_("finds machines and services of a local network by name (Bonjour, Avahi)")),
	B(5355, "llmnr", "LLMNR", "LLMNR", N_("finds machines of a local network by name, in the Windows way")),
	T(5432, "postgresql", "PostgreSQL", N_("PostgreSQL, a database")),
	T(5555, "adb", "ADB", N_("debugs Android devices")),
	T(5601, "kibana", "HTTP", N_("Kibana, pages that show what Elasticsearch holds")),
	T(5666, "nrpe", "NRPE", N_("checks that Nagios runs on another machine")),
	T(5671, "amqps", "AMQP", N_("message queues such as RabbitMQ, encrypted with TLS")),
	T(5672, "amqp", "AMQP", N_("message queues such as RabbitMQ; without encryption")),
	U(5683, "coap", "CoAP", N_("web services for very small devices")),
	U(5684, "coaps", "CoAP", N_("web services for very small devices, encrypted")),
	T(5900, "rfb", "VNC", N_("the screen of another machine")),
	T(5984, "couchdb", "HTTP", N_("CouchDB, a database of documents")),
	T(5985, "wsman", "WinRM", N_("administration of Windows machines")),
	T(5986, "wsmans", "WinRM", N_("administration of Windows machines, encrypted with TLS")),
	T(6000, "x11", "X11", N_("windows of programs that run on another machine")),
	U(6081, "geneve", "Geneve", N_("virtual networks between machines of a data centre")),
	T(6379, "redis", "Redis", N_("Redis and Valkey, fast stores in memory")),
	T(6432, "pgbouncer", "PostgreSQL", N_("PgBouncer, which shares connections to PostgreSQL")),
	T(6443, "kubernetes", "HTTPS", N_("the control interface of a Kubernetes cluster")),
	T(6514, "syslog-tls", "Syslog", N_("log messages to a log server, encrypted with TLS")),
	T(6566, "sane-port", "SANE", N_("scanners of another machine")),
	T(6667, "ircu", "IRC", N_("chat in channels; without encryption")),
	T(6697, "ircs-u", "IRC", N_("chat in channels, encrypted with TLS")),
	B(6881, "bittorrent", "BitTorrent", "BitTorrent", N_("files that their readers share with each other")),
	T(7687, "bolt", "Bolt", N_("Neo4j, a database of graphs")),
	T(8000, "http-dev", "HTTP", N_("by custom: a web server for trying things, such as Python's")),
	T(8008, "http-alt2", "HTTP", N_("a second place for web servers")),
	T(8080, "http-alt", "HTTP", N_("the usual second place for web servers and proxies")),
	T(8086, "influxdb", "HTTP", N_("InfluxDB, a database of measurements over time")),
	T(8123, "home-assistant", "HTTP", N_("Home Assistant, which looks after a house")),
	U(8125, "statsd", "StatsD", N_("measurements that programs send out as they run")),
	T(8140, "puppet", "HTTPS", N_("Puppet, administration of many machines")),
	T(8200, "vault", "HTTPS", N_("Vault, a store of secrets")),
	T(8333, "bitcoin", "Bitcoin", N_("machines of the Bitcoin network among themselves")),
	T(8443, "https-alt", "HTTPS", N_("the usual second place for encrypted web servers")),
	T(8448, "matrix-fed", "HTTPS", N_("Matrix, open chat: between servers")),
	T(8500, "consul", "HTTP", N_("Consul, which knows where the services of a cluster are")),
	T(8883, "secure-mqtt", "MQTT", N_("short messages of sensors and devices, encrypted with TLS")),
	T(8888, "jupyter", "HTTP", N_("by custom: Jupyter notebooks")),
	T(9000, "minio", "HTTP", N_("by custom: MinIO object stores, and PHP-FPM")),
	T(9042, "cassandra", "CQL", N_("Cassandra, a database across many machines")),
	T(9050, "tor-socks", "SOCKS", N_("the Tor network's proxy on this machine")),
	T(9090, "prometheus", "HTTP", N_("Prometheus, measurements of many machines; Cockpit too")),
	T(9092, "kafka", "Kafka", N_("Kafka, streams of messages between programs")),
	T(9100, "pdl-datastream", "JetDirect", N_("print jobs, straight to the printer; Prometheus node exporters too")),
	T(9200, "elasticsearch", "HTTP", N_("Elasticsearch and OpenSearch, which search texts")),
	T(9418, "git", "Git", N_("Git repositories, to read; without encryption")),
	U(9987, "teamspeak", "TeamSpeak", N_("voice chat, for games")),
	T(10000, "webmin", "HTTPS", N_("Webmin, administration of a machine by web pages")),
	T(10050, "zabbix-agent", "Zabbix", N_("measurements of a machine, fetched by Zabbix")),
	T(10051, "zabbix-trapper", "Zabbix", N_("measurements that machines send to Zabbix")),
	T(10250, "kubelet", "HTTPS", N_("the part of Kubernetes that runs on each machine")),
	T(10809, "nbd", "NBD", N_("disks of another machine, block by block")),
	B(11211, "memcache", "memcached", "memcached", N_("memcached, a fast store in memory")),
	T(11434, "ollama", "HTTP", N_("Ollama, which runs language models on this machine")),
	T(15672, "rabbitmq", "HTTP", N_("RabbitMQ's own pages, to look after message queues")),
	B(22000, "syncthing", "Syncthing", "Syncthing", N_("keeps files the same on several machines")),
	T(24007, "glusterfs", "GlusterFS", N_("a file system across many machines")),
	T(24224, "fluentd", "Fluentd", N_("log messages, collected from many programs")),
	T(25565, "minecraft", "Minecraft", N_("Minecraft servers")),
	U(27015, "source", "Source", N_("game servers of Valve's games")),
	T(27017, "mongodb", "MongoDB", N_("MongoDB, a database of documents")),
	T(32400, "plex", "HTTP", N_("Plex, films and music for the house")),
	U(41641, "tailscale", "WireGuard", N_("Tailscale, a private network between one's own machines")),
	T(51413, "transmission", "BitTorrent", N_("Transmission, files that their readers share with each other")),
	U(51820, "wireguard", "WireGuard", N_("an encrypted private network")),
	B(64738, "mumble", "Mumble", "Mumble", N_("voice chat")),
};

/* Other names that people use; the port decides the row. */
static const struct {
	const char *name;
	uint16_t port;
} aliases[] = {
	{ "dns", 53 },         { "dhcp", 67 },         { "www", 80 },         { "imap2", 143 },     { "snmptrap", 162 },
	{ "smb", 445 },        { "cifs", 445 },        { "smtps", 465 },      { "ike", 500 },       { "modbus", 502 },
	{ "lpd", 515 },        { "rip", 520 },         { "afp", 548 },        { "ipmi", 623 },      { "rpcbind", 111 },
	{ "portmapper", 111 }, { "ident", 113 },       { "nicname", 43 },     { "dot", 853 },       { "mssql", 1433 },
	{ "mariadb", 3306 },   { "rdp", 3389 },        { "turn", 3478 },      { "postgres", 5432 }, { "vnc", 5900 },
	{ "valkey", 6379 },    { "memcached", 11211 }, { "jetdirect", 9100 }, { "rabbit", 5672 },   { "etcd", 2379 },
	{ "dicom", 104 },
};

static bool service_speaks(const struct skt_service *s, const char *protocol)
{
	if (!protocol)
		return true;
	return strcasecmp(protocol, "TCP") == 0 ? s->tcp != NULL : strcasecmp(protocol, "UDP") == 0 && s->udp != NULL;
}

const struct skt_service *skt_service_of_port(uint16_t port, const char *protocol)
{
	for (size_t i = 0; i < SKT_LENGTH(services); i++)
		if (services[i].port == port && service_speaks(&services[i], protocol))
			return &services[i];
	return NULL;
}

const struct skt_service *skt_service_of_name(const char *name, const char *protocol)
{
	for (size_t i = 0; i < SKT_LENGTH(services); i++)
		if (strcasecmp(services[i].name, name) == 0 && service_speaks(&services[i], protocol))
			return &services[i];
	for (size_t i = 0; i < SKT_LENGTH(aliases); i++)
		if (strcasecmp(aliases[i].name, name) == 0)
			return skt_service_of_port(aliases[i].port, protocol);
	return NULL;
}

/* libc wants the protocol in small letters. */
static const char *service_protocol(const char *protocol)
{
	if (!protocol)
		return NULL;
	return strcasecmp(protocol, "UDP") == 0 ? "udp" : "tcp";
}

int skt_service_port(const char *name, const char *protocol)
{
	const struct skt_service *s = skt_service_of_name(name, protocol);
	struct servent entry, *found = NULL;
	char buf[2048];

	if (s)
		return s->port;
	if (getservbyname_r(name, service_protocol(protocol), &entry, buf, sizeof(buf), &found) != 0 || !found)
		return 0;
	return ntohs((uint16_t)entry.s_port);
}

bool skt_service_system_name(uint16_t port, const char *protocol, char *ret)
{
	struct servent entry, *found = NULL;
	char buf[2048];

	if (getservbyport_r(htons(port), service_protocol(protocol), &entry, buf, sizeof(buf), &found) != 0 || !found)
		return false;
	(void)snprintf(ret, SKT_SERVICE_LENGTH, "%s", entry.s_name);
	return true;
}

const struct skt_service *skt_service_at(size_t i)
{
	return i < SKT_LENGTH(services) ? &services[i] : NULL;
}
