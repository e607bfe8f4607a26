"""S0–S13 of docs/performance.md. Each is a function of a Run; what it measures stands in its first line."""
import os
import ssl
import socket
import statistics
import time

from . import engine, load, peers, procs
from .clients import percentiles, read_response, request, tls_context, dial

ALL = {}


def scenario(name, text, default):
    def deco(f):
        ALL[name] = (f, text, default)
        return f
    return deco


class Run:
    def __init__(self, work, wanted, rounds, scale, workers, say):
        self.work, self.wanted, self.n, self.scale, self.workers, self.say = work, wanted, rounds, scale, workers, say

    def n_of(self, x):
        return max(1, int(x * self.scale))

    def ctx(self, **kw):
        c = peers.Ctx(os.path.join(self.work, f"run{time.monotonic_ns()}"), None, self.workers, **kw)
        os.makedirs(c.work)
        os.symlink(os.path.join(self.work, "certs"), os.path.join(c.work, "certs"))
        return c

    def chains(self, result, ctx, make, default, to=None):
        out = []
        for p in self.wanted or default:
            try:
                c = make(p, ctx, to)
                same = sum(x.name.split("#")[0] == c.name for x in out)
                if same:
                    c.name += f"#{same + 1}"         # `--peers nginx,nginx` shows the noise of a ratio
                out.append(c)
            except (peers.Missing, RuntimeError) as e:
                result.missing[p] = str(e)
                self.say(f"  {p}: left out: {e}")
        if not out:
            raise RuntimeError(f"{result.scenario}: no peer could start: {result.missing}")
        return out


HTTPS = ["nginx", "haproxy", "rathole", "rathole-tls", "rathole-noise", "frp", "adit"]
EDGES = ["nginx", "haproxy", "rathole", "adit"]


def simple(run, name, unit, go, default, make=peers.https_chain, per=1.0, count=True, to=None, settle=0.05):
    r = engine.Result(name, unit)
    ctx = run.ctx()
    peers.start_upstream(ctx)
    chains = run.chains(r, ctx, make, default, to(ctx) if to else None)
    engine.rounds(r, chains, go, run.n, per, settle=settle, verbose=run.say)
    if count:
        for c in chains:
            if c.roles:
                engine.syscalls(r, c, go, per)
    return r


@scenario("S0", "floor: one side alone, no hop: nginx answers itself, plain and over TLS", ["nginx"])
def s0(run):
    """What one side of a proxy costs at least: accept the request, answer it. A proxy has two such sides."""
    r = engine.Result("S0", "request")
    ctx = run.ctx()
    up = peers.start_upstream(ctx)
    port, p = peers.nginx_edge(ctx, ctx.up_port, name="answer",
                               extra_location='if ($uri = /small) { return 200 "%s"; }' % ("x" * 100))
    chains = [peers.Chain("plain-answer", ctx.up_port, False, {"edge": [up]}), peers.Chain("tls-answer", port, True, {"edge": [p]})]
    small = lambda c: load.h2load(c, run.n_of(30000), 32)
    engine.rounds(r, chains, small, run.n, verbose=run.say)
    for c in chains:
        engine.syscalls(r, c, small)
    return r


@scenario("S1", "HTTP/1.1 keep-alive, small GET over TLS, 32 connections", HTTPS)
def s1(run):
    return simple(run, "S1", "request", lambda c: load.h2load(c, run.n_of(30000), 32), HTTPS)


@scenario("S2", "as S1 with 256 connections and one request in flight on each (the whole chain under wide load)", HTTPS)
def s2(run):
    return simple(run, "S2", "request", lambda c: load.h2load(c, run.n_of(30000), 256), HTTPS)


@scenario("S3", "HTTP/2, 8 connections × 16 streams, small GET over TLS", HTTPS)
def s3(run):
    return simple(run, "S3", "request", lambda c: load.h2load(c, run.n_of(30000), 8, 16, h2=True), HTTPS)


@scenario("S4", "POST of 1 KiB, HTTP/1.1 keep-alive over TLS, 32 connections", HTTPS)
def s4(run):
    data = peers.write(f"{run.work}/1k", "y" * 1024)
    return simple(run, "S4", "request", lambda c: load.h2load(c, run.n_of(20000), 32, data=data), HTTPS)


