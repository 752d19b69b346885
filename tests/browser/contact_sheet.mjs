// Shoots every state of the page, in each language, on a phone and a desktop, light and dark, into
// one sheet: build/contact-sheet/index.html. SCENES=pattern and LANGUAGES=ar shoot fewer.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { adminScenes } from './admin_scenes.mjs'
import { LANGUAGES } from './browser_fixture.mjs'
import { play, scenes, startStage } from './scenes.mjs'

const folder = process.argv[2] ?? 'build/contact-sheet'
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1100, height: 800 } }
const isWanted = new RegExp(process.env.SCENES ?? '')
const admin = Object.entries(adminScenes).map(([id, scene]) => [`admin-${id}`, scene])
const wanted = [...Object.entries(scenes), ...admin].filter(([id]) => isWanted.test(id))
const languages = LANGUAGES.filter((code) => (process.env.LANGUAGES ?? code).includes(code))

async function shoot(page, name) {
  const files = []
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    await page.evaluate(() => scrollTo(0, 0)) // sticky elements would be in the middle
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      const file = `${name}-${size}-${colorScheme}.png`
      await page.screenshot({ path: `${folder}/${file}`, fullPage: true, animations: 'disabled' })
      files.push({ file, width: viewport.width })
    }
  }
  return files
}

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
const image = ({ file, width }) => `<a href="${file}"><img src="${file}" alt="${file}"
 width="${Math.round(width / 3)}" loading="lazy"></a>`
const section = ({ state, language, files }) =>
  `<section><h2>${escape(state)} · ${language}</h2>${files.map(image).join('\n')}</section>`
const sheet = (rows) => `<!doctype html><meta charset="utf-8"><title>Contact sheet</title>
<style>body{font:14px system-ui;margin:2rem;background:#888}section{margin-block-end:2rem}
img{vertical-align:top;margin:4px}</style>
${rows.map(section).join('\n')}`

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const fixture = await startStage()
const rows = []
try {
  for (const [id, scene] of wanted) {
    for (const language of languages) {
      await play(fixture, id, scene, language, async (state, page) => {
        const name = `${String(rows.length + 1).padStart(3, '0')}-${id}-${language}`
        rows.push({ state, language, files: await shoot(page, name) })
        console.log(`${state} · ${language}`)
      })
    }
  }
} finally {
  writeFileSync(`${folder}/index.html`, sheet(rows))
  await fixture.stop().catch((error) => console.error(error.message))
}
console.log(`contact sheet: ${folder}/index.html, ${rows.length} states`)
