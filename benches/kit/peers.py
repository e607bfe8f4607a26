"""The chains that are compared. A chain = what stands between the load generator and the upstream.

Each function starts its processes and returns a Chain: the port that the load connects to, whether it
speaks TLS, and the processes by role (edge, server, agent). The upstream is not part of a chain.
"""
import json
import os
import shutil
import subprocess
import time

from . import procs

HOST = "bench.adit.localhost"      # the same name, hence the same header size, for every chain


class Chain:
    def __init__(self, name, port, tls, roles, note=""):
        self.name, self.port, self.tls, self.roles, self.note = name, port, tls, roles, note

    def pids(self, role=None):
        out = []
        for r, ps in self.roles.items():
            if role in (None, r):
                for p in ps:
                    out += procs.descendants(p.pid)
        return out


class Missing(Exception):
    """This peer cannot run here; it is reported and left out."""


def tool(name):
    path = shutil.which(name)
    if not path:
        raise Missing(f"{name} not found in PATH")
    return path


class Ctx:
    """What all chains of a run share."""

    def __init__(self, work, up_port, workers=2, delay=None, agent_delay=None):
        self.work, self.up_port, self.workers = work, up_port, workers
        self.delay = delay                # put(port) -> port of a delaying relay in front of it, or None
        self.n = 0

    def dir(self, name):
        self.n += 1
        d = os.path.join(self.work, f"{self.n:02d}-{name}")
        os.makedirs(d)
        return d

    def far(self, port):
        """The port by which the agent's side reaches `port`: through the delay line where one is asked for."""
        return self.delay(port) if self.delay else port


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def make_certs(work):
    """One ECDSA P-256 certificate, self-signed, valid for every name used here; also as PEM bundle and PKCS 12."""
    d = os.path.join(work, "certs")
    os.makedirs(d)
    run = lambda *a: subprocess.run(["openssl", *a], check=True, capture_output=True)
    run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{d}/key.pem")
    run("req", "-x509", "-new", "-key", f"{d}/key.pem", "-days", "30", "-subj", f"/CN={HOST}",
        "-addext", f"subjectAltName=DNS:{HOST},DNS:*.adit.localhost,DNS:localhost,IP:127.0.0.1",
        "-addext", "basicConstraints=critical,CA:FALSE", "-out", f"{d}/cert.pem")
    with open(f"{d}/bundle.pem", "w") as f:
        f.write(open(f"{d}/cert.pem").read() + open(f"{d}/key.pem").read())
    run("pkcs12", "-export", "-inkey", f"{d}/key.pem", "-in", f"{d}/cert.pem",
        "-passout", "pass:bench", "-out", f"{d}/id.p12")
    return d


# ---- upstream -------------------------------------------------------------------------------------

NGINX_HEAD = """\
worker_processes {workers};
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
worker_rlimit_nofile 19000;
daemon off;
{modules}
events {{ worker_connections 18000; }}
"""

HTTP_COMMON = """\
  access_log off;
  server_tokens off;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
"""


def nginx(ctx, name, body, modules=""):
    d = ctx.dir(name)
    conf = write(f"{d}/nginx.conf",
                 NGINX_HEAD.format(workers=ctx.workers, dir=d, modules=modules) + body.replace("@DIR@", d))
    return procs.start([tool("nginx"), "-p", d, "-e", f"{d}/error.log", "-c", conf], f"{d}/log"), d


def start_upstream(ctx, bulk_mib=64):
    """GET /small: 200 with 100 bytes. POST: 200. GET /bulk: a file in memory of bulk_mib MiB."""
    port = procs.free_port()
    www = f"{ctx.work}/www"
    os.makedirs(www, exist_ok=True)
    with open(f"{www}/bulk", "wb") as f:
        block = os.urandom(1 << 20)
        for _ in range(bulk_mib):
            f.write(block)
    body = "x" * 100
    p, _ = nginx(ctx, "upstream", "http {\n" + HTTP_COMMON.replace("{dir}", "@DIR@") + f"""
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    sendfile on; tcp_nopush on;
    location = /bulk {{ root {www}; }}
    location / {{ return 200 "{body}"; }}
  }}
}}
""")
    procs.wait_port(port, proc=p)
    ctx.up_port = port
    return p


