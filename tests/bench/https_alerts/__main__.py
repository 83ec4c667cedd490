"""What an alert over HTTPS costs in CPU time: digestd's two ways beside plain Apprise.

    ./dev bench https_alerts [HOW-MANY]

A sink in a process of its own answers at once, over TLS with a certificate that
is verified against a bundle of the usual size (certifi's and the sink's own
authority). What it costs to load Apprise, once in a process, is not counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import apprise
import certifi
import trustme

from digestd.core.outcomes import Sent
from digestd.delivery.compose import compose
from digestd.delivery.senders import make_sender
from digestd.net.tls import make_context
from tests.support.messages import message, target


def main(count: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        authority = trustme.CA()
        certificate = folder / "server.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        bundle = folder / "bundle.pem"
        bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = str(bundle)
        tls = cache(lambda: make_context(cert_file=str(bundle)))
        say(f"ms of CPU time an alert over HTTPS, {count} alerts\n")
        say(f"{'':34}{'the server keeps':>20}{'the server closes':>20}")
        ports = [stack.enter_context(sink(certificate, keeps)) for keeps in (True, False)]
        for name, make in (
            ("digestd, webhook (jsons://)", lambda port: ours(f"jsons://localhost:{port}/x", tls)),
            ("digestd, Apprise (ntfys://)", lambda port: ours(f"ntfys://localhost:{port}/x", tls)),
            ("plain Apprise (ntfys://)", lambda port: theirs(f"ntfys://localhost:{port}/x")),
        ):
            say(f"{name:34}", end="")
            for port in ports:
                say(f"{cost(make(port), count):20.2f}", end="")
            say()


def say(text: str = "", end: str = "\n") -> None:
    """Write to standard output, at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def cost(send: Callable[[int], None], count: int) -> float:
    """Return the milliseconds of CPU time for one call of `send`, the first ones left out."""
    for number in range(3):
        send(number)
    begun = time.process_time()
    for number in range(count):
        send(number)
    return (time.process_time() - begun) / count * 1000


def ours(url: str, tls: Callable) -> Callable[[int], None]:
    """Return digestd's whole way from a rendered message to the service's answer."""
    to = target(url)
    sender = make_sender(to, tls=tls)

    def send(number: int) -> None:
        for piece in compose(to, message(identity=f"alert/{number}")):
            outcome = sender.send(piece)
            assert isinstance(outcome, Sent), outcome

    return send


def theirs(url: str) -> Callable[[int], None]:
    """Return Apprise as its manual shows it: made once, `notify` for each alert."""
    service = apprise.Apprise()
    # Its pause between sends, 5.5 s for ntfy, costs no CPU and much patience.
    made: Any = apprise.Apprise.instantiate(url)
    made.request_rate_per_sec = 0
    service.add(made)
    shown = message()

    def send(number: int) -> None:
        assert service.notify(title=shown.title, body=shown.text, body_format="text")

    return send


@contextmanager
def sink(certificate: Path, keeps: bool) -> Iterator[int]:
    """Run the sink; give its port."""
    command = [sys.executable, "-m", "tests.bench.https_alerts.sink", str(certificate)]
    with subprocess.Popen(
        [*command, "keep" if keeps else "close"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
