"""The channels that need no account."""

from __future__ import annotations

import io
import mailbox
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digestd.core.messages import Message
from digestd.core.outcomes import Broken, SendOutcome, Sent, TryAgain
from digestd.delivery.compose import compose
from digestd.delivery.senders import make_sender
from digestd.delivery.target import Target
from tests.support.messages import NOW, fact, message, one_piece, target, trusting


def deliver(to: Target, told: Message, **options: object) -> list[SendOutcome]:
    sender = make_sender(to, tls=trusting, **options)  # type: ignore[arg-type]
    outcomes = [sender.send(piece) for piece in compose(to, told)]
    sender.close()
    return outcomes


# --- Maildir ---------------------------------------------------------------------------


def test_a_maildir_is_one_that_mail_programs_read(tmp_path: Path) -> None:
    to = target(f"maildir://{tmp_path}/mail/digests")
    assert [type(outcome) for outcome in deliver(to, message())] == [Sent]
    box = mailbox.Maildir(tmp_path / "mail" / "digests", create=False)
    (mail,) = box
    assert mail["Message-ID"] == one_piece(to).uid
    assert mail.get_subdir() == "new"
    assert not list((tmp_path / "mail" / "digests" / "tmp").iterdir())
    assert b"\r\n" not in next((tmp_path / "mail" / "digests" / "new").iterdir()).read_bytes()


def test_a_repeat_leaves_one_mail_even_after_it_was_read(tmp_path: Path) -> None:
    to = target(f"maildir://{tmp_path}")
    deliver(to, message())
    deliver(to, message())
    (new,) = (tmp_path / "new").iterdir()
    new.rename(tmp_path / "cur" / f"{new.name}:2,S")
    assert isinstance(deliver(to, message())[0], Sent)
    assert len(mailbox.Maildir(tmp_path, create=False)) == 1


def test_what_a_crash_left_in_tmp_is_overwritten(tmp_path: Path) -> None:
    to = target(f"maildir://{tmp_path}")
    deliver(to, message())
    (new,) = (tmp_path / "new").iterdir()
    whole = new.read_bytes()
    new.rename(tmp_path / "tmp" / new.name).write_bytes(whole[:10])
    deliver(to, message())
    assert new.read_bytes() == whole


def test_a_path_is_taken_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "Ünï Case" / "a+b"
    quoted = str(folder).replace(" ", "%20")
    deliver(target(f"maildir://{quoted}"), message())
    assert (folder / "new").is_dir()


# --- pages -----------------------------------------------------------------------------


def test_a_page_holds_its_images(tmp_path: Path) -> None:
    deliver(target(f"file://{tmp_path}/pages"), message())
    (page,) = (tmp_path / "pages").iterdir()
    assert page.name.startswith("2026-11-24-谱范数与-muon-1-")
    assert page.suffix == ".html"
    html = page.read_text()
    assert 'src="data:image/png;base64,iVBOR' in html
    assert "cid:" not in html


def test_a_page_is_written_over_itself(tmp_path: Path) -> None:
    to = target(f"file://{tmp_path}")
    deliver(to, message())
    deliver(to, message())
    deliver(to, message(identity="alert/2"))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("title", ["", "///", "../../etc/passwd", "a" * 500, "汉" * 500, "\x00"])
def test_no_title_leads_out_of_the_folder(tmp_path: Path, title: str) -> None:
    assert isinstance(deliver(target(f"file://{tmp_path}/x"), message(title=title))[0], Sent)
    (page,) = (tmp_path / "x").iterdir()
    assert len(page.name.encode()) < 150


def test_a_message_without_html_becomes_a_page_of_its_text(tmp_path: Path) -> None:
    deliver(target(f"file://{tmp_path}"), message(html="", text="1 < 2\n"))
    (page,) = tmp_path.iterdir()
    assert "<pre>1 &lt; 2" in page.read_text()


@pytest.mark.parametrize("scheme", ["file", "maildir"])
def test_a_folder_that_cannot_be_is_for_the_owner_to_mend(tmp_path: Path, scheme: str) -> None:
    (tmp_path / "taken").write_text("a file")
    (outcome,) = deliver(target(f"{scheme}://{tmp_path}/taken/x"), message())
    assert isinstance(outcome, Broken)
    assert "taken" in outcome.reason


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_worth_another_try(tmp_path: Path) -> None:
    to = target(f"file://{tmp_path}")
    draft = tmp_path / f".{one_piece(to).uid}.part"
    draft.symlink_to("/dev/full")
    (outcome,) = deliver(to, message())
    assert isinstance(outcome, TryAgain)


# --- the terminal ----------------------------------------------------------------------


def printed(told: Message, **options: object) -> str:
    out = io.StringIO()
    settings: dict[str, object] = {
        "out": out,
        "clock": lambda: NOW + timedelta(seconds=1.34),
        "zone": ZoneInfo("Asia/Shanghai"),
    }
    (outcome,) = deliver(target("terminal://"), told, **(settings | options))
    assert isinstance(outcome, Sent)
    return out.getvalue()


def test_an_alert_is_a_line_per_entry() -> None:
    told = message(entries=(fact(1), fact(2, published_at=None)))
    assert printed(told) == (
        "16:00:01  科学空间  谱范数与 Muon（1）  https://kexue.example/archives/1"
        "  (1.3 s after publication)\n"
        "16:00:01  科学空间  谱范数与 Muon（2）  https://kexue.example/archives/2\n"
    )


def test_bold_is_only_for_those_who_asked() -> None:
    assert "\x1b[1m谱范数与 Muon（1）\x1b[0m" in printed(message(), bold=True)
    assert "\x1b" not in printed(message())


def test_a_digest_is_its_text() -> None:
    assert "设 W = UΣVᵀ 为矩阵" in printed(message(kind="digest"))


def test_a_feed_cannot_steer_the_terminal() -> None:
    told = message(entries=(fact(title="a\x1b[2Jb\x9b31m\rc\x07", feed_name="x\ny"),))
    shown = printed(told)
    assert not set(shown) & {"\x1b", "\x9b", "\r", "\x07"}
    assert shown.count("\n") == 1


def test_an_old_date_says_nothing_of_us() -> None:
    assert "after publication" not in printed(
        message(entries=(fact(published_at=NOW - timedelta(days=2)),))
    )


def test_an_output_that_knows_no_han_signs_gets_question_marks() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, "ascii")
    assert isinstance(deliver(target("terminal://"), message(), out=out)[0], Sent)
    assert b"https://kexue.example" in raw.getvalue()


def test_a_closed_output_is_for_the_owner_to_mend() -> None:
    read, write = os.pipe()
    os.close(read)
    out = os.fdopen(write, "w")
    (outcome,) = deliver(target("terminal://"), message(), out=out)
    assert isinstance(outcome, Broken)
    with pytest.raises(BrokenPipeError):
        out.close()


def test_none_of_them_loads_apprise() -> None:
    # In a process of its own: another test may have loaded it here.
    code = (
        "import sys; from digestd.core.models import Channel, MailServer;"
        "from digestd.delivery.targets import open_target;"
        "from digestd.delivery.senders import make_sender;"
        "[make_sender(open_target(Channel('x', url), MailServer('localhost')), tls=None)"
        " for url in ('terminal://', 'maildir:///m', 'file:///f', 'mail:a@example.org')];"
        "sys.exit('apprise' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
