"""Starts an unpacked image as a cluster would, and asks for its health: FOLDER FUNCTION.

Its root is mounted read-only, it runs as the user of its configuration with no capability and may gain none, and it finds nothing but
what is in its root. With PORT=0 it says itself where it listens. `backend` wants a database before it listens: that of DATABASE_URL, which
infra/local/with-postgres sets, reached through a port since its socket is not in the root.
"""

import ctypes
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

folder, function = pathlib.Path(sys.argv[1]), sys.argv[2]
config = json.loads((folder / "config.json").read_text())["config"]
root = str(folder / "root")
user, group = (int(part) for part in config["User"].split(":"))
libc = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
CLONE_NEWNS, PR_SET_NO_NEW_PRIVS = 0x20000, 38


def call(outcome, what):
    """Ends the child when the system refused."""
    if outcome != 0:
        raise OSError(ctypes.get_errno(), what)


def confine():
    """Runs in the child, before the program."""
    call(libc.unshare(CLONE_NEWNS), "a mount namespace of its own")
    call(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")
    call(libc.mount(root.encode(), root.encode(), None, MS_BIND, None), "a mount of the root")
    call(libc.mount(None, root.encode(), None, MS_BIND | MS_REMOUNT | MS_RDONLY, None), "a read-only root")
    os.chroot(root)
    os.chdir("/")
    try:
        os.mkdir("/written")
    except OSError:
        pass
    else:
        os._exit(99)
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    call(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")


def forward(source, target):
    """Passes on what comes until nothing comes any more."""
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def reached_by_port(url):
    """Gives the URL of a database behind a Unix socket as one behind a port, which is served from now on."""
    url = urllib.parse.urlsplit(url)
    folder = urllib.parse.unquote(url.netloc.split("@")[1].rsplit(":", 1)[0])
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{folder}/.s.PGSQL.5432")
            for ends in ((client, server), (server, client)):
                threading.Thread(target=forward, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return f"postgres://{url.netloc.split('@')[0]}@127.0.0.1:{listener.getsockname()[1]}{url.path}?sslmode=disable"


settings = dict(line.split("=", 1) for line in config.get("Env", []))
settings.pop("PATH", None)
# What a function on its own needs to start; nothing of it is there, and /health touches none of it.
settings |= {
    "PORT": "0",
    "HOST": "127.0.0.1",
    "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none",
    "SMTP_URL": "smtp://127.0.0.1:1",
}
if function == "backend":
    settings["DATABASE_URL"] = reached_by_port(os.environ["DATABASE_URL"])
if function == "follow-link":
    settings |= {"PUBLIC_URL": "https://kaam.example.org", "LINK_SECRET": "0123456789abcdef0123456789abcdef"}
if function == "relay-events":
    settings["K_SINK"] = "http://127.0.0.1:1/"
if function == "sign-in":
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True, text=True)
    settings |= {"AUTH": "jwt", "SIGNING_KEY": key.stdout, "JWT_ISSUER": "https://kaam.example.org", "JWT_AUDIENCE": "kaam"}
started = time.monotonic()
process = subprocess.Popen(
    config["Entrypoint"], env=settings, preexec_fn=confine, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
)
try:
    said = process.stdout.readline().strip()
    if "http://" not in said:
        sys.exit(f"{function}: it did not start: {said!r}, exit code {process.wait(10)}")
    address = "http://" + said.split("http://")[1]
    with urllib.request.urlopen(f"{address}/health", timeout=10) as answer:
        body = json.load(answer)
    took = (time.monotonic() - started) * 1000
    with open(f"/proc/{process.pid}/status") as status:
        state = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    if answer.status != 200 or body != {"status": "healthy"}:
        sys.exit(f"{function}: /health says {answer.status} {body}")
    if set(state["Uid"].split()) != {str(user)} or int(state["CapEff"], 16) or user == 0:
        sys.exit(f"{function}: it runs as {state['Uid']} with the capabilities {state['CapEff']}")
    print(f"{function}: healthy after {took:.0f} ms, as {user}, read-only, {state['VmRSS'].strip()} of memory", flush=True)
finally:
    process.terminate()
    process.wait(20)
