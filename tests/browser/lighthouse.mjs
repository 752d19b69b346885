// Lighthouse's scores for the start page on a phone with a slow network, in each language. Fails
// below the project's minimum.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { startAll } from '../http/harness.mjs'
import { LANGUAGES } from './browser_fixture.mjs'

const folder = process.argv[2] ?? 'build/lighthouse'
const minimum = { performance: 98, accessibility: 100, 'best-practices': 100, seo: 100 }
const flags = '--headless=new --no-sandbox --disable-gpu --disable-component-update --no-first-run'

function measure(url, path) {
  const program = process.env.LIGHTHOUSE ?? 'lighthouse'
  const env = { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? '/usr/bin/chromium' }
  execFileSync('npx', ['--yes', program, url, '--quiet', `--chrome-flags=${flags}`,
    '--output=json', '--output=html', `--output-path=${path}`], { env, stdio: 'inherit' })
  return JSON.parse(readFileSync(`${path}.report.json`, 'utf8'))
}

const isFault = ({ score, scoreDisplayMode }) =>
  score !== null && score < 0.9 && scoreDisplayMode !== 'informative'

mkdirSync(folder, { recursive: true })
const world = await startAll()
try {
  for (const language of LANGUAGES) {
    const url = `${world.portal.url}/?lang=${language}`
    const { categories, audits } = measure(url, `${folder}/${language}`)
    for (const [name, least] of Object.entries(minimum)) {
      const score = Math.round(categories[name].score * 100)
      console.log(`${language}  ${name.padEnd(15)} ${score}`)
      if (score >= least) continue
      console.log(`      below ${least}`)
      process.exitCode = 1
      const faults = categories[name].auditRefs.map(({ id }) => audits[id]).filter(isFault)
      for (const { id, title } of faults) console.log(`      ${id}: ${title}`)
    }
  }
} finally {
  await world.stop()
}
