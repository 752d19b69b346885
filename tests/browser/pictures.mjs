// Draws what www/ has in pixels, from the logo of www/icon.svg: the picture beside a link to the portal (card.png), the icon of a phone's
// home screen (touch.png), the icon of browsers that take no SVG (favicon.ico). No words but the name: it is seen in every language.
import { readFileSync, writeFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

const www = new URL('../../www/', import.meta.url)
const logo = readFileSync(new URL('icon.svg', www), 'utf8')
const bare = logo.replace(/<rect[^>]*>/, '')
const square = logo.replace(/ rx="\d+"/, '')

const card = `<style>
body { margin: 0; width: 1200px; height: 630px; background: #0b5b4a; color: #fff; font-family: "DejaVu Sans"; display: grid; place-content: center; justify-items: center; }
svg { width: 190px; height: 190px; margin-bottom: 22px; }
h1 { margin: 0; font: 700 76px "Liberation Sans"; letter-spacing: -1.5px; }
p { margin: 46px 0 0; padding: 22px 40px; border-radius: 999px; background: #08473a; font: 34px "DejaVu Sans Mono"; color: #bfe9da; }
b { font-weight: 400; color: #fff; }
</style>${bare}<h1>AI Stack Deployer</h1><p>https://<b>anna</b>.ai.example.com</p>`
const icon = (svg, size) => `<style>body { margin: 0 } svg { display: block; width: ${size}px; height: ${size}px }</style>${svg}`

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
async function draw(html, width, height = width) {
  const page = await browser.newPage({ viewport: { width, height } })
  await page.setContent(html)
  const png = await page.screenshot({ omitBackground: true })
  await page.close()
  return png
}

// The container: how many pictures, and of each its size, and where it is.
function ico(pictures) {
  const head = Buffer.alloc(6 + 16 * pictures.length)
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(pictures.length, 4)
  let at = head.length
  pictures.forEach(({ size, png }, i) => {
    const entry = head.subarray(6 + 16 * i)
    entry[0] = entry[1] = size
    entry.writeUInt16LE(1, 4)
    entry.writeUInt16LE(32, 6)
    entry.writeUInt32LE(png.length, 8)
    entry.writeUInt32LE(at, 12)
    at += png.length
  })
  return Buffer.concat([head, ...pictures.map(({ png }) => png)])
}

const small = await Promise.all([16, 32, 48].map(async (size) => ({ size, png: await draw(icon(logo, size), size) })))
for (const [name, bytes] of Object.entries({ 'card.png': await draw(card, 1200, 630), 'touch.png': await draw(icon(square, 180), 180), 'favicon.ico': ico(small) })) {
  writeFileSync(new URL(name, www), bytes)
  console.log(`${name}: ${bytes.length} bytes`)
}
await browser.close()
