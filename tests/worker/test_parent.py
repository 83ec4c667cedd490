"""The child process: started at need, bounded, replaced when it dies."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digestd.core.parsed import ParsedFeed, Unreadable
from digestd.worker import frames
from digestd.worker.parent import JobFailedError, Worker

RSS = b"""<rss version="2.0"><channel><title>T</title>
<item><guid>1</guid><title>Post</title></item></channel></rss>"""
HOW = {"url": "https://example.org/feed", "content_type": "application/rss+xml"}


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    made = Worker(deadline=timedelta(seconds=20))
    yield made
    await made.close()


async def test_a_document_is_read_in_the_child(worker: Worker) -> None:
    assert not worker.alive
    document = await worker.run("read_document", RSS, **HOW)
    assert isinstance(document, ParsedFeed)
    assert [entry.title for entry in document.entries] == ["Post"]
    assert worker.alive


async def test_nothing_in_the_working_directory_runs_in_its_place(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("digestd.py", "html.py", "re.py"):
        (tmp_path / name).write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    assert isinstance(await worker.run("read_document", RSS, **HOW), ParsedFeed)


async def test_no_feed_is_an_answer_too(worker: Worker) -> None:
    answer = await worker.run("read_document", b"<html><body>no</body></html>", **HOW)
    assert isinstance(answer, Unreadable)


async def test_a_killed_child_fails_its_job_alone(worker: Worker) -> None:
    await worker.run("read_document", RSS, **HOW)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(JobFailedError, match="broke the process"):
        await worker.run("read_document", RSS, **HOW)
    assert isinstance(await worker.run("read_document", RSS, **HOW), ParsedFeed)


async def test_a_job_past_its_deadline_is_ended_and_the_next_runs() -> None:
    worker = Worker(deadline=timedelta(seconds=20))
    await worker.run("read_document", RSS, **HOW)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)  # it hangs
    worker.deadline = 0.2
    with pytest.raises(JobFailedError, match="longer than"):
        await worker.run("read_document", RSS, **HOW)
    worker.deadline = 20.0
    assert isinstance(await worker.run("read_document", RSS, **HOW), ParsedFeed)
    await worker.close()
    assert not worker.alive


async def test_memory_is_bounded() -> None:
    worker = Worker(memory_bytes=300 << 20)
    bomb = b"<rss><channel>" + b"<item><title>x</title></item>" * 3_000_000
    with pytest.raises(JobFailedError):
        await worker.run("read_document", bomb, **HOW)
    assert isinstance(await worker.run("read_document", RSS, **HOW), ParsedFeed)
    await worker.close()


def test_an_answer_holds_our_nouns_and_nothing_that_runs() -> None:
    noun = ParsedFeed("T", ttl=timedelta(minutes=3), skip_hours=frozenset({1}))
    frame = frames.pack((True, noun, datetime(2026, 1, 1, tzinfo=UTC)))
    assert frames.unpack(frame[frames.HEADER.size :])[1] == noun
    with pytest.raises(pickle.UnpicklingError, match="does not belong"):
        frames.unpack(pickle.dumps(os.system))