# ---- edges ----------------------------------------------------------------------------------------

def nginx_edge(ctx, to_port, extra_names=0, extra_http="", extra_location="", name="nginx"):
    """TLS (HTTP/1.1 and 2) in front of to_port, upstream connections kept alive."""
    port = procs.free_port()
    c = f"{ctx.work}/certs"
    names = "".join(f" e{i}.adit.localhost" for i in range(extra_names))
    hash_size = "server_names_hash_max_size 1048576; server_names_hash_bucket_size 128;" if extra_names else ""
    p, _ = nginx(ctx, name, "http {\n" + HTTP_COMMON.replace("{dir}", "@DIR@") + f"""
  {hash_size}
  {extra_http}
  ssl_certificate {c}/cert.pem; ssl_certificate_key {c}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:S:10m; ssl_session_tickets on;
  upstream up {{ server 127.0.0.1:{to_port}; keepalive 512; keepalive_timeout 3600s; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} ssl http2 backlog=4096;
    server_name {HOST}{names};
    location / {{
      {extra_location}
      proxy_pass http://up;
      proxy_http_version 1.1;
      proxy_max_temp_file_size 0;
      proxy_request_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
""")
    procs.wait_port(port, 60, p)
    return port, p


def haproxy_edge(ctx, to_port, tcp=False, name="haproxy", rules="", backends=""):
    port = procs.free_port()
    d = ctx.dir(name)
    c = f"{ctx.work}/certs"
    head = f"""\
global
  nbthread {ctx.workers}
  maxconn 9000
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
"""
    if tcp:
        body = f"""
frontend fe
  mode tcp
  bind 127.0.0.1:{port} backlog 4096
  default_backend be
backend be
  mode tcp
  server s 127.0.0.1:{to_port}
"""
    else:
        body = f"""
frontend fe
  mode http
  option forwardfor
  bind 127.0.0.1:{port} ssl crt {c}/bundle.pem alpn h2,http/1.1 backlog 4096
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
{rules}
  default_backend be
backend be
  mode http
  http-reuse always
  server s 127.0.0.1:{to_port} pool-max-conn -1
{backends}
"""
    conf = write(f"{d}/haproxy.cfg", head + body)
    p = procs.start([tool("haproxy"), "-db", "-f", conf], f"{d}/log")
    procs.wait_port(port, 60, p)
    return port, p


# ---- tunnels: each gives (public port, {server: [...], agent: [...]}) --------------------------------

def rathole(ctx, to_port, transport="tcp", services=1):
    d = ctx.dir(f"rathole-{transport}")
    exe = tool("rathole")
    ctl = procs.free_port()
    first = procs.free_port_range(services) if services > 1 else procs.free_port()
    c = f"{ctx.work}/certs"
    tr = {"tcp": ('type = "tcp"', 'type = "tcp"'),
          "tls": (f'type = "tls"\n[server.transport.tls]\npkcs12 = "{c}/id.p12"\npkcs12_password = "bench"',
                  f'type = "tls"\n[client.transport.tls]\ntrusted_root = "{c}/cert.pem"\nhostname = "{HOST}"')}
    if transport == "noise":
        out = subprocess.run([exe, "--genkey"], capture_output=True, text=True).stdout.split()
        if len(out) < 6:
            raise Missing("this rathole has no noise transport")
        private, public = out[2], out[5]
        tr["noise"] = (f'type = "noise"\n[server.transport.noise]\nlocal_private_key = "{private}"',
                       f'type = "noise"\n[client.transport.noise]\nremote_public_key = "{public}"')
    s = f'[server]\nbind_addr = "127.0.0.1:{ctl}"\ndefault_token = "bench"\n[server.transport]\n{tr[transport][0]}\n'
    k = (f'[client]\nremote_addr = "127.0.0.1:{ctx.far(ctl)}"\ndefault_token = "bench"\n'
         f'[client.transport]\n{tr[transport][1]}\n')
    for i in range(services):
        s += f'[server.services.s{i}]\nbind_addr = "127.0.0.1:{first + i}"\n'
        k += f'[client.services.s{i}]\nlocal_addr = "127.0.0.1:{to_port}"\n'
    env = dict(os.environ, RUST_LOG="error")
    sp = procs.start([exe, "--server", write(f"{d}/server.toml", s)], f"{d}/server.log", env)
    procs.wait_port(ctl, proc=sp)
    cp = procs.start([exe, "--client", write(f"{d}/client.toml", k)], f"{d}/client.log", env)
    procs.wait_port(first + services - 1, 30, cp)
    return first, {"server": [sp], "agent": [cp]}


