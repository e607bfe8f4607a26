#!/usr/bin/env python3
"""Measures chains of proxies and tunnels side by side on loopback. See README.md.

    benches/run.py S1 S3 --peers nginx,rathole,adit --rounds 5 --json out.json
    benches/run.py --list
"""
import argparse
import json
import os
import platform
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import engine, peers, procs, scenarios  # noqa: E402


def versions():
    cmds = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "rathole": ["rathole", "--version"], "frp": ["frps", "--version"],
            "bore": ["bore", "--version"], "h2load": ["h2load", "--version"], "openssl": ["openssl", "version"],
            "adit": [os.environ.get("ADIT_BIN", "adit"), "--version"]}
    if os.environ.get("ADIT_BIN_B"):
        cmds["adit-b"] = [os.environ["ADIT_BIN_B"], "--version"]
    out = {}
    for k, c in cmds.items():
        if shutil.which(c[0]):
            r = subprocess.run(c, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            text = r.stdout + r.stderr
            m = re.search(r"Build Version:\s+(\S+)", text)
            out[k] = m.group(1) if m else text.strip().splitlines()[0]
    return out


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    return {"cpu": cpu.group(1) if cpu else "?", "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("scenario", nargs="*", help="S1 … S13, or `all`")
    ap.add_argument("--peers", help="comma separated; default: what the scenario names (what is not installed is left out)")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--scale", type=float, default=1.0, help="size of each load, 1.0 = 1–3 s")
    ap.add_argument("--workers", type=int, default=2, help="worker processes or threads of every proxy")
    ap.add_argument("--base", default="nginx", help="chain to which ratios are printed")
    ap.add_argument("--json", help="file for all figures")
    ap.add_argument("--adit-env", action="append", default=[], metavar="KEY=VALUE", help="for adit's server and agent; may be repeated")
    ap.add_argument("--adit-b-env", action="append", default=[], metavar="KEY=VALUE", help="the same for adit-b")
    ap.add_argument("--adit-b-policy", metavar="FILE", help="traffic policy of adit-b's HTTP endpoint, such as kit/ten_rules.yaml")
    ap.add_argument("--keep", action="store_true", help="keep the working directory (configurations, logs)")
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    if a.list or not a.scenario:
        for k, (_, text, default) in scenarios.ALL.items():
            print(f"{k:5} {text}\n      peers: {', '.join(default)}")
        return 0
    names = list(scenarios.ALL) if a.scenario == ["all"] else a.scenario
    for s in names:
        if s not in scenarios.ALL:
            ap.error(f"unknown scenario {s}; see --list")
    for peer, pairs in (("adit", a.adit_env), ("adit-b", a.adit_b_env)):
        for pair in pairs:
            if "=" not in pair:
                ap.error(f"{pair}: KEY=VALUE is wanted")
        peers.ADIT_ENV[peer] = dict(pair.split("=", 1) for pair in pairs)
    if a.adit_b_policy:
        peers.ADIT_POLICY["adit-b"] = ["--traffic-policy-file", os.path.abspath(a.adit_b_policy)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *x: sys.exit(143))
    work = tempfile.mkdtemp(prefix="bench-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    os.chmod(work, 0o755)        # nginx workers may run as another user
    doc = {"machine": machine(), "versions": versions(), "date": time.strftime("%Y-%m-%d %H:%M"), "command": sys.argv[1:],
           "rounds": a.rounds, "scale": a.scale, "workers": a.workers, "results": {}}
    print(json.dumps(doc["machine"]), json.dumps(doc["versions"]), sep="\n", flush=True)
    rc = 0
    try:
        peers.make_certs(work)
        for s in names:
            f, text, _ = scenarios.ALL[s]
            print(f"\n== {s}: {text}", flush=True)
            t = time.monotonic()
            try:
                r = f(scenarios.Run(work, a.peers.split(",") if a.peers else None, a.rounds, a.scale, a.workers, print))
                base = a.base if a.base in r.rows else next((x for x in r.rows if x.startswith(a.base + "-")), None)
                print(engine.table(r, base), flush=True)
                doc["results"][s] = {"unit": r.unit, "rows": r.rows, "extra": r.extra, "missing": r.missing,
                                     "notes": r.notes, "took_s": round(time.monotonic() - t, 1)}
            except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                print(f"{s} failed: {e}", flush=True)
                doc["results"][s] = {"failed": str(e)}
                rc = 1
            finally:
                procs.stop_all()
            if a.json:
                with open(a.json, "w") as fh:
                    json.dump(doc, fh, indent=1)
    finally:
        procs.stop_all()
        if a.keep:
            print("kept:", work)
        else:
            shutil.rmtree(work, ignore_errors=True)
    return rc


if __name__ == "__main__":
    sys.exit(main())
