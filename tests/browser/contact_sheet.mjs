// Shoots every state of the page, in each language, on a phone and a desktop, in light and dark, into one sheet to look at:
// build/contact-sheet/index.html. STATES=pattern and LANGUAGES=ar shoot fewer.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { LANGUAGES } from './browser.mjs'
import { inEach, openStage, states } from './states.mjs'

const folder = process.argv[2] ?? 'build/contact-sheet'
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1100, height: 800 } }
const wanted = Object.entries(states).filter(([name]) => new RegExp(process.env.STATES ?? '').test(name))
const languages = LANGUAGES.filter((language) => (process.env.LANGUAGES ?? language).includes(language))

async function shoot(page, name) {
  const files = []
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    await page.evaluate(() => scrollTo(0, 0)) // what sticks to the window's edge would stand in the middle
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      const file = `${name}-${size}-${colorScheme}.png`
      // Over a page that is taller than the window a question would stand in its upper part only.
      await page.screenshot({ path: `${folder}/${file}`, fullPage: !await page.isVisible('dialog[open]'), animations: 'disabled' })
      files.push({ file, width: viewport.width })
    }
  }
  return files
}

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
const figure = ({ file, width }) => `<a href="${file}"><img src="${file}" width="${Math.round(width / 3)}" loading="lazy" alt="${file}"></a>`
const row = ({ name, language, files }) => `<section><h2>${escape(name)} · ${language}</h2>${files.map(figure).join('\n')}</section>`
const sheet = (rows) => `<!doctype html><meta charset="utf-8"><title>Contact sheet</title>
<style>body{font:14px system-ui;margin:2rem;background:#888}section{margin-block-end:2rem}img{vertical-align:top;margin:4px}</style>
${rows.map(row).join('\n')}`

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const desk = await openStage()
const rows = []
try {
  for (const [number, [name, state]] of wanted.entries()) {
    await inEach(desk, state, languages, number + 1, async ({ page, language }) => {
      rows.push({ name, language, files: await shoot(page, `${String(number + 1).padStart(2, '0')}-${language}`) })
      console.log(`${name} · ${language}`)
    })
  }
} finally {
  writeFileSync(`${folder}/index.html`, sheet(rows))
  await desk.close().catch((error) => console.error(error.message))
}
console.log(`contact sheet: ${folder}/index.html, ${rows.length} states`)