@scenario("S5d", "bulk download over TLS, 64 MiB responses on 4 connections: CPU per GiB", HTTPS)
def s5d(run):
    n = max(4, run.n_of(16))

    def go(c):
        out = load.h2load(c, n, 4, path="/bulk", seconds=180)
        out["done"] = out["done"] * (64 << 20)
        out["rate"] = out["done"] / out["seconds"] / 2**30
        return out
    return simple(run, "S5d", "GiB", go, HTTPS, per=2**30, count=False)


@scenario("S5u", "bulk upload over TLS, 4 connections × 256 MiB POST: CPU per GiB", HTTPS)
def s5u(run):
    def to(ctx):
        port = procs.free_port()
        import sys
        p = procs.start([sys.executable, load.CLIENTS, "sink", "--port", str(port)], f"{ctx.work}/sink.log")
        procs.wait_port(port, proc=p)
        return port

    def go(c):
        out = load.client("transfer", c, up=True, mib=max(16, run.n_of(256)), streams=4, timeout=180)
        return {"done": out["bytes"], "errors": out["errors"], "rate": out["bytes"] / out["seconds"] / 2**30}
    return simple(run, "S5u", "GiB", go, HTTPS, per=2**30, count=False, to=to)


@scenario("S6", "new TCP + TLS 1.3 connection per request, full handshake (ECDSA P-256, X25519)", EDGES)
def s6(run):
    return simple(run, "S6", "connection", lambda c: load.client("handshake", c, n=run.n_of(2000)), EDGES)


@scenario("S6r", "as S6, the client offers the last session ticket", EDGES)
def s6r(run):
    def go(c):
        out = load.client("handshake", c, n=run.n_of(2000), resume=True)
        out["resumed_share"] = out["reused"] / max(1, out["done"])
        return out
    r = simple(run, "S6r", "connection", go, EDGES)
    for name, rs in r.rows.items():
        r.extra.setdefault(name, {})["resumed share"] = engine.med([x["resumed_share"] for x in rs])
    return r


@scenario("S7v", "memory per idle visitor connection (TLS, keep-alive, after one request)", EDGES)
def s7v(run):
    r = engine.Result("S7v", "KiB")
    ctx = run.ctx()
    peers.start_upstream(ctx)
    n = run.n_of(5000)
    for c in run.chains(r, ctx, peers.https_chain, EDGES):
        tls = tls_context()
        for _ in range(50):                               # warm: pools, ticket keys, first allocations
            s = dial(c.port, tls)
            s.sendall(request())
            read_response(s)
            s.close()
        time.sleep(0.5)
        before = {role: procs.memory_kib(c.pids(role)) for role in c.roles}
        k0 = procs.kernel_tcp_kib()
        held = []
        for _ in range(n):
            s = dial(c.port, tls)
            s.sendall(request())
            read_response(s)
            held.append(s)
        time.sleep(2)
        after = {role: procs.memory_kib(c.pids(role)) for role in c.roles}
        ex = {}
        for role in c.roles:
            ex[f"{role} KiB/conn"] = (after[role][0] - before[role][0]) / n
            ex[f"{role} base MiB"] = before[role][0] / 1024
        ex["kernel TCP KiB/conn"] = (procs.kernel_tcp_kib() - k0) / n
        t = {role: procs.cpu_ns(c.pids(role)) for role in c.roles}
        time.sleep(5)
        ex["idle CPU µs/s per conn"] = sum(procs.cpu_ns(c.pids(x)) - t[x] for x in t) / 1e3 / 5 / n
        for s in held:
            s.close()
        time.sleep(2)
        ex["kept after close KiB/conn"] = sum(procs.memory_kib(c.pids(x))[0] - before[x][0] for x in c.roles) / n
        r.extra[c.name] = ex
    r.notes.append(f"{n} connections; resident memory of the process, growth over the state before")
    return r


