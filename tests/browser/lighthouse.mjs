// Lighthouse's marks for the page, as a phone on a slow network sees it, in each language. Fails below the house's measure.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { startAll } from '../http/harness.mjs'
import { LANGUAGES } from './browser.mjs'

const folder = process.argv[2] ?? 'build/lighthouse'
const least = { performance: 98, accessibility: 100, 'best-practices': 100, seo: 100 }
const chrome = '--headless=new --no-sandbox --disable-gpu --disable-component-update --no-first-run'

mkdirSync(folder, { recursive: true })
const world = await startAll()
let short = 0
try {
  for (const language of LANGUAGES) {
    const file = `${folder}/${language}`
    execFileSync('npx', ['--yes', process.env.LIGHTHOUSE ?? 'lighthouse', `${world.portal.url}/?lang=${language}`, '--quiet', `--chrome-flags=${chrome}`,
      '--output=json', '--output=html', `--output-path=${file}`], { env: { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? '/usr/bin/chromium' }, stdio: 'inherit' })
    const { categories, audits } = JSON.parse(readFileSync(`${file}.report.json`, 'utf8'))
    for (const [name, minimum] of Object.entries(least)) {
      const mark = Math.round(categories[name].score * 100)
      if (mark < minimum) short++
      console.log(`${language}  ${name.padEnd(15)} ${mark}${mark < minimum ? `  below ${minimum}` : ''}`)
      for (const { id } of categories[name].auditRefs) {
        const { score, title, scoreDisplayMode } = audits[id]
        if (mark < minimum && score !== null && score < 0.9 && scoreDisplayMode !== 'informative') console.log(`      ${id}: ${title}`)
      }
    }
  }
} finally {
  await world.stop()
}
process.exitCode = short > 0 ? 1 : 0
