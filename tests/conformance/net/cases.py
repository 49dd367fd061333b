"""Cases of the network tools. They hold for the originals, too; `run` runs them."""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

CASES = []


def case(name):
    def add(function):
        CASES.append((name, function))
        return function
    return add


def variables(text):
    """The NAME=value lines of a text, as a dictionary."""
    return dict(l.split("=", 1) for l in text.splitlines() if re.match(r"[A-Za-z_0-9]+=", l))


def cdb(data):
    """The records of a cdb file, in order."""
    end = min(struct.unpack("<II", data[i * 8:i * 8 + 8])[0] for i in range(256))
    pos, out = 2048, []
    while pos < end:
        k, d = struct.unpack("<II", data[pos:pos + 8])
        out.append((data[pos + 8:pos + 8 + k], data[pos + 8 + k:pos + 8 + k + d]))
        pos += 8 + k + d
    return out


UCSPI = {"PROTO": "TCP", "TCPLOCALIP": "127.0.0.1", "TCPLOCALPORT": "80", "TCPREMOTEIP": "127.0.0.1",
         "TCPREMOTEPORT": "1234"}


# ---------------------------------------------------------------- s6-dns: one question

@case("s6-dnsip4/one")
def _(t):
    t.result(t.run("s6-dnsip4", "one.test"), 0, "192.0.2.1\n", False)
    t.eq(t.dns.log, [("udp", "127.0.0.1", "one.test", "A", True)], "the questions asked")


@case("s6-dnsip4/order-of-the-server")
def _(t):
    t.result(t.run("s6-dnsip4", "three.test"), 0, "192.0.2.3\n192.0.2.1\n192.0.2.2\n", False)


