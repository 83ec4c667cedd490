"""Languages guessed from scripts."""

from __future__ import annotations

import pytest

from digestd.core.language import direction_of, language_of


@pytest.mark.parametrize(
    ("text", "declared", "language"),
    [
        pytest.param("奇异值分解可以求导吗", ("en-US",), "zh-CN", id="declared-wrongly"),
        pytest.param("奇异值分解", ("zh-TW",), "zh-TW", id="declared"),
        pytest.param("這個問題還沒有說明", (), "zh-TW", id="traditional"),
        pytest.param("東京へ行きました", ("",), "ja", id="kana"),
        pytest.param("東京都", ("ja",), "ja", id="han-alone-in-japanese"),
        pytest.param("softmax 的梯度为什么会消失", ("en",), "zh-CN", id="latin-word-in-chinese"),
        pytest.param("A word like 道 in English text", ("en",), "en", id="one-sign"),
        pytest.param("أخبار العلوم", ("en",), "ar", id="arabic"),
        pytest.param("خبرهای علمی", ("fa",), "fa", id="persian"),
        pytest.param("Der Wal", ("de_DE",), "de-DE", id="posix-tag"),
        pytest.param("Der Wal", (), "", id="unknown"),
        pytest.param("α and β in the model", ("en",), "en", id="greek-letters-are-formulas"),
        pytest.param("1.2.0", ("", "en"), "en", id="no-letters"),
    ],
)
def test_the_script_outweighs_the_declaration(
    text: str, declared: tuple[str, ...], language: str
) -> None:
    assert language_of(text, *declared) == language


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("ar", "rtl"),
        ("he-IL", "rtl"),
        ("en", "ltr"),
        ("", "ltr"),
        ("az-Arab", "rtl"),
        ("zh", "ltr"),
    ],
)
def test_directions(language: str, direction: str) -> None:
    assert direction_of(language) == direction
