// QR codes, by lean-qr. Loaded when a code is asked for.
import { generate } from "./lean-qr.js";
import { svg } from "./dom.js";
import { t } from "./text.js";

const MARGIN = 4; // the quiet zone that the standard asks for

/** A text as a QR code: dark on white in every colour scheme, as cameras expect. */
export function picture(text) {
  const code = generate(text);
  let path = "";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) path += `M${x} ${y}h1v1h-1z`;
  }
  const side = code.size + 2 * MARGIN;
  return svg("svg", {
    viewBox: `${-MARGIN} ${-MARGIN} ${side} ${side}`, class: "qr", role: "img",
    "aria-label": t("live.qr"),
  }, svg("path", { d: path }));
}
