"""Serve the provider to the terraform that started us: `python -m provider FOLDER_OF_THE_CERTIFICATE`.

It replaces the framework's `run_provider`, which aborts calls when terraform asks it to stop. A real provider ignores
Ctrl-C and completes its calls; otherwise the objects of a stopped apply would be lost.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from provider.models import CONFIGURED, Sim
from tf.gen import grpc_controller_pb2 as control
from tf.gen import grpc_controller_pb2_grpc as control_rpc
from tf.gen import grpc_stdio_pb2_grpc as stdio_rpc
from tf.gen import tfplugin_pb2_grpc as rpc
from tf.provider import ProviderServicer
from tf.utils import read_dynamic_value, to_dynamic_value

MOST_CALLS = 64  # at once; terraform's -parallelism is 10 by default
ORPHAN_CHECK_S = 1.0


class Servicer(ProviderServicer):
    """The framework's, with a schema that is requested only once, and with write-only values."""

    def GetProviderSchema(self, request, context):  # noqa: N802 — the protocol's name
        """The schema, with the capability that saves one start of the provider."""
        answer = super().GetProviderSchema(request, context)
        answer.server_capabilities.get_provider_schema_optional = True
        return answer

    def PlanResourceChange(self, request, context):  # noqa: N802 — the protocol's name
        """The framework's answer without the write-only value, which it would store."""
        answer = super().PlanResourceChange(request, context)
        planned = read_dynamic_value(answer.planned_state)
        if planned and planned.get("token") is not None:
            answer.planned_state.CopyFrom(to_dynamic_value({**planned, "token": None}))
        return answer

    def ApplyResourceChange(self, request, context):  # noqa: N802 — the protocol's name
        """The framework's, after the configuration is kept for the resource, which needs its write-only value.

        If an object is unchanged without an error, it differs from its plan: terraform accepts that only from a
        provider with the legacy type system, which most of AWS's resources have.
        """
        CONFIGURED.set(read_dynamic_value(request.config))
        answer = super().ApplyResourceChange(request, context)
        if not answer.diagnostics and read_dynamic_value(answer.new_state) == read_dynamic_value(request.prior_state):
            answer.legacy_type_system = True
        return answer


class Controller(control_rpc.GRPCControllerServicer):
    """How terraform ends a plugin."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended

    def Shutdown(self, request, context):  # noqa: ARG002, N802 — the protocol's names
        """All calls are done: the process may end."""
        self._ended.set()
        return control.Empty()


class Stdio(stdio_rpc.GRPCStdioServicer):
    """Nothing is printed here."""

    def StreamStdio(self, request, context):  # noqa: ARG002, N802 — the protocol's names
        """No lines."""
        return iter(())


def handshake(certificate: bytes, port: int) -> bytes:
    """go-plugin's first line: versions, address, and the certificate as DER in base64 without padding."""
    body = b"".join(line for line in certificate.splitlines() if not line.startswith(b"-----"))
    return b"1|6|tcp|127.0.0.1:%d|grpc|%s\n" % (port, body.rstrip(b"="))


def main(folder: Path) -> None:
    """Serve until terraform ends the provider, or has ended itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent, ended = os.getppid(), threading.Event()
    certificate, key = ((folder / name).read_bytes() for name in ("certificate.pem", "key.pem"))
    server = grpc.server(ThreadPoolExecutor(max_workers=MOST_CALLS))
    rpc.add_ProviderServicer_to_server(Servicer(Sim()), server)
    control_rpc.add_GRPCControllerServicer_to_server(Controller(ended), server)
    stdio_rpc.add_GRPCStdioServicer_to_server(Stdio(), server)
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    os.write(1, handshake(certificate, port))
    while not ended.wait(ORPHAN_CHECK_S) and os.getppid() == parent:
        pass
    server.stop(grace=0.5).wait()
    os._exit(0)  # terraform waits for our end, and the threads of gRPC take their time


if __name__ == "__main__":
    main(Path(sys.argv[1]))
