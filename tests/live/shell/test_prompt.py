"""The ``admin:`` prompt seen from the other side: known questions, pagers, terminals' writing, and what stops it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import CheckFailedError, MixedModeError
from mixedmode.live.shell.blots import HIDDEN, Blots
from mixedmode.live.shell.lines import LINE_LIMIT, TerminalLines
from mixedmode.live.shell.prompt import Asked, Done, NoPromptError, Patience, Prompt, Said, Send, UnexpectedPromptError
from mixedmode.live.shell.questions import QUESTIONS, found_question, seconds_for

PATIENCE = Patience()
ASK_UPDATE = "This operation updates the CTLFile. Do you want to continue? (y/n):"


def ready() -> Prompt:
    prompt = Prompt("pub", 0.0)
    prompt.received("\r\n   Welcome to the Platform Command Line Interface\r\n\r\nadmin:", 1.0)
    assert prompt.tick(1.1) == [], "it may be the beginning of a line"
    assert prompt.tick(1.0 + PATIENCE.settle) == [Done(("", "   Welcome to the Platform Command Line Interface", ""))]
    return prompt


def settled(prompt: Prompt, text: str, now: float) -> list[Said]:
    """Receive what is asked, and hear nothing more for a moment."""
    assert prompt.received(text, now) == []
    return prompt.tick(now + PATIENCE.settle)


def done(prompt: Prompt, now: float) -> tuple[str, ...]:
    (said,) = prompt.tick(now)
    assert isinstance(said, Done)
    return said.lines


def test_a_command_its_question_and_the_prompt_again() -> None:
    prompt = ready()
    assert prompt.type("utils ctl update CTLFile", 10.0, 60.0, {"update-ctl": "y"}) == [
        Send("utils ctl update CTLFile\n")
    ]
    assert prompt.received("utils ctl update CTLFile\r\n This operation updates the CTL", 10.1) == []
    assert prompt.received("File. Do you want to continue? (y/n):", 10.2) == []
    assert prompt.tick(10.3) == [], "something may be printed behind it"
    assert prompt.tick(10.2 + PATIENCE.settle) == [Send("y\n")]
    assert prompt.received("y\r\n\r\nUpdating CTL file\r\nCTL file Updated\r\nadmin:", 11.0) == []
    assert done(prompt, 12.0) == (f" {ASK_UPDATE}y", "", "Updating CTL file", "CTL file Updated")


def test_a_prompt_that_is_drawn_again_before_the_echo_is_not_the_end() -> None:
    prompt = ready()
    prompt.type("show ctl", 10.0, 60.0)
    assert prompt.received("\r\x1b[Kadmin:", 10.1) == []
    assert prompt.tick(10.2 + PATIENCE.settle) == [], "the command's echo has not come"
    assert prompt.received("show ctl\r\nThe checksum value\r\nadmin:", 11.0) == []
    assert done(prompt, 11.0 + PATIENCE.settle) == ("The checksum value",)
    prompt.type("show ctl", 20.0, 60.0)
    prompt.received("admin:", 20.1)
    assert done(prompt, 20.2 + PATIENCE.quiet) == (), "a node without an echo that has nothing to say"


def test_a_question_that_was_not_foreseen_is_somebody_elses_to_answer() -> None:
    prompt = ready()
    prompt.type("utils ctl set-cluster mixed-mode", 10.0, 60.0, {"set-mixed": "y"})
    (asked,) = settled(
        prompt,
        "This operation will set the cluster to Mixed mode.  Auto-registration is enabled on at least one CM node. "
        "Do you want to continue? (y/n): ",
        10.1,
    )
    assert isinstance(asked, Asked)
    assert asked.question.name == "auto-registration"
    assert prompt.answer("y", 11.0) == [Send("y\n")]
    prompt.received("y\r\nCluster set to Mixed Mode\r\nadmin:", 12.0)
    assert done(prompt, 13.0)[-1] == "Cluster set to Mixed Mode"


def test_an_answer_is_given_once() -> None:
    prompt = ready()
    prompt.type("utils ctl update CTLFile", 10.0, 60.0, {"update-ctl": "y"})
    assert settled(prompt, ASK_UPDATE, 10.1) == [Send("y\n")]
    (asked,) = settled(prompt, f"y\r\n{ASK_UPDATE}", 10.4)
    assert isinstance(asked, Asked)
    with pytest.raises(UnexpectedPromptError, match="was not answered"):
        prompt.answer(None, 10.3)
    assert prompt.tick(1000.0) == []


@pytest.mark.parametrize(
    "unknown",
    [
        "Are you sure you want to reboot every phone now? ",
        "Enter new password:",
        "Do you want to continue? (y/n):",
        "[root@pub ~]# ",
        "This operation updates the CTLFile and erases all others. Continue (yes/no)?",
    ],
)
def test_at_any_other_prompt_nothing_is_typed(unknown: str) -> None:
    prompt = ready()
    prompt.type("utils ctl update CTLFile", 10.0, 60.0, {"update-ctl": "y"})
    assert prompt.received(f"utils ctl update CTLFile\r\nWait.\r\n{unknown}", 11.0) == []
    assert prompt.due == 11.0 + PATIENCE.quiet
    with pytest.raises(UnexpectedPromptError, match="nothing was typed") as caught:
        prompt.tick(prompt.due)
    assert unknown.strip() in str(caught.value.why)
    with pytest.raises(CheckFailedError):
        prompt.type("show ctl", 20.0, 60.0)


@pytest.mark.parametrize("behind", ["\r\nFormat the disk (yes/no)?", " \x1b[1mFormat\x1b[0m?", "\r\nnot now\r\n"])
def test_a_known_question_with_something_behind_it_is_not_answered(behind: str) -> None:
    prompt = ready()
    prompt.type("utils ctl update CTLFile", 10.0, 60.0, {"update-ctl": "y"})
    assert prompt.received(ASK_UPDATE, 10.1) == []
    assert prompt.received(behind, 10.2) == []
    assert prompt.tick(10.3 + PATIENCE.settle) == []
    with pytest.raises((UnexpectedPromptError, NoPromptError)):
        prompt.tick(80.0)


def test_a_session_that_ends_at_any_byte_says_so() -> None:
    text = f"utils ctl update CTLFile\r\n{ASK_UPDATE}"
    for end in range(len(text) + 1):
        prompt = ready()
        prompt.type("utils ctl update CTLFile", 10.0, 60.0, {"update-ctl": "y"})
        assert prompt.received(text[:end], 10.1) == []
        lost = prompt.ended()
        assert "was lost while 'utils ctl update CTLFile' ran" in str(lost)
        assert "not typed again" in (lost.next_step or "")
        assert prompt.tick(99.0) == [], "nothing is typed behind that"


def test_a_prompt_that_never_comes() -> None:
    prompt = ready()
    prompt.type("utils ctl update CTLFile", 10.0, 60.0)
    prompt.received("Updating CTL file ...", 11.0)
    assert prompt.tick(69.0) == []
    with pytest.raises(NoPromptError, match="did not come after 'utils ctl update CTLFile'") as caught:
        prompt.tick(70.0)
    assert "Updating CTL file ..." in str(caught.value.why)


def test_pagers_are_turned_and_leave_no_line() -> None:
    prompt = ready()
    prompt.type("show cert own CallManager/CallManager.pem", 10.0, 60.0)
    pager = "Press <enter> for 1 line, <space> for one page, or <q> to quit"
    assert prompt.received(f"Serial Number: 1F\r\n{pager}", 10.1) == [Send(" ")]
    ours = "options: q=quit, n=next, p=prev, b=begin, e=end (lines 1 - 20 of 31) :"
    assert prompt.received(f"\r\x1b[KTo:   Wed Feb 03\r\n{ours}", 10.2) == [Send("n\n")]
    prompt.received("\r\x1b[J" + ours + "n\r\nlast\r\nadmin:", 10.3)
    assert done(prompt, 11.0) == ("Serial Number: 1F", "To:   Wed Feb 03", "last")


def test_a_node_that_prints_without_an_end() -> None:
    prompt = Prompt("pub", 0.0, Patience(characters=10_000))
    for at in range(20):
        prompt.received("x" * 500, float(at))
    with pytest.raises(UnexpectedPromptError, match="without an end"):
        prompt.received("x", 21.0)
    pages = Prompt("pub", 0.0, Patience(pages=3))
    for at in range(3):
        pages.received("\r\n-- more --", float(at))
    with pytest.raises(UnexpectedPromptError, match="too many pages"):
        pages.received("\r\n-- more --", 4.0)


def test_secrets_are_in_no_line_and_no_error() -> None:
    prompt = ready()
    prompt.type("set cert import trust Phone-SAST-trust", 10.0, 60.0, {"paste": "s3cret"}, secret=True)
    assert settled(prompt, "Paste the Certificate and Hit Enter\r\n", 10.1) == [Send("s3cret\n")]
    prompt.received("s3cret\r\nWhat now?", 10.4)
    with pytest.raises(UnexpectedPromptError) as caught:
        prompt.tick(30.0)
    assert "s3cret" not in caught.value.diagnostics()


def test_a_secret_of_several_lines_or_within_another_leaves_no_rest() -> None:
    blots = Blots()
    for secret in ("hunter2", "hunter2-and-more", "-----BEGIN-----\r\nMIIB\x07AAA\r\nyes\r\n", "y", ""):
        blots.hide(secret)
    assert blots.of("hunter2-and-more hunter2 y") == f"{HIDDEN} {HIDDEN} y"
    assert blots.of("MIIB\x07AAA") == blots.of("MIIB\\x07AAA") == HIDDEN
    assert blots.of("(yes/no)") == "(yes/no)", "three characters would blot out everything"


def test_an_echo_that_comes_slowly_is_no_question() -> None:
    prompt = ready()
    line = "run sql select count(*)"
    prompt.type(line, 10.0, 60.0)
    for at, character in enumerate(f"admin:{line}"):
        assert prompt.received(character, 11.0 + at) == []
        assert prompt.tick(11.9 + at) == []
    assert prompt.tick(42.0 + 2 * PATIENCE.quiet - 5) == []
    prompt.received("\r\n(7)\r\nadmin:", 68.0)
    assert done(prompt, 69.0) == ("(7)",)


def test_lines_with_control_characters_cannot_be_typed() -> None:
    for line in ("show ctl\nutils ctl update CTLFile", "show \x03", "", "  "):
        with pytest.raises(CheckFailedError):
            ready().type(line, 10.0, 60.0)


def test_lines_of_a_terminal() -> None:
    terminal = TerminalLines()
    assert terminal.feed("old\rnew\x1b]0;title\x07 and\b\b\bor\x1b[K\r\n\x1b[1;31mred\x1b[0m\r\n\x1b[2") == [
        "new or",
        "red",
    ]
    assert terminal.feed("Kx\ty\x1b") == []
    assert terminal.tail == "x       y"
    assert len(TerminalLines().feed("x" * (3 * LINE_LIMIT) + "\n")[0]) == LINE_LIMIT
    assert TerminalLines().feed(f"ab\x1b[{'9' * 5000}Dc\n") == ["cb"]


@given(st.lists(st.text(alphabet=st.sampled_from("admin:\r\n\x1b[KCJ09;? y/\x00\t\b")), max_size=30))
def test_whatever_comes_nothing_but_answers_are_typed(pieces: list[str]) -> None:
    prompt = Prompt("pub", 0.0)
    now = 0.0
    try:
        for piece in pieces:
            now += 0.3
            for said in [*prompt.received(piece, now), *prompt.tick(now + 0.29)]:
                assert isinstance(said, Done)
    except MixedModeError as error:
        assert error.next_step or error.why


def test_every_question_has_a_source_and_finds_itself() -> None:
    assert len({each.name for each in QUESTIONS}) == len(QUESTIONS)
    found = found_question('Delete the File CTLFile.tlv? \r\nEnter "y" followed by return to continue: ')
    assert found is not None
    assert found.name == "delete-file"
    assert seconds_for("utils ctl update CTLFile") >= 300.0
