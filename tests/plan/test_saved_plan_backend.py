"""A state in another place: the http backend, with its locks, and a file that -state names."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from saved_plans import PULL, refused, service, succeeded

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture", "saved_plan_fixture"]


class Store(ThreadingHTTPServer):
    """The server of terraform's http backend: one state, one lock, and how many requests still find it locked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = b""
        self.held = 0
        self.requests: list[str] = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Its requests (terraform's internal/backend/remote-state/http/client.go)."""

    server: Store

    def do_GET(self):
        self._answer(200 if self.server.state else 204, self.server.state)

    def do_POST(self):
        self.server.state = self._body()
        self._answer(200)

    def do_LOCK(self):
        self._body()
        is_held = self.server.held > 0
        self.server.held -= is_held
        self._answer(423 if is_held else 200, b'{"ID": "x", "Who": "another run"}' if is_held else b"")

    def do_UNLOCK(self):
        self._body()
        self._answer(200)

    def _body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, code, body=b""):
        self.server.requests.append(self.command)
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing on stderr."""


@pytest.fixture
def store(sim):
    """A state behind HTTP, for the module of the test."""
    with Store() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        settings = "".join(f'    {name}address = "{server.address}"\n' for name in ("", "lock_", "unlock_"))
        sim.write(f'terraform {{\n  backend "http" {{\n{settings}    retry_max = 0\n  }}\n}}\n', "backend.tf")
        done = sim.terraform("init")
        assert done.returncode == 0, done.stderr
        yield server
        server.shutdown()
        thread.join()


def test_a_state_behind_http(sim, apply, store):
    """It is pulled without a lock; the apply waits for a lock as long as -lock-timeout allows."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2") + service("b") + service("c"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=2)
    store.held, store.requests[:] = 2, []
    done = apply("-lock-timeout=60s", "tfplan")
    assert succeeded(done)
    assert sorted(sim.calls("create", "update")) == [("create", "b"), ("create", "c"), ("update", "a")]
    assert store.requests.count("LOCK") == 3 + 2
    assert not (sim.folder / "terraform.tfstate").exists()


@pytest.mark.parametrize("moment", [1, 2])
def test_a_run_on_another_machine_is_noticed(sim, apply, store, wrap, moment):
    """It changes the state at the failure or during the wait."""
    sim.applied(service("kept"))
    sim.write(service("kept") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    wrap.at(PULL, "terraform taint sim_service.kept >/dev/null", number=moment)
    sentences = {
        1: "sim_service.kept has changed since the approval",
        2: "another run has changed the state while tfretry waited",
    }
    assert refused(apply("tfplan"), sentences[moment])
    assert "POST" in store.requests


def test_an_unreachable_backend_is_refused(sim, apply, store, wrap):
    """With terraform's own heading, before any wait."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    wrap.at(PULL, f"sed -i 's,127.0.0.1:{store.server_port},127.0.0.1:1,' .terraform/terraform.tfstate backend.tf")
    assert refused(apply("tfplan"), "`terraform state pull` failed: ")


def test_a_state_that_an_option_names(sim, apply):
    """-state of the local backend: the state is read there, since `state pull` does not take the option."""
    sim.write(service("a"))
    assert sim.terraform("apply", "-auto-approve", "-state=mine").returncode == 0
    sim.write(service("a") + service("b"))
    sim.plan("tfplan", "-state=mine")
    sim.fail("create", "b", attempts=2)
    assert succeeded(apply("-state=mine", "tfplan"))
    assert (sim.folder / "mine").read_text().count('"arn"') == 2