@scenario("S7a", "memory per idle agent session (rathole: one control channel + its pool per service)", ["rathole", "rathole-tls", "adit"])
def s7a(run):
    r = engine.Result("S7a", "KiB")
    ctx = run.ctx()
    peers.start_upstream(ctx)
    n = run.n_of(1000)
    for p in run.wanted or ["rathole", "rathole-tls", "adit"]:
        try:
            if p.startswith("rathole"):
                roles = peers.rathole(ctx, ctx.up_port, p[8:] or "tcp", services=n)[1]
                base_roles = peers.rathole(ctx, ctx.up_port, p[8:] or "tcp")[1]
                settled = steady(lambda: len(os.listdir(f"/proc/{roles['server'][0].pid}/fd")))
                mem = lambda x, role: procs.memory_kib(procs.descendants(x[role][0].pid))[0]
                ex = {f"{role} KiB/session": (mem(roles, role) - mem(base_roles, role)) / (n - 1) for role in roles}
                ex["server sockets/session"] = len(os.listdir(f"/proc/{roles['server'][0].pid}/fd")) / n
                pids = [q for v in roles.values() for q in v]
                t = procs.cpu_ns([q.pid for q in pids])
                time.sleep(10)
                ex["idle CPU µs/s per session"] = (procs.cpu_ns([q.pid for q in pids]) - t) / 1e3 / 10 / n
                if not settled or ex["idle CPU µs/s per session"] > 20:
                    r.notes.append(f"{p}: not idle (sockets still changing, or CPU still used): ROW VOID, use fewer sessions")
                r.extra[p] = ex
                for q in pids + [q for v in base_roles.values() for q in v]:
                    procs.stop(q)
            elif p in peers.ADIT:
                r.extra[p] = adit_sessions(ctx, n, p)
            else:
                r.missing[p] = "no adapter for many sessions"
        except (peers.Missing, RuntimeError) as e:
            r.missing[p] = str(e)
    return r


def steady(value, hold=4.0, limit=90.0):
    """Wait until value() has not changed for `hold` seconds (sessions and pools are all there)."""
    end, last, since = time.monotonic() + limit, value(), time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.5)
        v = value()
        if v != last:
            last, since = v, time.monotonic()
        elif time.monotonic() - since >= hold:
            return True
    return False


def adit_sessions(ctx, n, which):
    """N sessions from one helper process: the program named by ADIT_SESSIONS (an example of the agent library:
    `PROGRAM N UPSTREAM`, reads the ADIT_… environment, opens N sessions with one HTTP endpoint each,
    prints `ready`, then waits for SIGTERM)."""
    prog = os.environ.get("ADIT_SESSIONS_B" if which == "adit-b" else "ADIT_SESSIONS") or os.environ.get("ADIT_SESSIONS")
    if not prog:
        raise peers.Missing("set ADIT_SESSIONS to the program that opens N agent sessions (see README.md)")
    sp, dev, env, exe, d, _ = peers.adit_server(ctx, which)
    mem = lambda: procs.memory_kib(procs.descendants(sp.pid))[0]
    sockets = lambda: len(os.listdir(f"/proc/{sp.pid}/fd"))
    time.sleep(2)
    f0, m0, k0 = sockets(), mem(), procs.kernel_tcp_kib()
    cp = procs.start([prog, str(n), f"127.0.0.1:{ctx.up_port}"], f"{d}/sessions.log", env)
    end = time.monotonic() + 120
    while "ready" not in open(f"{d}/sessions.log").read():
        if cp.poll() is not None or time.monotonic() > end:
            raise RuntimeError("sessions did not become ready")
        time.sleep(0.2)
    steady(sockets)
    ex = {"server KiB/session": (mem() - m0) / n, "server sockets/session": (sockets() - f0) / n, "kernel TCP KiB/session": (procs.kernel_tcp_kib() - k0) / n}
    t = procs.cpu_ns([sp.pid])
    time.sleep(20)
    ex["idle CPU µs/s per session"] = (procs.cpu_ns([sp.pid]) - t) / 1e3 / 20 / n
    procs.stop(cp)
    procs.stop(sp)
    return ex


@scenario("S8", "latency at 200 requests/s on one connection: p50, p99", ["direct"] + HTTPS)
def s8(run):
    r = engine.Result("S8", "request")
    ctx = run.ctx()
    peers.start_upstream(ctx)

    def go(c):
        out = load.client("lat", c, rate=200, seconds=max(1.0, 3 * run.scale))
        return {"done": out["n"], "rate": 200, "p50": out["p50"], "p99": out["p99"]}
    engine.rounds(r, run.chains(r, ctx, peers.https_chain, ["direct"] + HTTPS), go, run.n, verbose=run.say)
    for name, rs in r.rows.items():
        r.extra.setdefault(name, {}).update({"p50 µs": engine.med([x["p50"] for x in rs]), "p99 µs": engine.med([x["p99"] for x in rs])})
    return r


