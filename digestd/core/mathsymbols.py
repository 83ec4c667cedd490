"""Tables: what TeX's names look like, and how each behaves in a row.

The kinds are those of TeX's mathematics (The TeXbook, chapter 17) with a few
of our own: `num` a digit, `word` an upright operator such as log, `bar` a line
that may open, close or stand between, `quant` a quantifier, `text` a word set
as it is, `space` a blank.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "ord", "num", "big", "word", "bin", "rel", "open", "close", "punct",
    "bar", "quant", "text", "space", "fence", "frac", "root",
]  # fmt: skip


def _pairs(table: str) -> dict[str, str]:
    words = table.split()
    return dict(zip(words[::2], words[1::2], strict=True))


GREEK_SMALL = _pairs("""
alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι
kappa κ varkappa ϰ lambda λ mu μ nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ
varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω digamma ϝ
""")

GREEK_LARGE = _pairs("""
Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
varGamma Γ varDelta Δ varTheta Θ varLambda Λ varXi Ξ varPi Π varSigma Σ varUpsilon Υ
varPhi Φ varPsi Ψ varOmega Ω
""")

_ORDINARY = _pairs("""
infty ∞ partial ∂ nabla ∇ hbar ℏ hslash ℏ ell ℓ wp ℘ Re ℜ Im ℑ aleph ℵ beth ℶ gimel ℷ daleth ℸ
emptyset ∅ varnothing ∅ angle ∠ measuredangle ∡ sphericalangle ∢ triangle △ square □ Box □
blacksquare ■ lozenge ◊ Diamond ◇ blacklozenge ⧫ bigstar ★ clubsuit ♣ diamondsuit ♢ heartsuit ♡
spadesuit ♠ flat ♭ natural ♮ sharp ♯ top ⊤ bot ⊥ neg ¬ lnot ¬ prime ′ backprime ‵ imath ı jmath ȷ
ldots … dots … dotsc … dotso … cdots ⋯ dotsb ⋯ dotsm ⋯ dotsi ⋯ vdots ⋮ ddots ⋱ iddots ⋰
mathellipsis …
textellipsis … degree ° textdegree ° checkmark ✓ dag † ddag ‡ copyright © pounds £ yen ¥ euro €
texteuro € P ¶ S § aa å AA Å ae æ AE Æ oe œ OE Œ o ø O Ø ss ß l ł L Ł i ı j ȷ eth ð
complement ∁ mho ℧ Finv Ⅎ Game ⅁ hearts ♡ surd √ diagup ╱ diagdown ╲ vartriangle △ triangledown ▽
blacktriangle ▲ blacktriangledown ▼ bigcirc ◯ circledR ® circledS Ⓢ maltese ✠ QED ∎ Bbbk 𝕜 eqcirc ≖
lbrace { rbrace } lbrack [ rbrack ] backslash \\ textbackslash \\ textasciitilde ~ textasciicircum ^
textbar | textless < textgreater > slash / textunderscore _ textendash – textemdash — micro µ ohm Ω
""")

_BINARY = _pairs("""
pm ± mp ∓ times × div ÷ cdot · cdotp · ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ ominus ⊖ otimes ⊗
oslash ⊘ odot ⊙ cap ∩ cup ∪ Cap ⋒ Cup ⋓ uplus ⊎ sqcap ⊓ sqcup ⊔ vee ∨ lor ∨ wedge ∧ land ∧
setminus ∖ smallsetminus ∖ wr ≀ diamond ⋄ bigtriangleup △ bigtriangledown ▽ triangleleft ◁
triangleright ▷ lhd ⊲ rhd ⊳ unlhd ⊴ unrhd ⊵ dagger † ddagger ‡ amalg ⨿ boxplus ⊞ boxminus ⊟
boxtimes ⊠ boxdot ⊡ ltimes ⋉ rtimes ⋊ leftthreetimes ⋋ rightthreetimes ⋌ circledast ⊛
circledcirc ⊚ circleddash ⊝ dotplus ∔ intercal ⊺ veebar ⊻ barwedge ⊼ curlyvee ⋎ curlywedge ⋏
divideontimes ⋇ centerdot · doublebarwedge ⩞
""")

_RELATIONS = _pairs("""
leq ≤ le ≤ geq ≥ ge ≥ leqslant ⩽ geqslant ⩾ leqq ≦ geqq ≧ neq ≠ ne ≠ lt < gt > ll ≪ gg ≫ lll ⋘
ggg ⋙ nleq ≰ ngeq ≱ nless ≮ ngtr ≯ lneq ⪇ gneq ⪈ lneqq ≨ gneqq ≩ lesssim ≲ gtrsim ≳ lessapprox ⪅
gtrapprox ⪆ lessgtr ≶ gtrless ≷ prec ≺ succ ≻ preceq ⪯ succeq ⪰ preccurlyeq ≼ succcurlyeq ≽
precsim ≾ succsim ≿ nprec ⊀ nsucc ⊁ sim ∼ nsim ≁ simeq ≃ approx ≈ approxeq ≊ cong ≅ ncong ≇
equiv ≡ propto ∝ varpropto ∝ asymp ≍ doteq ≐ doteqdot ≑ triangleq ≜ coloneqq ≔ coloneq ≔ eqqcolon ≕
eqdef ≝ bumpeq ≏ Bumpeq ≎ in ∈ ni ∋ owns ∋ notin ∉ notni ∌ subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇
nsubseteq ⊈ nsupseteq ⊉ subsetneq ⊊ supsetneq ⊋ varsubsetneq ⊊ varsupsetneq ⊋ subseteqq ⫅
supseteqq ⫆ Subset ⋐ Supset ⋑ sqsubset ⊏ sqsupset ⊐ sqsubseteq ⊑ sqsupseteq ⊒ mid | nmid ∤
parallel ∥ nparallel ∦ perp ⊥ models ⊨ vDash ⊨ vdash ⊢ dashv ⊣ Vdash ⊩ nvdash ⊬ nvDash ⊭ Vvdash ⊪
bowtie ⋈ Join ⋈ smile ⌣ frown ⌢ between ≬ pitchfork ⋔ therefore ∴ because ∵ vartriangleleft ⊲
vartriangleright ⊳ trianglelefteq ⊴ trianglerighteq ⊵ backsim ∽ thicksim ∼ thickapprox ≈
to → rightarrow → leftarrow ← gets ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔
longrightarrow ⟶ longleftarrow ⟵ longleftrightarrow ⟷ Longrightarrow ⟹ Longleftarrow ⟸
Longleftrightarrow ⟺ implies ⟹ impliedby ⟸ iff ⟺ mapsto ↦ longmapsto ⟼ hookrightarrow ↪
hookleftarrow ↩ uparrow ↑ downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓ Updownarrow ⇕ nearrow ↗
searrow ↘ swarrow ↙ nwarrow ↖ rightharpoonup ⇀ rightharpoondown ⇁ leftharpoonup ↼
leftharpoondown ↽ rightleftharpoons ⇌ leftrightharpoons ⇋ upharpoonright ↾ restriction ↾
nrightarrow ↛ nleftarrow ↚ nLeftarrow ⇍ nRightarrow ⇏ nLeftrightarrow ⇎ nleftrightarrow ↮
rightrightarrows ⇉ leftleftarrows ⇇ leftrightarrows ⇆ rightleftarrows ⇄ twoheadrightarrow ↠
twoheadleftarrow ↞ rightarrowtail ↣ leftarrowtail ↢ rightsquigarrow ⇝ leadsto ⇝ dashrightarrow ⇢
dashleftarrow ⇠ curvearrowright ↷ curvearrowleft ↶ circlearrowright ↻ circlearrowleft ↺
multimap ⊸ Lleftarrow ⇚ Rrightarrow ⇛ upuparrows ⇈ downdownarrows ⇊ vcentcolon : Colon ∷ dblcolon ∷
lessdot ⋖ gtrdot ⋗ eqslantless ⪕ eqslantgtr ⪖ risingdotseq ≓ fallingdotseq ≒ backsimeq ⋍ ratio ∶
""")

_BIG = _pairs("""
sum ∑ prod ∏ coprod ∐ int ∫ intop ∫ smallint ∫ iint ∬ iiint ∭ iiiint ⨌ oint ∮ oiint ∯ oiiint ∰
bigcup ⋃ bigcap ⋂ bigsqcup ⨆ bigvee ⋁ bigwedge ⋀ bigoplus ⨁ bigotimes ⨂ bigodot ⨀ biguplus ⨄
bigtimes ⨉
""")

_OPENING = _pairs("""
langle ⟨ lfloor ⌊ lceil ⌈ lvert | lVert ‖ lgroup ⟮ lmoustache ⎰ llbracket ⟦ ulcorner ⌜ llcorner ⌞
""")

_CLOSING = _pairs("""
rangle ⟩ rfloor ⌋ rceil ⌉ rvert | rVert ‖ rgroup ⟯ rmoustache ⎱ rrbracket ⟧ urcorner ⌝ lrcorner ⌟
""")

WORDS = (
    "arccos arccot arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf injlim ker"
    " lg lim ln log max min Pr projlim sec sin sinh sup tan tanh cosec sech csch arcsinh arccosh"
    " arctanh argmax argmin argtop tg ctg sh ch th Tr tr rank diag sgn sign Var Cov Span erf"
    " lcm softmax Softmax ReLU KL span Hom End Aut Gal Spec ord supp conv poly polylog"
).split()

SYMBOLS: dict[str, tuple[str, Kind]] = {
    **{name: (sign, "ord") for name, sign in {**GREEK_SMALL, **GREEK_LARGE, **_ORDINARY}.items()},
    **{name: (sign, "bin") for name, sign in _BINARY.items()},
    **{name: (sign, "rel") for name, sign in _RELATIONS.items()},
    **{name: (sign, "big") for name, sign in _BIG.items()},
    **{name: (sign, "open") for name, sign in _OPENING.items()},
    **{name: (sign, "close") for name, sign in _CLOSING.items()},
    **{name: (name, "word") for name in WORDS},
    "limsup": ("limsup", "word"),
    "liminf": ("liminf", "word"),
    "varlimsup": ("limsup", "word"),
    "varliminf": ("liminf", "word"),
    "varinjlim": ("inj lim", "word"),
    "varprojlim": ("proj lim", "word"),
    "forall": ("∀", "quant"),
    "exists": ("∃", "quant"),
    "nexists": ("∄", "quant"),
    "bmod": ("mod", "rel"),
    "mod": ("mod", "rel"),
    "vert": ("|", "bar"),
    "Vert": ("‖", "bar"),
    "|": ("‖", "bar"),
    "lbrace": ("{", "open"),
    "rbrace": ("}", "close"),
    "{": ("{", "open"),
    "}": ("}", "close"),
    "lbrack": ("[", "open"),
    "rbrack": ("]", "close"),
    "lparen": ("(", "open"),
    "rparen": (")", "close"),
    "colon": (":", "punct"),
    "semicolon": (";", "punct"),
    "comma": (",", "punct"),
    "ldotp": (".", "ord"),
    "%": ("%", "ord"),
    "$": ("$", "ord"),
    "#": ("#", "ord"),
    "&": ("&", "ord"),
    "_": ("_", "ord"),
    "LaTeX": ("LaTeX", "text"),
    "TeX": ("TeX", "text"),
    "quad": (" ", "space"),
    "qquad": (" ", "space"),
    "enspace": (" ", "space"),
    "enskip": (" ", "space"),
    "thinspace": (" ", "space"),
    "medspace": (" ", "space"),
    "thickspace": (" ", "space"),
    "space": (" ", "space"),
    "nobreakspace": (" ", "space"),
    "hfill": (" ", "space"),
    "newline": (" ", "space"),
    ",": (" ", "space"),
    ":": (" ", "space"),
    ";": (" ", "space"),
    ">": (" ", "space"),
    " ": (" ", "space"),
    "\n": (" ", "space"),
    "\t": (" ", "space"),
}

# Signs written as themselves. ASCII first: its hyphen and quotes change their looks.
SIGNS: dict[str, tuple[str, Kind]] = {
    **{sign: (sign, kind) for sign, kind in SYMBOLS.values() if not sign.isascii()},
    "+": ("+", "bin"),
    "-": ("−", "bin"),
    "*": ("∗", "bin"),
    "=": ("=", "rel"),
    "<": ("<", "rel"),
    ">": (">", "rel"),
    "(": ("(", "open"),
    "[": ("[", "open"),
    ")": (")", "close"),
    "]": ("]", "close"),
    ",": (",", "punct"),
    ";": (";", "punct"),
    "|": ("|", "bar"),
    "~": (" ", "space"),
    "\u00a0": (" ", "space"),
    "−": ("−", "bin"),
    "，": (",", "punct"),
    "；": (";", "punct"),
    "。": (".", "ord"),
    "（": ("(", "open"),
    "）": (")", "close"),
    "⟨": ("⟨", "open"),
    "⟩": ("⟩", "close"),
    "‖": ("‖", "bar"),
}

# The combining mark of each accent, and the word that stands for it over more than one sign.
ACCENTS: dict[str, tuple[str, str]] = {
    "hat": ("\u0302", "hat"),
    "widehat": ("\u0302", "hat"),
    "check": ("\u030c", "check"),
    "widecheck": ("\u030c", "check"),
    "tilde": ("\u0303", "tilde"),
    "widetilde": ("\u0303", "tilde"),
    "acute": ("\u0301", "acute"),
    "grave": ("\u0300", "grave"),
    "dot": ("\u0307", "dot"),
    "ddot": ("\u0308", "ddot"),
    "dddot": ("\u20db", "dddot"),
    "ddddot": ("\u20dc", "ddddot"),
    "breve": ("\u0306", "breve"),
    "bar": ("\u0304", "bar"),
    "overline": ("\u0305", "bar"),
    "overbar": ("\u0305", "bar"),
    "vec": ("\u20d7", "vec"),
    "overrightarrow": ("\u20d7", "vec"),
    "overleftarrow": ("\u20d6", "overleftarrow"),
    "overleftrightarrow": ("\u20e1", "overleftrightarrow"),
    "mathring": ("\u030a", "ring"),
    "ring": ("\u030a", "ring"),
    "underline": ("\u0332", "underline"),
    "underbar": ("\u0332", "underline"),
    "utilde": ("\u0330", "utilde"),
    "uline": ("\u0332", "underline"),
}

# Accents of text mode (`\"o`): TeX's control symbols and letters.
TEXT_ACCENTS: dict[str, str] = {
    '"': "\u0308",
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c",
    "H": "\u030b",
    "c": "\u0327",
    "k": "\u0328",
    "r": "\u030a",
    "d": "\u0323",
    "b": "\u0331",
}

TEXT_LETTERS = _pairs("""
ss ß ae æ AE Æ oe œ OE Œ o ø O Ø l ł L Ł aa å AA Å i ı j ȷ dh ð DH Ð th þ TH Þ dj đ DJ Đ ng ŋ NG Ŋ
S § P ¶ dag † ddag ‡ copyright © pounds £ textendash – textemdash — ldots … dots … textellipsis …
textquoteleft ‘ textquoteright ’ textquotedblleft “ textquotedblright ” texttrademark ™
textregistered ® textdegree ° textmu µ
""")

ARROWS: dict[str, str] = _pairs("""
xrightarrow → xleftarrow ← xleftrightarrow ↔ xRightarrow ⇒ xLeftarrow ⇐ xLeftrightarrow ⇔
xmapsto ↦ xhookrightarrow ↪ xhookleftarrow ↩ xlongequal = xrightleftharpoons ⇌ xtwoheadrightarrow ↠
xtofrom ⇄ xrightharpoonup ⇀ xleftharpoonup ↼
""")

# Heights that have a sign of their own: \overset{\text{def}}{=} and the like.
STACKED: dict[tuple[str, str], str] = {
    ("=", "def"): "≝",
    ("=", "?"): "≟",
    ("=", "△"): "≜",
    ("=", "Δ"): "≜",
    ("=", "∘"): "≗",
    ("=", "⋆"): "≛",
    ("→", "~"): "⥲",
    ("→", "∼"): "⥲",
}

_SUPERSCRIPTS = (
    "0⁰1¹2²3³4⁴5⁵6⁶7⁷8⁸9⁹+⁺−⁻=⁼(⁽)⁾aᵃbᵇcᶜdᵈeᵉfᶠgᵍhʰiⁱjʲkᵏlˡmᵐnⁿoᵒpᵖrʳsˢtᵗuᵘvᵛwʷxˣyʸzᶻ"
    "AᴬBᴮDᴰEᴱGᴳHᴴIᴵJᴶKᴷLᴸMᴹNᴺOᴼPᴾRᴿTᵀUᵁVⱽWᵂβᵝγᵞδᵟθᶿχᵡ⊤ᵀ∗*′′″″††‡‡°°**"
)
_SUBSCRIPTS = "0₀1₁2₂3₃4₄5₅6₆7₇8₈9₉+₊−₋=₌(₍)₎aₐeₑhₕiᵢjⱼkₖlₗmₘnₙoₒpₚrᵣsₛtₜuᵤvᵥxₓβᵦγᵧρᵨχᵪ"
SUPERSCRIPTS = dict(zip(_SUPERSCRIPTS[::2], _SUPERSCRIPTS[1::2], strict=True))
SUBSCRIPTS = dict(zip(_SUBSCRIPTS[::2], _SUBSCRIPTS[1::2], strict=True))


def _alphabet(large: int, small: int | None, digits: int | None, holes: str) -> dict[str, str]:
    found = {chr(65 + n): chr(large + n) for n in range(26)}
    if small is not None:
        found |= {chr(97 + n): chr(small + n) for n in range(26)}
    if digits is not None:
        found |= {chr(48 + n): chr(digits + n) for n in range(10)}
    # Letters that Unicode had before the block of mathematical alphabets was made.
    return found | dict(zip(holes[::2], holes[1::2], strict=True))


ALPHABETS: dict[str, dict[str, str]] = {
    "bb": _alphabet(0x1D538, 0x1D552, 0x1D7D8, "CℂHℍNℕPℙQℚRℝZℤ"),
    "cal": _alphabet(0x1D49C, 0x1D4B6, None, "BℬEℰFℱHℋIℐLℒMℳRℛeℯgℊoℴ"),
    "frak": _alphabet(0x1D504, 0x1D51E, None, "CℭHℌIℑRℜZℨ"),
}

# Font commands: the alphabet they choose ("" keeps it), and whether they make bold.
FONTS: dict[str, tuple[str, bool]] = {
    **dict.fromkeys(("mathbb", "mathbbm", "mathds", "Bbb", "symbb", "bbold"), ("bb", False)),
    **dict.fromkeys(("mathcal", "mathscr", "cal", "scr", "symcal", "symscr"), ("cal", False)),
    **dict.fromkeys(("mathfrak", "frak", "symfrak"), ("frak", False)),
    **dict.fromkeys(("boldsymbol", "bm", "pmb", "boldmath", "symbfit", "mathbfit"), ("", True)),
    **dict.fromkeys(("mathbf", "bf", "symbf", "bfseries", "mathbfsf"), ("rm", True)),
    **dict.fromkeys(
        ("mathrm", "rm", "mathup", "mathsf", "sf", "mathtt", "tt", "symrm", "symup", "mathsfup",
         "upshape", "upright", "up", "rmfamily", "sffamily", "ttfamily", "symsf", "operatorfont"),
        ("rm", False),
    ),
    **dict.fromkeys(("mathit", "it", "mit", "mathnormal", "symit", "itshape"), ("it", False)),
    "mathbfcal": ("cal", True),
    "mathbfscr": ("cal", True),
}  # fmt: skip

# These change the rest of their group; the others take one argument.
SWITCHES = frozenset(
    "cal scr frak boldmath bf bfseries rm sf tt up upshape rmfamily sffamily ttfamily it mit"
    " itshape".split()
)

# What other packages define (physics, braket, KaTeX), in TeX of ours: argument count and body.
MACROS: dict[str, tuple[int, str]] = {
    **{name: (0, rf"\mathbb{{{name}}}") for name in "RNZQC"},
    "reals": (0, r"\mathbb{R}"),
    "Reals": (0, r"\mathbb{R}"),
    "natnums": (0, r"\mathbb{N}"),
    "cnums": (0, r"\mathbb{C}"),
    "ket": (1, r"\left|#1\right\rangle"),
    "Ket": (1, r"\left|#1\right\rangle"),
    "bra": (1, r"\left\langle#1\right|"),
    "Bra": (1, r"\left\langle#1\right|"),
    "braket": (1, r"\left\langle#1\right\rangle"),
    "Braket": (1, r"\left\langle#1\right\rangle"),
    "expval": (1, r"\left\langle#1\right\rangle"),
    "ketbra": (2, r"\left|#1\right\rangle\left\langle#2\right|"),
    "abs": (1, r"\left|#1\right|"),
    "norm": (1, r"\left\|#1\right\|"),
    "set": (1, r"\left\{#1\right\}"),
    "Set": (1, r"\left\{#1\right\}"),
    "floor": (1, r"\left\lfloor#1\right\rfloor"),
    "ceil": (1, r"\left\lceil#1\right\rceil"),
    "inner": (2, r"\left\langle#1,#2\right\rangle"),
    "dv": (2, r"\frac{d#1}{d#2}"),
    "pdv": (2, r"\frac{\partial#1}{\partial#2}"),
    "dd": (0, r"\mathrm{d}"),
    "pmod": (1, r"\ (\mathrm{mod}\ #1)"),
    "pod": (1, r"\ (#1)"),
    "SI": (2, r"#1\ \mathrm{#2}"),
    "si": (1, r"\mathrm{#1}"),
    "num": (1, "#1"),
    "unit": (1, r"\mathrm{#1}"),
    "sfrac": (2, r"\frac{#1}{#2}"),
    "nicefrac": (2, r"\frac{#1}{#2}"),
    "flatfrac": (2, r"\frac{#1}{#2}"),
}