def frp(ctx, to_port, tls=True):
    d = ctx.dir("frp")
    ctl, port = procs.free_port(), procs.free_port()
    s = f'bindAddr = "127.0.0.1"\nbindPort = {ctl}\nauth.token = "bench"\nlog.level = "error"\n'
    k = (f'serverAddr = "127.0.0.1"\nserverPort = {ctx.far(ctl)}\nauth.token = "bench"\nlog.level = "error"\n'
         f'transport.tls.enable = {str(tls).lower()}\n'
         f'[[proxies]]\nname = "bench"\ntype = "tcp"\nlocalIP = "127.0.0.1"\nlocalPort = {to_port}\nremotePort = {port}\n')
    sp = procs.start([tool("frps"), "-c", write(f"{d}/frps.toml", s)], f"{d}/frps.log")
    procs.wait_port(ctl, proc=sp)
    cp = procs.start([tool("frpc"), "-c", write(f"{d}/frpc.toml", k)], f"{d}/frpc.log")
    procs.wait_port(port, 30, cp)
    return port, {"server": [sp], "agent": [cp]}


def bore(ctx, to_port):
    d = ctx.dir("bore")
    exe = tool("bore")
    if ctx.delay:
        raise Missing("bore's control port is fixed (7835): no delay line can stand before it")
    port = procs.free_port()
    sp = procs.start([exe, "server", "--min-port", "1024", "--bind-addr", "127.0.0.1"], f"{d}/server.log")
    procs.wait_port(7835, proc=sp)
    cp = procs.start([exe, "local", str(to_port), "--to", "127.0.0.1", "--port", str(port)], f"{d}/client.log")
    procs.wait_port(port, 30, cp)
    return port, {"server": [sp], "agent": [cp]}


ADIT = {"adit": "ADIT_BIN", "adit-b": "ADIT_BIN_B"}      # two builds (or two settings of one) in one run: before and after in pairs
ADIT_ENV = {"adit": {}, "adit-b": {}}                    # --adit-env, --adit-b-env
ADIT_POLICY = {"adit": [], "adit-b": []}                 # --adit-b-policy: arguments of the HTTP agent


def adit_exe(which):
    var = ADIT[which]
    first = os.environ.get("ADIT_BIN", "adit")
    name = os.environ.get(var) or (first if which == "adit" or ADIT_ENV[which] or ADIT_POLICY[which] else None)
    if not name:
        raise Missing(f"{var} is not set: the second build (or give --adit-b-env to compare two settings of the first)")
    return tool(name)


def adit_server(ctx, which="adit", extra=()):
    """`adit dev --no-agent`: everything else is read from the dev.json that it writes."""
    d = ctx.dir(which)
    exe = adit_exe(which)
    tcp = procs.free_port_range(64)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ADIT_", "NGROK_"))}
    env.update(HOME=d, XDG_CONFIG_HOME=f"{d}/config", XDG_DATA_HOME=f"{d}/data", TOKIO_WORKER_THREADS=str(ctx.workers), **ADIT_ENV[which])
    sp = procs.start([exe, "dev", "--no-agent", "--data-dir", f"{d}/dev", "--https", "127.0.0.1:0",
                      "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--tcp-ports", f"{tcp}-{tcp + 63}", *extra],
                     f"{d}/server.log", env)
    end = time.monotonic() + 30
    while not os.path.exists(f"{d}/dev/dev.json"):
        if sp.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"adit dev did not write dev.json; see {d}/server.log")
        time.sleep(0.05)
    dev = json.load(open(f"{d}/dev/dev.json"))
    far = ctx.far(int(dev["https_addr"].rsplit(":", 1)[1]))
    env.update(ADIT_AUTHTOKEN=dev["authtoken"], ADIT_CONNECT_CA=dev["ca_file"],
               ADIT_CONNECT_URL=f'{dev["connect_addr"].rsplit(":", 1)[0]}:{far}')
    return sp, dev, env, exe, d, tcp