TCP = ["direct", "haproxy", "nginx", "rathole", "rathole-tls", "rathole-noise", "bore", "frp", "adit"]


@scenario("S9r", "raw TCP endpoint: 32 connections of requests (100 B answer)", TCP)
def s9r(run):
    return simple(run, "S9r", "request", lambda c: load.h2load(c, run.n_of(30000), 32), TCP, peers.tcp_chain)


@scenario("S9b", "raw TCP endpoint: bulk download, 4 connections: CPU per GiB", TCP)
def s9b(run):
    def go(c):
        out = load.h2load(c, max(4, run.n_of(16)), 4, path="/bulk", seconds=180)
        out["done"] = out["done"] * (64 << 20)
        out["rate"] = out["done"] / out["seconds"] / 2**30
        return out
    return simple(run, "S9b", "GiB", go, TCP, peers.tcp_chain, per=2**30, count=False)


@scenario("S9c", "raw TCP endpoint: a new connection per request", TCP)
def s9c(run):
    return simple(run, "S9c", "connection", lambda c: load.client("handshake", c, n=run.n_of(4000)), TCP, peers.tcp_chain)


@scenario("S10", "10^5 names, 5·10^5 IP prefixes, 100 rules that do not match, each beside an empty configuration", ["nginx", "haproxy"])
def s10(run):
    """CPU per request with the large tables against the empty ones of the same peer; memory and start time."""
    r = engine.Result("S10", "request")
    ctx = run.ctx()
    peers.start_upstream(ctx)
    names, prefixes = run.n_of(100000), run.n_of(500000)
    chains = []
    ips = [f"{16 + (i >> 16) % 90}.{(i >> 8) & 255}.{i & 255}.0/24" for i in range(prefixes)]
    for p in run.wanted or ["nginx", "haproxy"]:
        if p not in ("nginx", "haproxy"):
            r.missing[p] = "no adapter: fill the names and IP sets through the API, then run as S1 (see README.md)"
            continue
        for kind in ("empty", "names", "ipset", "rules"):
            t = time.monotonic()
            if p == "nginx":
                geo = ""
                if kind == "ipset":
                    f = peers.write(f"{ctx.work}/geo.conf", "".join(f"{x} 1;\n" for x in ips))
                    geo = f"geo $denied {{ default 0; include {f}; }}"
                where = "if ($denied) { return 403; }" if geo else ""
                if kind == "rules":
                    where = "\n".join(f'if ($uri ~ "^/no{i}/") {{ return 403; }}' for i in range(100))
                port, pr = peers.nginx_edge(ctx, ctx.up_port, names if kind == "names" else 0, geo, where, f"nginx-{kind}")
            else:
                rules = ""
                if kind == "names":
                    f = peers.write(f"{ctx.work}/map", f"{peers.HOST} be\n" + "".join(f"e{i}.adit.localhost be\n" for i in range(names)))
                    rules = f"  use_backend %[req.hdr(host),field(1,:),lower,map_str({f},be)]"
                if kind == "ipset":
                    f = peers.write(f"{ctx.work}/acl", "".join(x + "\n" for x in ips))
                    rules = f"  http-request deny if {{ src -f {f} }}"
                if kind == "rules":
                    rules = "".join(f"  http-request deny if {{ path_beg /no{i}/ }}\n" for i in range(100))
                port, pr = peers.haproxy_edge(ctx, ctx.up_port, name=f"haproxy-{kind}", rules=rules)
            c = peers.Chain(f"{p}-{kind}", port, True, {"edge": [pr]})
            r.extra[c.name] = {"start s": time.monotonic() - t, "PSS MiB": procs.memory_kib(c.pids())[1] / 1024}
            chains.append(c)
    engine.rounds(r, chains, lambda c: load.h2load(c, run.n_of(20000), 32), run.n, verbose=run.say)
    return r


