// A QR code of up to 106 bytes: always version 5, error correction L, mask 0, so that its whole plan is known beforehand.
const SIZE = 37, DATA = 108, CHECK = 26, FORMAT = 0b111011111000100;

// Reed-Solomon over GF(256): the remainder of the data divided by the generator of 26 roots.
function checkWords(data) {
  const power = new Uint8Array(512), log = new Uint8Array(256);
  for (let i = 0, x = 1; i < 255; i++) {
    power[i] = power[i + 255] = x;
    log[x] = i;
    x = x & 128 ? (x << 1) ^ 285 : x << 1;
  }
  const times = (a, b) => (a && b ? power[log[a] + log[b]] : 0);
  let generator = [1];
  for (let i = 0; i < CHECK; i++) {
    generator = [...generator, 0].map((word, at) => word ^ times(generator[at - 1] ?? 0, power[i]));
  }
  const rest = [...data, ...new Uint8Array(CHECK)];
  for (let i = 0; i < data.length; i++) {
    const factor = rest[i];
    generator.forEach((word, at) => { rest[i + at] ^= times(word, factor); });
  }
  return rest.slice(data.length);
}

// Byte mode, the length, the bytes, an end, and filling.
function codewords(bytes) {
  const nibbles = [4, bytes.length >> 4, bytes.length & 15, ...[...bytes].flatMap((byte) => [byte >> 4, byte & 15]), 0];
  const words = [];
  for (let i = 0; i < nibbles.length; i += 2) words.push((nibbles[i] << 4) | (nibbles[i + 1] ?? 0));
  for (let pad = 236; words.length < DATA; pad ^= 253) words.push(pad);
  return [...words, ...checkWords(words)];
}

// What is the same in every code of this version: finders, timing, the alignment mark, the format.
function frame() {
  const grid = Array.from({ length: SIZE }, () => new Array(SIZE));
  const put = (x, y, dark) => { if (x >= 0 && y >= 0 && x < SIZE && y < SIZE) grid[y][x] = Boolean(dark); };
  for (let i = 8; i < SIZE - 8; i++) { put(i, 6, i % 2 === 0); put(6, i, i % 2 === 0); }
  const square = (cx, cy, reach, isDark) => {
    for (let y = -reach; y <= reach; y++) for (let x = -reach; x <= reach; x++) put(cx + x, cy + y, isDark(Math.max(Math.abs(x), Math.abs(y))));
  };
  for (const [x, y] of [[3, 3], [SIZE - 4, 3], [3, SIZE - 4]]) square(x, y, 4, (far) => far !== 2 && far !== 4);
  square(30, 30, 2, (far) => far !== 1);
  for (let i = 0; i < 15; i++) {
    const bit = (FORMAT >> i) & 1;
    put(8, i < 6 ? i : i < 8 ? i + 1 : SIZE - 15 + i, bit);
    put(i < 8 ? SIZE - 1 - i : i < 9 ? 7 : 14 - i, 8, bit);
  }
  put(8, SIZE - 8, 1);
  return grid;
}

/** The rows of the code, each an array of dark (true) and light; undefined when the text is too long. */
export function qr(text) {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > DATA - 2) return undefined;
  const bits = codewords(bytes).flatMap((word) => [7, 6, 5, 4, 3, 2, 1, 0].map((shift) => (word >> shift) & 1));
  const grid = frame();
  let next = 0;
  for (let right = SIZE - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5; // the timing column
    for (let i = 0; i < SIZE; i++) {
      const y = up ? SIZE - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (grid[y][x] === undefined) grid[y][x] = Boolean((bits[next++] ?? 0) ^ ((x + y) % 2 === 0));
      }
    }
  }
  return grid;
}

/** The same as an <svg>, with its quiet zone; dark on white in every theme, as cameras want it. */
export function picture(text, label) {
  const grid = qr(text);
  if (!grid) return null;
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  const dots = grid.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : "")));
  for (const [name, value] of Object.entries({ viewBox: `-4 -4 ${SIZE + 8} ${SIZE + 8}`, class: "qr", role: "img", "aria-label": label })) {
    svg.setAttribute(name, value);
  }
  path.setAttribute("d", dots.join(""));
  svg.append(path);
  return svg;
}