@case("s6-dnsip4/final-dot-and-capitals")
def _(t):
    t.result(t.run("s6-dnsip4", "One.TEST."), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/alias-followed")
def _(t):
    t.result(t.run("s6-dnsip4", "alias.test"), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/no-such-domain")
def _(t):
    r = t.result(t.run("s6-dnsip4", "nope.test"), 2, "", True)
    t.match(r"s6-dnsip4: fatal: .*nope\.test.*no such domain\n", r.err, "stderr")


@case("s6-dnsip4/no-such-record")
def _(t):
    t.result(t.run("s6-dnsip4", "six.test"), 1, "", False)


@case("s6-dnsip4/truncated-answer-over-tcp")
def _(t):
    t.result(t.run("s6-dnsip4", "big.test"), 0, "".join("192.0.2.%d\n" % n for n in range(1, 61)), False)
    t.eq([q[0] for q in t.dns.log], ["udp", "tcp"], "transports")


@case("s6-dnsip4/timeout")
def _(t):
    t.result(t.run("s6-dnsip4", "-t", "400", "drop.test", timeout=5), 99, "", True)


@case("s6-dnsip4/usage")
def _(t):
    for argv in ([], ["-z", "one.test"], ["-t", "soon", "one.test"]):
        t.result(t.run("s6-dnsip4", *argv), 100, "", True)


@case("s6-dnsip4/not-qualified-by-default")
def _(t):
    t.etc("resolv.conf", "search sub.test\nnameserver 127.0.0.1\n")
    t.result(t.run("s6-dnsip4", "host"), 2, "", True)
    t.eq(t.dns.names(), ["host"], "names asked for")


@case("s6-dnsip4/qualified")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.1\nsearch sub.test other.test\n")
    t.result(t.run("s6-dnsip4", "-q", "host"), 0, "192.0.2.50\n", False)


@case("s6-dnsip4/second-server-when-the-first-is-absent")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.5\nnameserver 127.0.0.1\n")
    t.result(t.run("s6-dnsip4", "one.test"), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/dnscacheip")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.4\n")
    t.result(t.run("s6-dnsip4", "one.test", env={"DNSCACHEIP": "127.0.0.1"}), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/no-server-answers")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.5\n")
    t.result(t.run("s6-dnsip4", "one.test"), 111, "", True)


@case("s6-dnsip4/hosts-file")
def _(t):
    t.etc("hosts", "127.0.0.1 localhost\n# a comment\n192.0.2.70 one.test alias\n192.0.2.71 one.test\n")
    t.result(t.run("s6-dnsip4", "-h", "one.test"), 0, "192.0.2.70\n192.0.2.71\n", False)
    t.eq(t.dns.log, [], "questions asked")
    t.result(t.run("s6-dnsip4", "one.test"), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/hosts-file-then-dns")
def _(t):
    t.etc("hosts", "192.0.2.70 another.test\n")
    t.result(t.run("s6-dnsip4", "-h", "one.test"), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/dnscacheip-of-no-use")
def _(t):
    for value in ("", "nonsense"):
        t.result(t.run("s6-dnsip4", "one.test", env={"DNSCACHEIP": value}), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/answer-with-wrong-id-ignored")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.7\n")
    t.result(t.run("s6-dnsip4", "one.test"), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/silent-server-then-next")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.4\nnameserver 127.0.0.1\n")
    t.result(t.run("s6-dnsip4", "one.test", timeout=15), 0, "192.0.2.1\n", False)


@case("s6-dnsip4/dnsqualify-wins")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.1\nsearch nowhere.test\n")
    t.result(t.run("s6-dnsip4", "-q", "host", env={"DNSQUALIFY": "no.test sub.test"}), 0, "192.0.2.50\n", False)


@case("s6-dnsip4/resolv-conf-without-final-newline")
def _(t):
    t.etc("resolv.conf", "# nameserver 127.0.0.4\nnameserver\t127.0.0.1")
    t.result(t.run("s6-dnsip4", "one.test"), 0, "192.0.2.1\n", False)


@case("s6-dnsip6/two")
def _(t):
    t.result(t.run("s6-dnsip6", "six.test"), 0, "2001:db8::6\n2001:db8:0:1::1\n", False)


@case("s6-dnsip6/none")
def _(t):
    t.result(t.run("s6-dnsip6", "one.test"), 1, "", False)
    t.result(t.run("s6-dnsip6", "nope.test"), 2, "", True)


@case("s6-dnsip/both-families")
def _(t):
    t.result(t.run("s6-dnsip", "both.test"), 0, "2001:db8::10\n192.0.2.10\n192.0.2.11\n", False)


@case("s6-dnsip/one-family")
def _(t):
    t.result(t.run("s6-dnsip", "one.test"), 0, "192.0.2.1\n", False)
    t.result(t.run("s6-dnsip", "six.test"), 0, "2001:db8::6\n2001:db8:0:1::1\n", False)


@case("s6-dnsip/nothing")
def _(t):
    r = t.run("s6-dnsip", "nope.test")
    t.check(r.code in (1, 2), "exit", r.code)  # the documentation says 2, the program says 1
    t.result(t.run("s6-dnsip", "empty.test"), 1, "", False)
    t.result(t.run("s6-dnsip", "-t", "400", "drop.test", timeout=5), 99, "", True)


@case("s6-dnsmx/list")
def _(t):
    t.result(t.run("s6-dnsmx", "mail.test"), 0, "20 mx2.mail.test.\n10 mx1.mail.test.\n", False)


@case("s6-dnsmx/qualified-and-absent")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.1\nsearch test\n")
    t.result(t.run("s6-dnsmx", "-q", "mail"), 0, "20 mx2.mail.test.\n10 mx1.mail.test.\n", False)
    t.result(t.run("s6-dnsmx", "one.test"), 1, "", False)
    t.result(t.run("s6-dnsmx", "nope.test"), 2, "", True)


@case("s6-dnsns/list")
def _(t):
    t.result(t.run("s6-dnsns", "zone.test"), 0, "ns1.zone.test.\nns2.zone.test.\n", False)


@case("s6-dnssoa/one")
def _(t):
    t.result(t.run("s6-dnssoa", "zone.test"), 0,
             "ns1.zone.test. hostmaster.zone.test. 2024010101 7200 3600 604800 300\n", False)


@case("s6-dnssrv/list")
def _(t):
    t.result(t.run("s6-dnssrv", "http", "tcp", "srv.test"), 0,
             "10 60 8080 www.srv.test.\n20 0 80 alt.srv.test.\n", False)


@case("s6-dnstxt/quoting")
def _(t):
    t.result(t.run("s6-dnstxt", "text.test"), 0, '"plain"\n"two parts"\n"q\\"b\\\\\\t\\0x01"\n""\n', False)


@case("s6-dnsname/ip4")
def _(t):
    t.result(t.run("s6-dnsname", "192.0.2.1"), 0, "one.test.\nuno.test.\n", False)


@case("s6-dnsname/ip6")
def _(t):
    t.result(t.run("s6-dnsname", "2001:db8::6"), 0, "six.test.\n", False)


@case("s6-dnsname/not-an-address")
def _(t):
    t.result(t.run("s6-dnsname", "one.test"), 100, "", True)


@case("s6-dnsname/families")
def _(t):
    t.result(t.run("s6-dnsname", "-4", "192.0.2.1"), 0, "one.test.\nuno.test.\n", False)
    t.result(t.run("s6-dnsname", "-4", "::1"), 100, "", True)
    t.result(t.run("s6-dnsname", "-6", "192.0.2.1"), 100, "", True)
    t.result(t.run("s6-dnsname", "192.0.2.77"), 2, "", True)


@case("s6-dnsq/dump")
def _(t):
    t.result(t.run("s6-dnsq", "a", "one.test", "127.0.0.1"), 0,
             "42 bytes, 1+1+0+0 records, response, authoritative, noerror\nquery: 1 one.test.\n"
             "answer: one.test. 300 A 192.0.2.1\n", False)
    t.eq(t.dns.log, [("udp", "127.0.0.1", "one.test", "A", False)], "the questions asked")


@case("s6-dnsq/failures")
def _(t):
    t.result(t.run("s6-dnsq", "A", "one.test", "127.0.0.5"), 2, "", True)
    t.result(t.run("s6-dnsq", "-t", "400", "A", "one.test", "127.0.0.4", timeout=5), 99, "", True)
    t.result(t.run("s6-dnsq", "A", "one.test", "nowhere"), 100, "", True)
    t.result(t.run("s6-dnsq", "A", "one.test"), 100, "", True)


@case("s6-dnsqr/dump-of-everything")
def _(t):
    t.result(t.run("s6-dnsqr", "ANY", "zone.test"), 0,
             "232 bytes, 1+7+0+0 records, response, rd, ra, noerror\nquery: 255 zone.test.\n"
             "answer: zone.test. 300 SOA ns1.zone.test. hostmaster.zone.test. 2024010101 7200 3600 604800 300\n"
             "answer: zone.test. 300 NS ns1.zone.test.\nanswer: zone.test. 300 NS ns2.zone.test.\n"
             "answer: zone.test. 300 A 192.0.2.80\nanswer: zone.test. 300 CAA 0 issue ca.example\n"
             "answer: zone.test. 300 HINFO CPU OS\n"
             "answer: zone.test. 300 unknown rtype 99 length 6: 0102ff616263\n", False)


@case("s6-dnsqr/no-such-domain")
def _(t):
    t.result(t.run("s6-dnsqr", "MX", "nope.test"), 0,
             "79 bytes, 1+0+1+0 records, response, rd, ra, nxdomain\nquery: 15 nope.test.\n"
             "authority: nope.test. 300 SOA ns.test. root.test. 1 2 3 4 5\n", False)


@case("s6-dnsqr/bad-type")
def _(t):
    t.result(t.run("s6-dnsqr", "BOGUS", "one.test"), 100, "", True)


@case("s6-dnsqr/types")
def _(t):
    def body(*argv):
        return t.result(t.run("s6-dnsqr", *argv), 0, None, False).out.splitlines()[1:]
    t.eq(body("99", "zone.test"), ["query: 99 zone.test.", "answer: zone.test. 300 unknown rtype 99 length 6: 0102ff616263"], "99")
    t.eq(body("txt", "text.test"), ["query: 16 text.test.", 'answer: text.test. 300 TXT "plain"',
                                    'answer: text.test. 300 TXT "two parts"',
                                    'answer: text.test. 300 TXT "q\\"b\\\\\\t\\0x01"', 'answer: text.test. 300 TXT ""'], "TXT")
    t.eq(body("AAAA", "six.test"), ["query: 28 six.test.", "answer: six.test. 300 AAAA 2001:db8::6",
                                    "answer: six.test. 300 AAAA 2001:db8:0:1::1"], "AAAA")
    t.eq(body("A", "alias.test"), ["query: 1 alias.test.", "answer: alias.test. 300 CNAME one.test.",
                                   "answer: one.test. 300 A 192.0.2.1"], "A of an alias")
    t.eq(body("SRV", "_http._tcp.srv.test")[1:], ["answer: _http._tcp.srv.test. 300 SRV 10 60 8080 www.srv.test.",
                                                  "answer: _http._tcp.srv.test. 300 SRV 20 0 80 alt.srv.test."], "SRV")


@case("s6-dnsqualify/search-list")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.1\nsearch a.test b.test.\n")
    t.result(t.run("s6-dnsqualify", "Host.x"), 0, "host.x.a.test.\nhost.x.b.test.\nhost.x.\n", False)
    t.result(t.run("s6-dnsqualify", "host."), 0, "host.\n", False)


@case("s6-dnsqualify/dnsqualify")
def _(t):
    t.etc("resolv.conf", "search a.test\n")
    t.result(t.run("s6-dnsqualify", "host", env={"DNSQUALIFY": "x.y  z"}), 0, "host.x.y.\nhost.z.\nhost.\n", False)


# ---------------------------------------------------------------- s6-dns: filters and files

@case("s6-dnsip4-filter/default-formats")
def _(t):
    t.result(t.run("s6-dnsip4-filter", stdin="one.test and more\nnope.test x\nempty.test y\nalias.test\tz\n"), 0,
             "one.test=192.0.2.1 and more\nnope.test=<no such domain> x\nempty.test= y\nalias.test=192.0.2.1\tz\n", False)


@case("s6-dnsip4-filter/own-formats")
def _(t):
    t.result(t.run("s6-dnsip4-filter", "-f", "%d (%s)%%%w%r", "-e", "!%s: %e", stdin="one.test a b\nnope.test\n"), 0,
             "192.0.2.1 (one.test)% a b\n!nope.test: no such domain\n", False)


@case("s6-dnsip4-filter/order-kept")
def _(t):
    t.result(t.run("s6-dnsip4-filter", stdin="late.test 1\none.test 2\n"), 0,
             "late.test=192.0.2.99 1\none.test=192.0.2.1 2\n", False)


@case("s6-dnsip4-filter/timeout-and-many-lines")
def _(t):
    t.result(t.run("s6-dnsip4-filter", "-t", "400", stdin="drop.test a\none.test b\n"), 0,
             "drop.test=<query timed out> a\none.test=192.0.2.1 b\n", False)
    lines = ["%s.test %d" % (("one", "nope", "empty")[n % 3], n) for n in range(200)]
    want = "".join("%s=%s %d\n" % (l.split()[0], ("192.0.2.1", "<no such domain>", "")[n % 3], n) for n, l in enumerate(lines))
    t.result(t.run("s6-dnsip4-filter", "-l", "20", "-c", "7", stdin="\n".join(lines) + "\n"), 0, want, False)


@case("s6-dnsip6-filter/lines")
def _(t):
    t.result(t.run("s6-dnsip6-filter", stdin="six.test a\none.test b\nnope.test\n"), 0,
             "six.test=2001:db8::6 a\none.test= b\nnope.test=<no such domain>\n", False)


@case("s6-dnsname-filter/lines")
def _(t):
    t.result(t.run("s6-dnsname-filter", stdin="192.0.2.1 - GET /\n192.0.2.200 x\n127.0.0.1:80\n"), 0,
             "192.0.2.1=one.test. - GET /\n192.0.2.200=<no such domain> x\n127.0.0.1=local.test.:80\n", False)


@case("skadnsd/no-client")
def _(t):
    t.result(t.run("skadnsd", stdin=None), 111, "", True)


@case("s6-randomip/count")
def _(t):
    r = t.result(t.run("s6-randomip", "-n", "20"), 0, None, False)
    lines = r.out.splitlines()
    t.eq(len(lines), 20, "lines")
    for l in lines:
        socket.inet_aton(l)
        t.eq(l.count("."), 3, "dots in " + l)
    t.check(len(set(lines)) > 15, "not random:", r.out)
    t.result(t.run("s6-randomip", "-n", "0"), 0, "", False)


@case("s6-randomip/ip6")
def _(t):
    for l in t.result(t.run("s6-randomip", "-6", "-n", "10"), 0, None, False).out.splitlines():
        socket.inet_pton(socket.AF_INET6, l)
    kinds = {":" in l for l in t.result(t.run("s6-randomip", "-46", "-n", "60"), 0).out.splitlines()}
    t.eq(kinds, {True, False}, "families")
    t.result(t.run("s6-randomip", "-n", "x"), 100, "", True)


@case("s6-dns-hosts-compile/records")
def _(t):
    t.write("h", "192.0.2.7 host7.test Host7 alias7\n192.0.2.8 host7.test\n2001:db8::7 host7.test\n192.0.2.9 bare\n")
    t.result(t.run("s6-dns-hosts-compile", "-i", "h", "-o", "h.cdb"), 0, "", False)
    with open(t.path("h.cdb"), "rb") as f:
        got = dict(cdb(f.read()))
    six = socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    t.eq(got, {b"u4:host7": bytes([192, 0, 2, 7]), b"u4:alias7": bytes([192, 0, 2, 7]),
               b"a4:host7.test.": bytes([192, 0, 2, 7, 192, 0, 2, 8]), b"a6:host7.test.": six,
               b"a4:bare.": bytes([192, 0, 2, 9]), b"p4:\xc0\0\2\7": b"host7.test.\0host7\0alias7\0",
               b"p4:\xc0\0\2\x08": b"host7.test.\0", b"p4:\xc0\0\2\x09": b"bare.\0", b"p6:" + six: b"host7.test.\0"},
         "records")


@case("s6-dns-hosts-compile/used-by-lookups")
def _(t):
    t.write("h", "192.0.2.77 compiled.test\n")
    t.result(t.run("s6-dns-hosts-compile", "-i", "h", "-o", "/etc/hosts.cdb"), 0, "", False)
    t.result(t.run("s6-dnsip4", "-h", "compiled.test"), 0, "192.0.2.77\n", False)


@case("s6-dns-hosts-compile/failures")
def _(t):
    t.result(t.run("s6-dns-hosts-compile", "-i", "absent", "-o", "h.cdb"), 111, "", True)
    t.write("h", "no address here\n")
    t.result(t.run("s6-dns-hosts-compile", "-i", "h", "-o", "h.cdb"), 111, "", True)


@case("s6-dns-hosts-compile/default-files")
def _(t):
    t.etc("hosts", "fe80::1%eth0 link.test\n192.0.2.70 full.test\n")
    t.result(t.run("s6-dns-hosts-compile"), 0, "", False)
    t.etc("hosts", None)
    t.result(t.run("s6-dnsip4", "-h", "full.test"), 0, "192.0.2.70\n", False)


# ---------------------------------------------------------------- names of services, ident, the PROXY protocol

@case("s6-getservbyname/names")
def _(t):
    t.result(t.run("s6-getservbyname", "http", "tcp"), 0, "80\n", False)
    t.result(t.run("s6-getservbyname", "odd", "udp"), 0, "4321\n", False)


@case("s6-getservbyname/unknown")
def _(t):
    t.result(t.run("s6-getservbyname", "http", "udp"), 1, "", False)
    t.result(t.run("s6-getservbyname", "nothing", "tcp"), 1, "", False)


@case("s6-getservbyname/numbers-and-aliases")
def _(t):
    t.result(t.run("s6-getservbyname", "www", "tcp"), 0, "80\n", False)
    t.result(t.run("s6-getservbyname", "8080", "tcp"), 0, "8080\n", False)
    t.result(t.run("s6-getservbyname", "http"), 100, "", True)


def ident(t, reply, ip="127.0.0.1"):
    """An ident server; reply gets the two ports of the question, as text."""
    asked = []

    def answer(c):
        line = c.makefile("rb").readline()
        asked.append(line)
        c.sendall(reply(*[x.strip() for x in line.decode().split(",")]).encode())
    t.listen(answer, ip, 113)
    return asked


@case("s6-ident-client/user")
def _(t):
    asked = ident(t, lambda r, l: "%s , %s : USERID : UNIX : joe user\n" % (r, l))
    t.result(t.run("s6-ident-client", "127.0.0.1", "1000", "127.0.0.2", "2000"), 0, "joe user\n", False)
    t.check(re.fullmatch(rb"1000 *, *2000\r\n", asked[0]), "question:", asked)


@case("s6-ident-client/refusals")
def _(t):
    for n, (word, text) in enumerate([("NO-USER", "no such user"), ("HIDDEN-USER", "identification denied"),
                                      ("INVALID-PORT", "invalid port"), ("UNKNOWN-ERROR", "unknown error")]):
        ip = "127.0.0.%d" % (30 + n)
        ident(t, lambda r, l: "%s, %s : ERROR : %s\r\n" % (r, l, word), ip)
        r = t.result(t.run("s6-ident-client", ip, "1000", "127.0.0.1", "2000"), 1, "", True)
        t.check(text in r.err, "stderr lacks", text, r.err)


@case("proxy-server/version-1")
def _(t):
    r = t.run("proxy-server", "/bin/sh", "-c", "env; echo; cat",
              stdin=b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nthe rest\n", env={"TCPCONNNUM": "3", "PROTO": "X"})
    t.result(r, 0, None, False)
    head, _, rest = r.out.partition("\n\n")
    got = variables(head)
    t.eq({k: got.get(k) for k in ("PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPLOCALIP", "TCPLOCALPORT", "TCPCONNNUM")},
         {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1", "TCPREMOTEPORT": "56324", "TCPLOCALIP": "198.51.100.1",
          "TCPLOCALPORT": "443", "TCPCONNNUM": "3"}, "variables")
    t.eq(rest, "the rest\n", "what the program reads")


@case("proxy-server/version-1-unknown")
def _(t):
    for line in (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN a b c d\r\n"):
        r = t.result(t.run("proxy-server", "/bin/sh", "-c", "echo $TCPREMOTEIP; cat", stdin=line + b"rest", env=UCSPI), 0,
                     "127.0.0.1\nrest", False)


@case("proxy-server/version-2-ip4")
def _(t):
    head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 1, 198, 51, 100, 1]) + struct.pack("!HH", 1111, 2222)
    t.result(t.run("proxy-server", "/bin/sh", "-c",
                   "echo $PROTO $TCPREMOTEIP $TCPREMOTEPORT $TCPLOCALIP $TCPLOCALPORT; cat", stdin=head + b"rest"), 0,
             "TCP 192.0.2.1 1111 198.51.100.1 2222\nrest", False)


@case("proxy-server/nonsense")
def _(t):
    for text in (b"GET / HTTP/1.0\r\n\r\n", b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
                 b"PROXY TCP4 2001:db8::1 198.51.100.1 1 2\r\n", b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n"):
        t.result(t.run("proxy-server", "echo", "ran", stdin=text), 1, "", True)


# ---------------------------------------------------------------- the TCP server

@case("s6-tcpserver-socketbinder/listening-socket")
def _(t):
    look = ("import socket, fcntl; s = socket.socket(fileno=0); print(s.getsockname()[0], s.type, s.getsockopt(1, 30),"
            " s.getsockopt(1, 2), bool(fcntl.fcntl(0, 3) & 2048), s.getsockname()[1] > 0)")
    t.result(t.run("s6-tcpserver-socketbinder", "127.0.0.1", "0", sys.executable, "-c", look), 0,
             "127.0.0.1 1 1 1 True True\n", False)


@case("s6-tcpserver-socketbinder/busy-address")
def _(t):
    t.result(t.run("s6-tcpserver-socketbinder", "127.0.0.1", "53", "echo", "ran"), 111, "", True)


@case("s6-tcpserver-socketbinder/bad-arguments")
def _(t):
    for argv in (["127.0.0.1", "x", "true"], ["nowhere", "80", "true"], ["127.0.0.1", "70000", "true"], ["127.0.0.1", "80"]):
        t.result(t.run("s6-tcpserver-socketbinder", *argv), 100, "", True)


@case("s6-tcpserver-socketbinder/other-kinds")
def _(t):
    look = ("import socket, fcntl; s = socket.socket(fileno=0); print(s.family.value, s.type, s.getsockopt(1, 30),"
            " s.getsockopt(1, 2), bool(fcntl.fcntl(0, 3) & 2048))")
    t.result(t.run("s6-tcpserver-socketbinder", "-m", "-b0", "-B", "127.0.0.1", "0", sys.executable, "-c", look), 0, "2 2 0 1 False\n", False)
    t.result(t.run("s6-tcpserver-socketbinder", "-b", "0", "-D", "127.0.0.1", "0", sys.executable, "-c", look), 0, "2 1 0 0 True\n", False)
    t.need_ip6()
    t.result(t.run("s6-tcpserver-socketbinder", "::1", "0", sys.executable, "-c", look), 0, "10 1 1 1 True\n", False)


@case("s6-tcpserverd/on-a-given-socket")
def _(t):
    b = t.spawn("s6-tcpserver-socketbinder", "127.0.0.1", "0", "s6-tcpserverd", "-1", "cat")
    t.until(lambda: b.out().endswith("\n"), "a port number")
    t.eq(t.talk(int(b.out()), "over\n"), "over\n", "echo")


@case("s6-tcpserverd/not-a-socket")
def _(t):
    t.result(t.run("s6-tcpserverd", "cat", stdin=None), 100, "", True)
    t.result(t.run("s6-tcpserverd", stdin=None), 100, "", True)


@case("s6-tcpserver/environment")
def _(t):
    s = t.server("--", "/bin/sh", "-c", "env; cat", env={"KEPT": "yes"})
    c = t.connect(s.port)
    c.sendall(b"SENT=x\n")
    c.shutdown(socket.SHUT_WR)
    got = variables(t.drain(c))
    port = str(c.getsockname()[1])
    t.eq({k: v for k, v in got.items() if k.startswith("TCP") or k in ("PROTO", "KEPT", "SENT")},
         {"PROTO": "TCP", "TCPLOCALIP": "127.0.0.1", "TCPLOCALPORT": str(s.port), "TCPREMOTEIP": "127.0.0.1",
          "TCPREMOTEPORT": port, "TCPCONNNUM": "0", "KEPT": "yes", "SENT": "x"}, "variables")


@case("s6-tcpserver/port-on-stdout")
def _(t):
    port = t.closed_port()
    b = t.spawn("s6-tcpserver", "-1", "127.0.0.1", port, "cat")
    t.until(lambda: b.out(), "something on stdout")
    t.eq(b.out(), "%d\n" % port, "stdout")
    t.eq(t.talk(port, "ready\n"), "ready\n", "echo")


@case("s6-tcpserver/silent-stdout-without-1")
def _(t):
    port = t.closed_port()
    b = t.spawn("s6-tcpserver", "127.0.0.1", port, "cat")
    t.until(lambda: t.listening(port), "a listening socket")
    t.eq(t.talk(port, "ready\n"), "ready\n", "echo")
    t.eq(b.out(), "", "stdout")


@case("s6-tcpserver/limit-of-connections")
def _(t):
    s = t.server("-c", "1", "--", "/bin/sh", "-c", "echo in; read x")
    a = t.connect(s.port)
    t.eq(a.recv(9), b"in\n", "first")
    b = t.connect(s.port, source="127.0.0.2")
    b.settimeout(0.4)
    try:
        t.check(False, "a second client was served:", b.recv(9))
    except socket.timeout:
        pass
    a.sendall(b"\n")
    b.settimeout(10)
    t.eq(b.recv(9), b"in\n", "second, once the first is gone")


@case("s6-tcpserver/limit-per-address")
def _(t):
    s = t.server("-c", "5", "-C", "2", "--", "/bin/sh", "-c", "echo $TCPCONNNUM; read x")
    held = [t.connect(s.port)]
    t.eq(held[0].recv(9), b"0\n", "first")
    held.append(t.connect(s.port))
    t.eq(held[1].recv(9), b"1\n", "second")
    t.eq(t.drain(t.connect(s.port)), "", "third, of the same address")
    t.eq(t.connect(s.port, source="127.0.0.2").recv(9), b"0\n", "first of another address")
    t.until(lambda: "reject" in s.err(), "a warning about the refusal")


@case("s6-tcpserver/term-leaves-connections")
def _(t):
    s = t.server("--", "/bin/sh", "-c", "echo in; read x; echo later")
    c = t.connect(s.port)
    t.eq(c.recv(9), b"in\n", "greeting")
    s.kill()
    t.eq(s.wait(), 0, "exit of the server")
    c.sendall(b"\n")
    t.eq(t.drain(c), "later\n", "the rest of the connection")


@case("s6-tcpserver/verbose-log")
def _(t):
    s = t.server("-v", "--", "/bin/sh", "-c", "echo $$; exit 3")
    c = t.connect(s.port)
    port = c.getsockname()[1]
    pid = t.drain(c).strip()
    t.until(lambda: "exitcode" in s.err(), "the end in the log")
    s.kill()
    s.wait()
    lines = [l.split(": info: ")[-1] for l in s.err().splitlines()]
    t.eq(lines, ["starting - bound to ip 127.0.0.1 port %d" % s.port, "status: 0/40",
                 "accept 127.0.0.1_%d pid %s count 1/40" % (port, pid), "status: 1/40",
                 "end pid %s exitcode 3 count 0/40" % pid, "status: 0/40", "received SIGTERM, quitting", "exiting"], "log")


@case("s6-tcpserver/address-in-use")
def _(t):
    t.result(t.run("s6-tcpserver", "127.0.0.1", "53", "cat"), 111, "", True)


@case("s6-tcpserver/hup-ends-connections-only")
def _(t):
    s = t.server("--", "/bin/sh", "-c", "trap 'echo told; exit' TERM; echo in; while :; do sleep 0.05; done")
    c = t.connect(s.port)
    t.eq(c.recv(9), b"in\n", "greeting")
    s.kill(signal.SIGHUP)
    t.eq(t.drain(c), "told\n", "the rest of the connection")
    c = t.connect(s.port)
    t.eq(c.recv(9), b"in\n", "a new connection")


@case("s6-tcpserver/identity")
def _(t):
    s = t.server("-u", "65534", "-g", "1", "-G", "1,65534", "--", "/bin/sh", "-c", "id -u; id -g; id -G")
    t.match(r"65534\n1\n(1 65534|65534 1)\n", t.talk(s.port), "ids")
    s = t.server("-U", "--", "/bin/sh", "-c", 'id -u; id -g; id -G; echo "[$UID$GID$GIDLIST]"', env={"UID": "1", "GID": "1", "GIDLIST": "1"})
    t.eq(t.talk(s.port), "1\n1\n1\n[]\n", "ids by -U")


@case("s6-tcpserver/ip6")
def _(t):
    t.need_ip6()
    s = t.server("--", "/bin/sh", "-c", "echo $TCPLOCALIP $TCPREMOTEIP $TCPLOCALPORT; cat", ip="::1")
    t.eq(t.talk(s.port, "x", ip="::1"), "::1 ::1 %d\nx" % s.port, "answer")


@case("s6-tcpserver/many-connections")
def _(t):
    s = t.server("-c", "100", "-C", "100", "--", "cat")
    held = [t.connect(s.port) for _ in range(60)]
    for n, c in enumerate(held):
        c.sendall(b"%d\n" % n)
    for n, c in enumerate(held):
        t.eq(c.recv(99), b"%d\n" % n, "echo")


# ---------------------------------------------------------------- access control

ACCESS = ["/bin/sh", "-c", "env"]


@case("s6-tcpserver-access/names-from-dns")
def _(t):
    r = t.result(t.run("s6-tcpserver-access", *ACCESS, env={**UCSPI, "TCPREMOTEIP": "192.0.2.1", "TCPREMOTEINFO": "stale"}), 0)
    got = variables(r.out)
    t.match(r"(one|uno)\.test\.", got.get("TCPREMOTEHOST", ""), "TCPREMOTEHOST")
    t.eq(got.get("TCPLOCALHOST"), "local.test.", "TCPLOCALHOST")
    t.check("TCPREMOTEINFO" not in got, "TCPREMOTEINFO is still there")


@case("s6-tcpserver-access/no-lookups")
def _(t):
    r = t.result(t.run("s6-tcpserver-access", "-H", *ACCESS, env={**UCSPI, "TCPREMOTEHOST": "stale"}), 0)
    got = variables(r.out)
    t.check(got.get("PROTO") == "TCP" and "TCPREMOTEHOST" not in got and "TCPLOCALHOST" not in got, "environment:", got)
    t.eq(t.dns.log, [], "questions asked")


@case("s6-tcpserver-access/local-name")
def _(t):
    for more in ([], ["-H"]):
        r = t.result(t.run("s6-tcpserver-access", *more, "-l", "me.test", *ACCESS, env=UCSPI), 0)
        t.eq(variables(r.out).get("TCPLOCALHOST"), "me.test", "TCPLOCALHOST")


@case("s6-tcpserver-access/nobody-called-us-by-tcp")
def _(t):
    t.result(t.run("s6-tcpserver-access", "-H", "echo", "ran"), 100, "", True)
    for name in UCSPI:
        t.result(t.run("s6-tcpserver-access", "-H", "echo", "ran", env={k: v for k, v in UCSPI.items() if k != name}), 100, "", True)
    t.result(t.run("s6-tcpserver-access", "-H", "echo", "ran", env={**UCSPI, "TCPREMOTEIP": "x"}), 100, "", True)


@case("s6-tcpserver-access/rules-directory")
def _(t):
    t.write("r/ip4/127.0.0.1_32/allow")
    t.write("r/ip4/10.0.0.0_8/allow")
    t.write("r/ip4/10.9.0.0_16/deny")
    for ip, code in (("127.0.0.1", 0), ("10.1.2.3", 0), ("10.9.2.3", 1), ("192.0.2.4", 1)):
        t.result(t.run("s6-tcpserver-access", "-H", "-v0", "-i", "r", "echo", "ran", env={**UCSPI, "TCPREMOTEIP": ip}), code,
                 "" if code else "ran\n", False)


@case("s6-tcpserver-access/rule-with-environment")
def _(t):
    t.write("r/ip4/0.0.0.0_0/allow")
    t.write("r/ip4/0.0.0.0_0/env/ADDED", "value\n")
    t.write("r/ip4/0.0.0.0_0/env/DROPPED", "")
    r = t.result(t.run("s6-tcpserver-access", "-H", "-i", "r", *ACCESS, env={**UCSPI, "DROPPED": "x"}), 0)
    got = variables(r.out)
    t.eq(got.get("ADDED"), "value", "ADDED")
    t.check("DROPPED" not in got, "DROPPED is still there")


@case("s6-tcpserver-access/banner")
def _(t):
    s = t.server("--", "s6-tcpserver-access", "-H", "-B", "220 welcome\r\n", "/bin/sh", "-c", "echo served; cat")
    t.eq(t.talk(s.port, "x\n"), "220 welcome\r\nserved\nx\n", "conversation")


@case("s6-tcpserver-access/cdb-rules")
def _(t):
    t.write("r/ip4/127.0.0.1_32/allow")
    t.write("r/ip4/127.0.0.1_32/env/ADDED", "value\n")
    t.write("r/ip4/127.0.0.0_8/deny")
    t.result(t.run("s6-accessrules-cdb-from-fs", "r.cdb", "r"), 0, "", False)
    t.result(t.run("s6-tcpserver-access", "-H", "-v0", "-x", "r.cdb", "/bin/sh", "-c", "echo $ADDED", env=UCSPI), 0, "value\n", False)
    t.result(t.run("s6-tcpserver-access", "-H", "-v0", "-x", "r.cdb", "echo", "ran", env={**UCSPI, "TCPREMOTEIP": "127.0.0.2"}), 1, "", False)
    t.result(t.run("s6-tcpserver-access", "-H", "-x", "absent.cdb", "echo", "ran", env=UCSPI), 111, "", True)


@case("s6-tcpserver-access/name-rules")
def _(t):
    t.write("r/reversedns/local.test/allow")
    t.write("r/reversedns/test/deny")
    run = lambda ip, *more: t.run("s6-tcpserver-access", "-v0", "-i", "r", *more, "echo", "ran", env={**UCSPI, "TCPREMOTEIP": ip})
    t.result(run("127.0.0.1"), 0, "ran\n", False)
    t.result(run("127.0.0.9"), 1, "", False)       # liar.test
    t.result(run("192.0.2.200"), 1, "", False)     # no name
    t.result(run("127.0.0.1", "-H"), 1, "", False)
    t.write("r/reversedns/@/allow")
    os.unlink(t.path("r/reversedns/test/deny"))
    t.result(run("127.0.0.9"), 0, "ran\n", False)
    t.result(run("192.0.2.200"), 1, "", False)


@case("s6-tcpserver-access/log")
def _(t):
    t.write("r/ip4/127.0.0.1_32/allow")
    r = t.result(t.run("s6-tcpserver-access", "-H", "-i", "r", "echo", "ran", env=UCSPI), 0, "ran\n")
    t.match(r"s6-tcpserver-access: .*info: allow pid \d+ ip 127\.0\.0\.1\n", r.err, "stderr")
    bad = {**UCSPI, "TCPREMOTEIP": "127.0.0.2"}
    t.result(t.run("s6-tcpserver-access", "-H", "-i", "r", "echo", "ran", env=bad), 1, "", False)
    r = t.result(t.run("s6-tcpserver-access", "-H", "-v2", "-i", "r", "echo", "ran", env=bad), 1, "")
    t.match(r"s6-tcpserver-access: .*info: deny pid \d+ ip 127\.0\.0\.2\n", r.err, "stderr")


@case("s6-tcpserver-access/rule-with-program")
def _(t):
    t.write("r/ip4/127.0.0.1_32/allow")
    t.write("r/ip4/127.0.0.1_32/env/WHO", "somebody\n")
    t.write("r/ip4/127.0.0.1_32/exec", 'importas -i WHO WHO echo instead for $WHO\n')
    t.result(t.run("s6-tcpserver-access", "-H", "-v0", "-i", "r", "echo", "ran", env=UCSPI), 0, "instead for somebody\n", False)
    t.result(t.run("s6-accessrules-cdb-from-fs", "r.cdb", "r"), 0, "", False)
    t.result(t.run("s6-tcpserver-access", "-H", "-v0", "-x", "r.cdb", "echo", "ran", env=UCSPI), 0, "instead for somebody\n", False)


@case("s6-tcpserver-access/paranoid")
def _(t):
    r = t.run("s6-tcpserver-access", "-p", "-v0", "env", env={**UCSPI, "TCPREMOTEIP": "127.0.0.9"})
    t.check(r.code == 1 and not r.out or r.code == 0 and "TCPREMOTEHOST" not in variables(r.out), "a false name was believed:", r.out)
    r = t.result(t.run("s6-tcpserver-access", "-p", "-w", "-v0", "env", env=UCSPI), 0, None, False)
    t.eq(variables(r.out).get("TCPREMOTEHOST"), "local.test.", "TCPREMOTEHOST")
    r = t.run("s6-tcpserver-access", "-p", "-w", "-v0", "env", env={**UCSPI, "TCPREMOTEIP": "192.0.2.200"})
    t.check(r.code and not r.out, "served without a name:", r)


# ---------------------------------------------------------------- the TCP client

@case("s6-tcpclient/descriptors-and-environment")
def _(t):
    port = t.listen(lambda c: (c.sendall(b"hello\n"), c.sendall(b"back " + c.recv(99))))
    r = t.result(t.run("s6-tcpclient", "127.0.0.1", port, "/bin/sh", "-c", "env; echo sent >&7; cat <&6"), 0, None, False)
    got = variables(r.out)
    t.check(re.fullmatch(r"\d+", got.pop("TCPLOCALPORT", "")), "TCPLOCALPORT")
    t.eq({k: v for k, v in got.items() if k.startswith("TCP") or k == "PROTO"},
         {"PROTO": "TCP", "TCPREMOTEIP": "127.0.0.1", "TCPREMOTEPORT": str(port), "TCPLOCALIP": "127.0.0.1",
          "TCPREMOTEHOST": "local.test.", "TCPLOCALHOST": "local.test."}, "variables")
    t.check(r.out.endswith("hello\nback sent\n"), "conversation:", r.out)


@case("s6-tcpclient/name")
def _(t):
    port = t.listen(lambda c: c.sendall(b"hello\n"))
    t.result(t.run("s6-tcpclient", "local.test", port, "/bin/sh", "-c", "cat <&6; echo $TCPREMOTEIP"), 0, "hello\n127.0.0.1\n", False)


@case("s6-tcpclient/next-address")
def _(t):
    port = t.listen(lambda c: c.sendall(b"hello\n"))
    t.result(t.run("s6-tcpclient", "twoways.test", port, "/bin/sh", "-c", "cat <&6; echo $TCPREMOTEIP"), 0, "hello\n127.0.0.1\n")


@case("s6-tcpclient/refused")
def _(t):
    t.result(t.run("s6-tcpclient", "127.0.0.1", t.closed_port(), "echo", "ran"), 111, "", True)


@case("s6-tcpclient/unknown-name")
def _(t):
    r = t.result(t.run("s6-tcpclient", "nope.test", "80", "echo", "ran"), 111, "", True)
    t.check("no such domain" in r.err, "stderr:", r.err)


@case("s6-tcpclient/no-lookups")
def _(t):
    port = t.listen(lambda c: c.sendall(b"hello\n"))
    r = t.result(t.run("s6-tcpclient", "-H", "-l", "me.test", "127.0.0.1", port, "env"), 0, None, False)
    t.eq((variables(r.out).get("TCPREMOTEHOST"), variables(r.out).get("TCPLOCALHOST")), (None, "me.test"), "names")
    t.eq(t.dns.log, [], "questions asked")
    t.result(t.run("s6-tcpclient", "-H", "local.test", port, "echo", "ran"), 100, "", True)


@case("s6-tcpclient/readiness-check-with-dead-dns")
def _(t):
    t.etc("resolv.conf", "nameserver 127.0.0.4\n")
    port = t.listen(lambda c: None)
    t.result(t.run("s6-tcpclient", "-H", "-t", "1", "127.0.0.1", port, "/bin/true", timeout=8), 0, "", False)
    t.result(t.run("s6-tcpclient", "-H", "-t", "1", "127.0.0.1", t.closed_port(), "/bin/true", timeout=8), 111, "", True)


@case("s6-tcpclient/bad-arguments")
def _(t):
    for argv in (["127.0.0.1", "x", "true"], ["127.0.0.1", "80"], ["-T", "x", "127.0.0.1", "80", "true"]):
        t.result(t.run("s6-tcpclient", *argv), 100, "", True)


@case("s6-tcpclient/missing-program")
def _(t):
    port = t.listen(lambda c: None)
    t.result(t.run("s6-tcpclient", "-H", "127.0.0.1", port, "no-such-program"), 127, "", True)


@case("s6-tcpclient/local-end")
def _(t):
    port = t.listen(lambda c: c.sendall(b"hello\n"))
    mine = t.closed_port()
    t.result(t.run("s6-tcpclient", "-H", "-l", "x", "-i", "127.0.0.5", "-p", mine, "127.0.0.1", port,
                   "/bin/sh", "-c", "cat <&6; echo $TCPLOCALIP $TCPLOCALPORT"), 0, "hello\n127.0.0.5 %d\n" % mine, False)
    t.result(t.run("s6-tcpclient", "-p", "53", "-i", "127.0.0.1", "127.0.0.1", port, "true"), 111, "", True)


@case("s6-tcpclient/ident")
def _(t):
    port = t.listen(lambda c: c.sendall(b"hello\n"))
    run = lambda: t.run("s6-tcpclient", "-r", "-H", "-l", "x", "127.0.0.1", port, "env")
    t.eq(variables(t.result(run(), 0).out).get("TCPREMOTEINFO"), "", "TCPREMOTEINFO without a server")

    def answer(c):
        r, l = (x.strip() for x in c.makefile("rb").readline().decode().split(","))
        c.sendall(("%s , %s : USERID : UNIX : joe\n" % (r, l)).encode())
    t.listen(answer, "127.0.0.1", 113)
    t.eq(variables(t.result(run(), 0, None, False).out).get("TCPREMOTEINFO"), "joe", "TCPREMOTEINFO")


# ---------------------------------------------------------------- clocks

def seconds(packed):
    """The 12 bytes that the clock clients write: TAI seconds and nanoseconds."""
    s, n = struct.unpack("!qI", packed.encode("utf-8", "surrogateescape"))
    return s + n / 1e9


def later(packet, by):
    """A taiclock answer: the client's own time plus so many seconds."""
    s, n = struct.unpack("!QI", packet[4:16])
    return b"stai" + struct.pack("!QI", s + by, n) + packet[16:]


@case("s6-taiclock/ahead")
def _(t):
    port = t.udp(lambda p: later(p, 5))
    r = t.result(t.run("s6-taiclock", "-p", port, "127.0.0.1"), 0, None, False)
    t.check(abs(seconds(r.out) - 5) < 0.5, "offset:", seconds(r.out))


@case("s6-taiclock/behind")
def _(t):
    port = t.udp(lambda p: later(p, -7))
    r = t.result(t.run("s6-taiclock", "-r", "2", "-p", port, "127.0.0.1"), 0, None, False)
    t.check(abs(seconds(r.out) + 7) < 0.5, "offset:", seconds(r.out))


@case("s6-taiclock/with-taiclockd")
def _(t):
    t.spawn("s6-taiclockd", "-i", "127.0.0.1")
    r = t.until(lambda: (lambda r: r if r.code == 0 else None)(t.run("s6-taiclock", "-r", "3", "127.0.0.1")), "an offset")
    s, n = struct.unpack("!qI", r.out.encode("utf-8", "surrogateescape"))
    t.check(abs(s + n / 1e9) < 0.5, "offset:", s, n)


@case("s6-taiclockd/answers")
def _(t):
    t.spawn("s6-taiclockd", "-i", "127.0.0.1", "-p", "5014")
    s = t.close(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    s.settimeout(0.3)
    question = b"ctai" + bytes(16) + b"cookie!!"

    def ask():
        try:
            s.sendto(question, ("127.0.0.1", 5014))
            return s.recv(999)
        except OSError:
            return None
    answer = t.until(ask, "an answer")
    t.eq((answer[:4], answer[16:20], answer[20:]), (b"stai", bytes(4), b"cookie!!"), "answer")
    ahead = struct.unpack("!Q", answer[4:12])[0] - 2 ** 62 - time.time()
    t.check(-2 < ahead < 60, "clock is", ahead, "s ahead")  # TAI is some leap seconds ahead of UTC


@case("s6-sntpclock/ahead")
def _(t):
    asked = []

    def answer(p):
        asked.append(p)
        s, f = struct.unpack("!II", p[40:48])
        return bytes([0x24, 2, 0, 0]) + bytes(20) + p[40:48] + struct.pack("!IIII", s + 5, f, s + 5, f)
    port = t.udp(answer)
    r = t.result(t.run("s6-sntpclock", "-p", port, "127.0.0.1"), 0, None, False)
    t.check(abs(seconds(r.out) - 5) < 0.5, "offset:", seconds(r.out))
    t.eq(len(asked), 10, "round trips")
    t.eq((len(asked[0]), asked[0][0]), (48, 0x23), "question: length, first byte")


@case("s6-clockview/shift")
def _(t):
    r = t.result(t.run("s6-clockview", stdin=struct.pack("!qI", 3600, 500000000)), 0, None, False)
    m = re.fullmatch(r"before: (\d+-\d\d-\d\d) (\d\d):(\d\d):(\d\d)\.(\d{9})\nafter:  (\d+-\d\d-\d\d) (\d\d):(\d\d):(\d\d)\.(\d{9})\n", r.out)
    t.check(m, "stdout:", r.out)
    day = [int(h) * 3600 + int(m_) * 60 + int(s) + int(n) / 1e9 for h, m_, s, n in (m.group(2, 3, 4, 5), m.group(7, 8, 9, 10))]
    t.check(abs((day[1] - day[0]) % 86400 - 3600.5) < 1e-6, "shift:", r.out)
    t.result(t.run("s6-clockview", stdin=b"short"), 111, "", True)


@case("s6-clockadd/too-far")
def _(t):
    for s in (10, -10):
        t.result(t.run("s6-clockadd", stdin=struct.pack("!qI", s, 0)), 1, "", True)
    t.result(t.run("s6-clockadd", "-e", "5000", stdin=struct.pack("!qI", 6, 0)), 1, "", True)
    t.result(t.run("s6-clockadd", stdin=b"short"), 111, "", True)


@case("s6-clockadd/may-not")
def _(t):
    t.result(t.run("s6-clockadd", stdin=struct.pack("!qI", -1, 0)), 111, "", True)
    t.result(t.run("s6-clockadd", "-f", stdin=struct.pack("!qI", 1000, 0)), 111, "", True)
    t.result(t.run("s6-clockadd", "-e", "x", stdin=bytes(16)), 100, "", True)


# ---------------------------------------------------------------- TLS

TLSVERSION = r"TLSv1\.[23]"


def tls(t, name="srv.test", kind="ec"):
    cert, key, ca = t.cert(name, kind)
    return {"CERTFILE": cert, "KEYFILE": key}, ca


@case("s6-tlsserver/conversation")
def _(t):
    env, ca = tls(t)
    s = t.server("-H", "--", "/bin/sh", "-c", 'read x; echo "got $x"', env=env, program="s6-tlsserver")
    r = t.s_client(s.port, "-quiet", "-CAfile", ca, "-servername", "srv.test", "-verify_return_error", send="hello\n")
    t.eq(r.out, "got hello\n", "answer")


@case("s6-tlsserver/environment")
def _(t):
    env, ca = tls(t)
    s = t.server("-H", "--", "env", env=env, program="s6-tlsserver")
    got = variables(t.s_client(s.port, "-quiet", "-CAfile", ca, "-servername", "srv.test").out)
    t.match(TLSVERSION, got.get("SSL_PROTOCOL", ""), "SSL_PROTOCOL")
    t.check(got.get("SSL_CIPHER"), "SSL_CIPHER is missing or empty")
    t.eq(got.get("SSL_TLS_SNI_SERVERNAME"), "srv.test", "SSL_TLS_SNI_SERVERNAME")
    t.eq((got.get("PROTO"), got.get("TCPREMOTEIP"), got.get("TCPREMOTEHOST")), ("TCP", "127.0.0.1", None), "TCP variables")
    t.check("SSL_PEER_CERT_HASH" not in got, "a hash without a client certificate")


@case("s6-tlsserver/certificate-by-name")
def _(t):
    env, ca = tls(t)
    other, key, _ = t.cert("alt.test")
    s = t.server("-H", "-k", "1", "--", "echo", "served", program="s6-tlsserver",
                 env={**env, "CERTFILE:alt.test": other, "KEYFILE:alt.test": key})
    for asked, shown in (("alt.test", "alt.test"), ("srv.test", "srv.test"), ("else.test", "srv.test")):
        r = t.s_client(s.port, "-CAfile", ca, "-servername", asked)
        t.check(re.search(r"subject=.*CN ?= ?%s\n" % re.escape(shown), r.out), "for", asked, "not the certificate of", shown, r.out)


@case("s6-tlsserver/mandatory-client-certificate")
def _(t):
    env, ca = tls(t)
    mine, key, _ = t.cert("client.test")
    s = t.server("-H", "-y", "--", "env", env={**env, "CAFILE": ca}, program="s6-tlsserver")
    base = ["-quiet", "-CAfile", ca, "-servername", "srv.test"]
    t.eq(t.s_client(s.port, *base).out, "", "answer without a certificate")
    got = variables(t.s_client(s.port, *base, "-cert", mine, "-key", key).out)
    t.check("CN=client.test" in got.get("SSL_PEER_CERT_SUBJECT", ""), "SSL_PEER_CERT_SUBJECT:", got.get("SSL_PEER_CERT_SUBJECT"))
    t.match(r"SHA256:[0-9a-f]{64}", got.get("SSL_PEER_CERT_HASH", ""), "SSL_PEER_CERT_HASH")


@case("s6-tlsserver/no-certificate-configured")
def _(t):
    s = t.server("-H", "--", "echo", "served", program="s6-tlsserver")
    t.eq(t.talk(s.port, "hello\n"), "", "answer")
    t.until(lambda: "CERTFILE" in s.err(), "a message about CERTFILE")


@case("s6-tlsserver/close-notify")
def _(t):
    env, ca = tls(t)
    s = t.server("-H", "-S", "--", "echo", "served", env=env, program="s6-tlsserver")
    r = t.s_client(s.port, "-quiet", "-CAfile", ca, "-servername", "srv.test")
    t.eq((r.out, r.code), ("served\n", 0), "answer and exit of openssl")


CLIENT = ["/bin/sh", "-c", "echo hello >&7; read x <&6; echo got $x; env"]


@case("s6-tlsclient/conversation")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.s_server("-cert", cert, "-key", key, "-rev", "-quiet")
    r = t.result(t.run("s6-tlsclient", "-H", "-k", "srv.test", "127.0.0.1", s.port, *CLIENT, env={"CAFILE": ca}), 0)
    t.check(r.out.startswith("got olleh\n"), "conversation:", r.out)
    got = variables(r.out)
    t.match(TLSVERSION, got.get("SSL_PROTOCOL", ""), "SSL_PROTOCOL")
    t.eq(got.get("SSL_TLS_SNI_SERVERNAME"), "srv.test", "SSL_TLS_SNI_SERVERNAME")
    t.check("CN=srv.test" in got.get("SSL_PEER_CERT_SUBJECT", ""), "SSL_PEER_CERT_SUBJECT:", got.get("SSL_PEER_CERT_SUBJECT"))


@case("s6-tlsclient/unknown-authority")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.s_server("-cert", cert, "-key", key, "-rev", "-quiet")
    t.result(t.run("s6-tlsclient", "-H", "-k", "srv.test", "127.0.0.1", s.port, *CLIENT,
                   env={"CAFILE": ca.replace("ca.pem", "other.pem")}), 98, "", True)


@case("s6-tlsclient/wrong-name")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.s_server("-cert", cert, "-key", key, "-rev", "-quiet")
    t.result(t.run("s6-tlsclient", "-H", "-k", "wrong.test", "127.0.0.1", s.port, *CLIENT, env={"CAFILE": ca}), 98, "", True)


@case("s6-tlsclient/no-authorities-configured")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.s_server("-cert", cert, "-key", key, "-rev", "-quiet")
    t.result(t.run("s6-tlsclient", "-H", "-k", "srv.test", "127.0.0.1", s.port, *CLIENT), 100, "", True)


@case("s6-tlsclient/client-certificate")
def _(t):
    cert, key, ca = t.cert("srv.test")
    mine, mykey, _ = t.cert("client.test")
    s = t.s_server("-cert", cert, "-key", key, "-CAfile", ca, "-Verify", "1", "-verify_return_error", "-rev", "-quiet")
    run = lambda *more, **env: t.run("s6-tlsclient", "-H", "-k", "srv.test", *more, "127.0.0.1", s.port, *CLIENT, env={"CAFILE": ca, **env})
    r = run()
    t.check("olleh" not in r.out, "served without a certificate:", r.out)
    r = t.result(run("-y", CERTFILE=mine, KEYFILE=mykey), 0)
    t.check(r.out.startswith("got olleh\n"), "conversation:", r.out)
    t.result(run("-y"), 100, "", True)


@case("s6-tlsclient/directory-of-authorities")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.s_server("-cert", cert, "-key", key, "-rev", "-quiet")
    h = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", ca], capture_output=True, text=True).stdout.strip()
    with open(ca) as f:
        t.write("cadir/%s.0" % h, f.read())
    os.mkdir(t.path("empty"))
    run = lambda d: t.run("s6-tlsclient", "-H", "-k", "srv.test", "127.0.0.1", s.port, *CLIENT, env={"CADIR": t.path(d)})
    t.check(t.result(run("cadir"), 0).out.startswith("got olleh\n"), "no conversation")
    t.result(run("empty"), 96, "", True)


@case("s6-tlsc/over-a-given-connection")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.s_server("-cert", cert, "-key", key, "-rev", "-quiet")
    r = t.result(t.run("s6-tcpclient", "-H", "-l", "x", "127.0.0.1", s.port, "s6-tlsc", "-k", "srv.test", *CLIENT, env={"CAFILE": ca}), 0)
    t.check(r.out.startswith("got olleh\n"), "conversation:", r.out)


@case("s6-tlsc-io/tunnel")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.s_server("-cert", cert, "-key", key, "-rev", "-quiet")
    b = t.spawn("s6-tcpclient", "-H", "-l", "x", "127.0.0.1", s.port, "/bin/sh", "-c",
                "exec s6-tlsc-io -k srv.test -d 9 6 7 9>told", env={"CAFILE": ca}, stdin=subprocess.PIPE)
    t.close(b.proc.stdin)
    b.proc.stdin.write(b"hello\n")
    b.proc.stdin.flush()
    t.until(lambda: b.out() == "olleh\n", "the answer through the tunnel")
    told = t.read("told")
    t.check(told.endswith("\0\0"), "what was told:", told)
    got = variables(told.replace("\0", "\n"))
    t.match(TLSVERSION, got.get("SSL_PROTOCOL", ""), "SSL_PROTOCOL")
    t.eq(got.get("SSL_TLS_SNI_SERVERNAME"), "srv.test", "SSL_TLS_SNI_SERVERNAME")
    t.result(t.run("s6-tlsc-io", "6"), 100, "", True)


@case("s6-tlsd/under-tcpserver")
def _(t):
    env, ca = tls(t, kind="rsa")
    s = t.server("--", "s6-tlsd", "/bin/sh", "-c", 'read x; echo "got $x"', env=env)
    r = t.s_client(s.port, "-quiet", "-CAfile", ca, "-servername", "srv.test", "-verify_return_error", send="hello\n")
    t.eq(r.out, "got hello\n", "answer")


STARTTLS = r'''
import os, sys
ctl, r, w = (int(os.environ[k]) for k in ("SSLCTLFD", "SSLREADFD", "SSLWRITEFD"))
print("220 ready", end="\r\n", flush=True)
for line in sys.stdin.buffer.raw if hasattr(sys.stdin.buffer, "raw") else sys.stdin.buffer:
    word = line.split()[0].upper()
    if word == b"EHLO":
        print("250-me", "250 STARTTLS", sep="\r\n", end="\r\n", flush=True)
    elif word == b"STARTTLS":
        print("220 go", end="\r\n", flush=True)
        break
os.write(ctl, COMMAND)
if COMMAND == b"Y":
    info = b""
    while not info.endswith(b"\0\0"):
        piece = os.read(ctl, 4096)
        if not piece:
            break
        info += piece
    os.write(w, b"\n".join(x for x in info.split(b"\0") if b"=" in x) + b"\n")
os.write(w, b"inside " + os.read(r, 99))
'''


@case("s6-ucspitlsd/starttls")
def _(t):
    env, ca = tls(t)
    t.write("app.py", STARTTLS.replace("COMMAND", 'b"y"'))
    s = t.server("--", "s6-ucspitlsd", sys.executable, t.path("app.py"), env=env)
    r = t.s_client(s.port, "-starttls", "smtp", "-quiet", "-CAfile", ca, "-servername", "srv.test", "-verify_return_error", send="hello\n")
    t.match(r".*inside hello\n", r.out, "what came through the tunnel")


@case("s6-ucspitlsd/variables-and-refusals")
def _(t):
    env, ca = tls(t)
    t.write("app.py", STARTTLS.replace("COMMAND", 'b"Y"'))
    s = t.server("--", "s6-ucspitlsd", sys.executable, t.path("app.py"), env=env)
    r = t.s_client(s.port, "-starttls", "smtp", "-quiet", "-CAfile", ca, "-servername", "srv.test", send="hello\n")
    t.match(r".*SSL_PROTOCOL=TLSv1\.[23]\n.*SSL_TLS_SNI_SERVERNAME=srv.test\n.*inside hello\n", r.out, "what came through the tunnel")
    s = t.server("--", "s6-ucspitlsd", "-v2", "/bin/sh", "-c", "echo plain", env=env)
    t.eq(t.talk(s.port), "plain\n", "what comes without TLS")
    t.until(lambda: "declined opportunistic TLS" in s.err(), "a message that TLS was declined")
    s = t.server("--", "s6-ucspitlsd", "/bin/sh", "-c", "printf x >&$SSLCTLFD; echo plain", env=env)
    t.talk(s.port)
    t.until(lambda: "unrecognized command" in s.err(), "a message about the command")


@case("s6-tlsserver/only-named-certificates")
def _(t):
    env, ca = tls(t)
    named = {"CERTFILE:*.srv.test": env["CERTFILE"], "KEYFILE:*.srv.test": env["KEYFILE"]}
    s = t.server("-H", "-k", "2", "--", "echo", "served", program="s6-tlsserver", env=named)
    for asked, answer in (("a.srv.test", "served\n"), ("A.SRV.test", "served\n"), ("srv.test", ""), ("a.b.srv.test", "")):
        r = t.s_client(s.port, "-quiet", "-CAfile", ca, "-servername", asked)
        t.eq(r.out, answer, "answer to a client that asks for " + asked)
    t.result(t.run("s6-tlsd-io", "-k", "1", "0", "1", env={**env, "KEYFILE:x": env["KEYFILE"]}), 96, "", True)


@case("s6-tlsserver/what-the-io-process-may")
def _(t):
    env, ca = tls(t)
    look = ('id -u; for s in /proc/[0-9]*/status; do grep -q "^PPid:.$$\\$" $s && grep -q "^Name:.s6-tlsd-io" $s && '
            'grep "^[UG]id" $s; done 2>/dev/null; env | grep -c FILE')
    s = t.server("-H", "--", "/bin/sh", "-c", look, program="s6-tlsserver", env={**env, "TLS_UID": "65534", "TLS_GID": "1"})
    r = t.s_client(s.port, "-quiet", "-CAfile", ca, "-servername", "srv.test")
    t.match(r"0\nUid:\t65534\t65534\t65534\t65534\nGid:\t1\t1\t1\t1\n\d+\n", r.out, "who the program and the io process are")
    s = t.server("-H", "-u", "65534", "-g", "1", "--", "/bin/sh", "-c", "id -u; id -g", program="s6-tlsserver", env=env)
    r = t.s_client(s.port, "-quiet", "-CAfile", ca, "-servername", "srv.test")
    t.eq(r.out, "65534\n1\n", "who the program is with -u and -g")


@case("s6-tlsserver/a-lot-both-ways")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.server("-H", "--", "cat", program="s6-tlsserver", env={"CERTFILE": cert, "KEYFILE": key})
    t.write("sent", bytes(range(256)) * 40000)
    r = t.run("s6-tlsclient", "-H", "-k", "srv.test", "127.0.0.1", s.port, "/bin/sh", "-c",
              "cat sent >&7 & exec 7>&-; cat <&6 >got; wait; exit 7", env={"CAFILE": ca})
    t.result(r, 7)
    with open(t.path("sent"), "rb") as sent, open(t.path("got"), "rb") as got:
        t.check(sent.read() == got.read(), "what came back is something else")


@case("s6-tlsserver/handshakes-that-fail")
def _(t):
    env, ca = tls(t)
    s = t.server("-H", "-K", "200", "--", "echo", "served", program="s6-tlsserver", env=env)
    c = t.connect(s.port)
    t.check("served" not in t.drain(c), "served without a handshake")
    t.until(lambda: "handshake timed out" in s.err(), "a message about the time")
    s = t.server("-H", "--", "echo", "served", program="s6-tlsserver", env=env)
    t.check("served" not in t.talk(s.port, "GET / HTTP/1.0\r\n\r\n"), "served in clear")
    t.until(lambda: "during the handshake" in s.err(), "a message about the handshake")


@case("s6-tlsclient/end-without-close-notify")
def _(t):
    cert, key, ca = t.cert("srv.test")
    for option, reported in (("-s", True), ("-S", False)):
        s = t.server("-H", option, "--", "echo", "served", program="s6-tlsserver", env={"CERTFILE": cert, "KEYFILE": key})
        r = t.run("s6-tlsclient", "-J", "-H", "-k", "srv.test", "127.0.0.1", s.port, "/bin/sh", "-c",
                  "cat <&6", env={"CAFILE": ca})
        t.result(r, 0, "served\n", "without a close_notify" in r.err)
        t.eq("without a close_notify" in r.err, reported, "the message with " + option)


@case("s6-tlsclient/no-verify-cert")
def _(t):
    cert, key, ca = t.cert("srv.test")
    s = t.server("-H", "--", "echo", "served", program="s6-tlsserver", env={"CERTFILE": cert, "KEYFILE": key})
    run = lambda *more: t.run("s6-tlsclient", "-H", "-k", "srv.test", *more, "127.0.0.1", s.port, "/bin/sh", "-c", "cat <&6",
                              env={"CAFILE": ca.replace("ca.pem", "other.pem")})
    t.result(run(), 98, "", True)
    t.result(run("--no-verify-cert"), 0, "served\n")
    t.result(run("--no-verify-cert", "--verify-cert"), 98, "", True)
    t.result(t.run("s6-tlsclient", "-H", "127.0.0.1", s.port, "/bin/sh", "-c", 'cat <&6; echo "${SSL_TLS_SNI_SERVERNAME-none}"',
                   env={"CAFILE": ca}), 0, "served\nnone\n")


@case("s6-tlsc/descriptors")
def _(t):
    cert, key, ca = t.cert("srv.test")
    env = {"CAFILE": ca}
    t.result(t.run("s6-tlsc", "true", env=env), 111, "", True)
    t.result(t.run("s6-tlsc", "-6", "2", "true", env=env), 100, "", True)
    t.result(t.run("s6-tlsc", "-6", "5", "-7", "5", "true", env=env), 100, "", True)
    t.result(t.run("s6-tlsc", env=env), 100, "", True)
    t.result(t.run("s6-tlsd", env=env), 100, "", True)
    t.result(t.run("s6-tlsd", "--nonsense", "true", env=env), 100, "", True)
    s = t.s_server("-cert", cert, "-key", key, "-rev", "-quiet")
    r = t.run("s6-tcpclient", "-H", "-l", "x", "127.0.0.1", s.port, "/bin/sh", "-c",
              "exec s6-tlsc -k srv.test --read-fd=8 --write-fd=9 sh -c 'echo abc >&9; head -n 1 <&8' 8<&6 9>&7", env=env)
    t.result(r, 0, "cba\n")


@case("s6-tlsc/a-certificate-that-is-its-own-authority")
def _(t):
    cnf = t.write("cnf", "[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nsubjectAltName=DNS:self.test\nbasicConstraints=CA:true\n")
    r = t.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "self.key", "-out", "self.pem", "-days", "3",
              "-subj", "/CN=self.test", "-config", cnf)
    t.result(r, 0)
    cert, key = t.path("self.pem"), t.path("self.key")
    s = t.server("-H", "--", "echo", "served", program="s6-tlsserver", env={"CERTFILE": cert, "KEYFILE": key})
    run = lambda name: t.run("s6-tlsclient", "-H", "-k", name, "127.0.0.1", s.port, "/bin/sh", "-c", "cat <&6", env={"CAFILE": cert})
    t.result(run("self.test"), 0, "served\n")
    t.result(run("else.test"), 98, "", True)