@scenario("S11", "fairness: latency of small requests (100/s) alone and beside 2 bulk downloads of 60 MiB/s through the same chain", HTTPS)
def s11(run):
    import subprocess
    import sys
    r = engine.Result("S11", "request")
    ctx = run.ctx()
    peers.start_upstream(ctx)
    chains = run.chains(r, ctx, peers.https_chain, HTTPS)
    seconds = max(1.0, 2 * run.scale)

    def go(c):
        alone = load.client("lat", c, rate=100, seconds=seconds)
        bulk = subprocess.Popen([sys.executable, load.CLIENTS, "transfer", "--port", str(c.port), "--streams", "2", "--pace", "60", "--times", "100000"]
                                + (["--tls"] if c.tls else []), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        try:
            beside = load.client("lat", c, rate=100, seconds=seconds)
        finally:
            bulk.kill()
            bulk.wait()
        return {"done": alone["n"] + beside["n"], "rate": 100, "a50": alone["p50"], "a99": alone["p99"], "b50": beside["p50"], "b99": beside["p99"]}
    engine.rounds(r, chains, go, run.n, verbose=run.say)
    for name, rs in r.rows.items():
        m = lambda k: engine.med([x[k] for x in rs])
        r.extra[name] = {"alone p50 µs": m("a50"), "alone p99 µs": m("a99"), "beside p50 µs": m("b50"), "beside p99 µs": m("b99")}
    r.notes.append("CPU per request holds the bulk's cost here: read only the latencies")
    return r


@scenario("S12", "the tunnel's leg over a line of 100 ms round trip, 1 Gbit/s: one stream down, one up, one small request", ["nginx", "rathole", "rathole-tls", "frp", "adit"])
def s12(run):
    import sys
    r = engine.Result("S12", "transfer")
    sinks = []

    def delay(port):
        p = procs.free_port()
        x = procs.start([sys.executable, load.CLIENTS, "delay", "--listen", str(p), "--to", str(port)], f"{run.work}/delay.log")
        procs.wait_port(p, proc=x)
        return p
    ctx = run.ctx(delay=delay)
    peers.start_upstream(ctx)
    port = procs.free_port()
    sinks.append(procs.start([sys.executable, load.CLIENTS, "sink", "--port", str(port)], f"{ctx.work}/sink.log"))
    procs.wait_port(port)
    default = ["nginx", "rathole", "rathole-tls", "frp", "adit"]
    down = run.chains(r, ctx, peers.https_chain, default)
    up = {c.name: c for c in run.chains(r, ctx, peers.https_chain, default, port)}

    def go(c):
        small = load.client("lat", c, rate=4, seconds=2)
        d = load.client("transfer", c, times=1)
        u = load.client("transfer", up[c.name], up=True, mib=64)
        for x in d["error"] + u["error"]:
            run.say(f"  {c.name}: {x}")
        return {"done": 1, "errors": d["errors"] + u["errors"], "down": d["mib_s"], "up": u["mib_s"], "small": small["p50"] / 1e3,
                "rate": d["mib_s"]}
    engine.rounds(r, down, go, run.n, verbose=run.say)
    for name, rs in r.rows.items():
        m = lambda k: engine.med([x[k] for x in rs])
        r.extra[name] = {"down MiB/s": m("down"), "up MiB/s": m("up"), "small request ms": m("small")}
    r.notes.append("line: 119 MiB/s; 64 MiB each way on one stream, connection of the visitor new")
    return r


@scenario("S13", "slow readers: 8 visitors that ask for 64 MiB and read nothing, beside the load of S1", ["nginx", "rathole-tls", "adit"])
def s13(run):
    """What those who do not read cost the others: CPU per small request as in S1, and memory that the chain holds for them."""
    r = engine.Result("S13", "request")
    ctx = run.ctx()
    peers.start_upstream(ctx)
    chains = run.chains(r, ctx, peers.https_chain, ["nginx", "rathole-tls", "adit"])
    small = lambda c: load.h2load(c, run.n_of(30000), 32)
    held = []
    for c in chains:
        small(c)                                          # warm: pools and first allocations are not the slow readers'
        before, k0 = {role: procs.memory_kib(c.pids(role))[0] for role in c.roles}, procs.kernel_tcp_kib()
        for _ in range(8):
            s = dial(c.port, tls_context() if c.tls else None)
            s.sendall(request("/bulk"))
            held.append(s)
        time.sleep(3)
        ex = {f"{role} KiB/slow reader": (procs.memory_kib(c.pids(role))[0] - before[role]) / 8 for role in c.roles}
        ex["kernel TCP KiB/slow reader"] = (procs.kernel_tcp_kib() - k0) / 8
        r.extra[c.name] = ex
    engine.rounds(r, chains, small, run.n, verbose=run.say)
    for s in held:
        s.close()
    r.notes.append("errors other than 0 mean that a slow reader stops others; compare the CPU with S1's of the same day")
    return r
