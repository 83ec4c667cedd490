"""Tables: which commands and environments take what, and what readers get of them."""

from __future__ import annotations

# Commands that say nothing a reader needs, and how many arguments go with them.
SILENT: dict[str, int] = {
    **dict.fromkeys(
        "displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits displaylimits notag"
        " nonumber hline centering tiny scriptsize footnotesize small normalsize large Large LARGE"
        " huge Huge ! / mathstrut strut relax allowbreak nobreak negthinspace negmedspace"
        " negthickspace null cr toprule midrule bottomrule hfil break nolinebreak smallskip"
        " medskip bigskip noindent protect".split(),
        0,
    ),
    **dict.fromkeys(
        "label vspace phantom vphantom hphantom require cline index".split(),
        1,
    ),
    "rule": 2,
    "setlength": 2,
    "addtolength": 2,
    "definecolor": 3,
}
# Commands whose last argument is what is read, and whether only a picture can show the rest.
WRAPPERS: dict[str, tuple[int, bool]] = {
    **dict.fromkeys(
        "mathop mathbin mathrel mathord mathopen mathclose mathpunct mathinner smash"
        " ensuremath mathrlap mathllap mathclap rlap llap clap vcenter".split(),
        (1, False),
    ),
    **dict.fromkeys(
        "boxed fbox cancel bcancel xcancel sout circled framebox".split(),
        (1, True),
    ),
    **dict.fromkeys("textcolor colorbox raisebox href class style cssId".split(), (2, True)),
    "enclose": (2, True),
    "cancelto": (2, True),
    "fcolorbox": (3, True),
    "multicolumn": (3, True),
    "multirow": (3, True),
}
TEXTS = frozenset(
    "text textrm textbf textit textsf texttt textup textnormal textmd textsc textsl emph mbox hbox"
    " intertext shortintertext".split()
)
INFIX: dict[str, tuple[bool, str, str]] = {
    "over": (True, "", ""),
    "atop": (False, "", ""),
    "choose": (False, "(", ")"),
    "brace": (False, "{", "}"),
    "brack": (False, "[", "]"),
}
FRACTIONS = frozenset("frac dfrac tfrac cfrac".split())
BINOMIALS = frozenset("binom dbinom tbinom".split())
BIGS = frozenset(
    f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")
)
LINES = frozenset(
    "equation align aligned alignat alignedat gather gathered multline multlined split eqnarray"
    " flalign math displaymath subequations dmath empheq IEEEeqnarray xalignat".split()
)
MATRICES: dict[str, tuple[str, str]] = {
    "matrix": ("", ""),
    "smallmatrix": ("", ""),
    "pmatrix": ("(", ")"),
    "psmallmatrix": ("(", ")"),
    "bmatrix": ("[", "]"),
    "bsmallmatrix": ("[", "]"),
    "Bmatrix": ("{", "}"),
    "vmatrix": ("|", "|"),
    "Vmatrix": ("‖", "‖"),
}
ARRAYS = frozenset(("array", "subarray", "tabular", "CD"))
CASES: dict[str, tuple[str, str]] = {
    "cases": ("{", ""),
    "dcases": ("{", ""),
    "numcases": ("{", ""),
    "rcases": ("", "}"),
    "drcases": ("", "}"),
}
ENV_ARGUMENTS = {
    "array": 1,
    "alignat": 1,
    "alignedat": 1,
    "xalignat": 1,
    "subarray": 1,
    "tabular": 1,
    "empheq": 1,
    "numcases": 1,
    "IEEEeqnarray": 1,
}
BREAKS = frozenset((r"\\", r"\cr", r"\newline", r"\tabularnewline"))