def adit_agent(exe, env, d, *args):
    """One agent; back when it says `started endpoint …`."""
    log = f"{d}/agent-{time.monotonic_ns()}.log"
    cp = procs.start([exe, *args], log, env)
    end = time.monotonic() + 30
    while True:
        text = open(log).read()
        if "started endpoint" in text:
            return cp
        if cp.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"adit agent did not start: {text[-500:]}")
        time.sleep(0.05)


def adit_http(ctx, to_port, which="adit"):
    sp, dev, env, exe, d, _ = adit_server(ctx, which)
    cp = adit_agent(exe, env, d, "http", f"http://127.0.0.1:{to_port}", "--url", f"https://{HOST}",
                    *ADIT_POLICY[which])
    return Chain(which, int(dev["https_addr"].rsplit(":", 1)[1]), True, {"server": [sp], "agent": [cp]})


def adit_tcp(ctx, to_port, which="adit"):
    sp, dev, env, exe, d, tcp = adit_server(ctx, which)
    cp = adit_agent(exe, env, d, "tcp", f"127.0.0.1:{to_port}", "--url",
                    f'tcp://{dev["base_domain"]}:{tcp}')
    procs.wait_port(tcp, proc=cp)
    return Chain(which, tcp, False, {"server": [sp], "agent": [cp]})


# ---- chains by name ---------------------------------------------------------------------------------

def https_chain(peer, ctx, to=None):
    """The chain of a peer for HTTPS scenarios: TLS at the edge, then (for tunnels) two more processes."""
    to = to or ctx.up_port
    if peer == "direct":
        return Chain("direct", to, False, {}, "no proxy: what load and upstream cost")
    if peer == "nginx":
        port, p = nginx_edge(ctx, ctx.far(to))
        return Chain(peer, port, True, {"edge": [p]})
    if peer == "haproxy":
        port, p = haproxy_edge(ctx, ctx.far(to))
        return Chain(peer, port, True, {"edge": [p]})
    if peer in ADIT:
        return adit_http(ctx, to, peer)
    mid, roles = tunnel(peer, ctx, to)
    port, p = nginx_edge(ctx, mid, name="edge")
    return Chain(f"nginx+{peer}", port, True, {"edge": [p], **roles})


def tunnel(peer, ctx, to):
    if peer in ("rathole", "rathole-tls", "rathole-noise"):
        return rathole(ctx, to, peer[8:] or "tcp")
    if peer in ("frp", "frp-plain"):
        return frp(ctx, to, tls=peer == "frp")
    if peer == "bore":
        return bore(ctx, to)
    raise Missing(f"unknown peer {peer}")


def tcp_chain(peer, ctx, to=None):
    to = to or ctx.up_port
    if peer == "direct":
        return Chain("direct", to, False, {})
    if peer == "haproxy":
        port, p = haproxy_edge(ctx, ctx.far(to), tcp=True)
        return Chain("haproxy-tcp", port, False, {"edge": [p]})
    if peer == "nginx":
        mod = "/usr/lib/nginx/modules/ngx_stream_module.so"
        if not os.path.exists(mod):
            raise Missing("nginx stream module not installed")
        port = procs.free_port()
        p, _ = nginx(ctx, "nginx-stream",
                     f"stream {{ server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass 127.0.0.1:{ctx.far(to)}; }} }}\n",
                     f"load_module {mod};")
        procs.wait_port(port, proc=p)
        return Chain("nginx-stream", port, False, {"edge": [p]})
    if peer in ADIT:
        return adit_tcp(ctx, to, peer)
    port, roles = tunnel(peer, ctx, to)
    return Chain(peer, port, False, roles)
