// What digestd needs of MathJax, as functions of the global object. Built by
// `npm install && npm run build` in this folder; README.md says what is built from what.

import { mathjax } from "mathjax-full/js/mathjax.js";
import { TeX } from "mathjax-full/js/input/tex.js";
import { SVG } from "mathjax-full/js/output/svg.js";
import { liteAdaptor } from "mathjax-full/js/adaptors/liteAdaptor.js";
import { RegisterHTMLHandler } from "mathjax-full/js/handlers/html.js";
import { SerializedMmlVisitor } from "mathjax-full/js/core/MmlTree/SerializedMmlVisitor.js";
import { STATE } from "mathjax-full/js/core/MathItem.js";

import "mathjax-full/js/input/tex/base/BaseConfiguration.js";
import "mathjax-full/js/input/tex/ams/AmsConfiguration.js";
import "mathjax-full/js/input/tex/amscd/AmsCdConfiguration.js";
import "mathjax-full/js/input/tex/bbox/BboxConfiguration.js";
import "mathjax-full/js/input/tex/boldsymbol/BoldsymbolConfiguration.js";
import "mathjax-full/js/input/tex/braket/BraketConfiguration.js";
import "mathjax-full/js/input/tex/cancel/CancelConfiguration.js";
import "mathjax-full/js/input/tex/cases/CasesConfiguration.js";
import "mathjax-full/js/input/tex/centernot/CenternotConfiguration.js";
import "mathjax-full/js/input/tex/colorv2/ColorV2Configuration.js";
import "mathjax-full/js/input/tex/configmacros/ConfigMacrosConfiguration.js";
import "mathjax-full/js/input/tex/empheq/EmpheqConfiguration.js";
import "mathjax-full/js/input/tex/enclose/EncloseConfiguration.js";
import "mathjax-full/js/input/tex/extpfeil/ExtpfeilConfiguration.js";
import "mathjax-full/js/input/tex/gensymb/GensymbConfiguration.js";
import "mathjax-full/js/input/tex/mathtools/MathtoolsConfiguration.js";
import "mathjax-full/js/input/tex/mhchem/MhchemConfiguration.js";
import "mathjax-full/js/input/tex/newcommand/NewcommandConfiguration.js";
import "mathjax-full/js/input/tex/textcomp/TextcompConfiguration.js";
import "mathjax-full/js/input/tex/textmacros/TextMacrosConfiguration.js";
import "mathjax-full/js/input/tex/unicode/UnicodeConfiguration.js";
import "mathjax-full/js/input/tex/upgreek/UpgreekConfiguration.js";
import "mathjax-full/js/input/tex/verb/VerbConfiguration.js";

// No `html` and no `require`: links, ids and loading are not for strangers. No
// `noundefined`, which would draw an unknown command in red: that is refused.
const PACKAGES = [
  "base", "ams", "amscd", "bbox", "boldsymbol", "braket", "cancel", "cases", "centernot",
  "colorv2", "configmacros", "empheq", "enclose", "extpfeil", "gensymb", "mathtools", "mhchem",
  "newcommand", "textcomp", "textmacros", "unicode", "upgreek", "verb",
];

const adaptor = liteAdaptor();
RegisterHTMLHandler(adaptor);
const output = new SVG({ fontCache: "none" });
const visitor = new SerializedMmlVisitor();
let fromTex;
let ownMacros = {};

// What one formula defines must not change the next, which may be a stranger's.
const DEFINES =
  /\\(?:[gex]?def|let|newcommand|renewcommand|providecommand|newenvironment|renewenvironment|Declare|New|mathtoolsset|newtagform|renewtagform|usetagform)/;

function input(macros) {
  return new TeX({
    packages: PACKAGES,
    macros,
    multlineWidth: "30em", // of a mail's column
    formatError: (_, error) => { throw new Error(`TexError: ${error.message}`); },
  });
}

// `macros`: {name: [body, argument count]}. Those that MathJax has itself stay as they are.
globalThis.setUp = (macros) => {
  const known = input({}).parseOptions.handlers.get("macro");
  const missing = Object.entries(JSON.parse(macros)).filter(([name]) => !known.lookup(name));
  ownMacros = Object.fromEntries(missing);
  forget();
};

function forget() {
  fromTex = mathjax.document("", { InputJax: input(ownMacros), OutputJax: output });
}

function withTex(tex, work) {
  try {
    return work();
  } finally {
    if (DEFINES.test(tex)) forget();
  }
}

// Returns the SVG of a formula. Throws for a broken one.
globalThis.drawTex = (tex, display, em, containerWidth) =>
  withTex(tex, () =>
    adaptor.innerHTML(fromTex.convert(tex, { display, em, ex: em * 0.431, containerWidth })));

// Returns the MathML of a formula in LaTeX.
globalThis.mathmlOf = (tex, display) =>
  withTex(tex, () => visitor.visitTree(fromTex.convert(tex, { display, end: STATE.CONVERT })));
