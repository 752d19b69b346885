// Draws the pixel images of www/ from the logo in www/icon.svg: the picture beside a link to the
// portal (card.png), the icon for a phone's home screen (touch.png), the icon for browsers that
// take no SVG (favicon.ico). No words but the name: they are seen in every language.
import { readFileSync, writeFileSync } from 'node:fs'
import { launch } from './browser_fixture.mjs'

const www = new URL('../../www/', import.meta.url)
const logo = readFileSync(new URL('icon.svg', www), 'utf8')
const bare = logo.replace(/<rect[^>]*>/, '')
const square = logo.replace(/ rx="\d+"/, '')

const card = `<style>
body {
  margin: 0; width: 1200px; height: 630px; background: #0b5b4a; color: #fff;
  font-family: "DejaVu Sans"; display: grid; place-content: center; justify-items: center;
}
svg { width: 190px; height: 190px; margin-bottom: 22px; }
h1 { margin: 0; font: 700 76px "Liberation Sans"; letter-spacing: -1.5px; }
p {
  margin: 46px 0 0; padding: 22px 40px; border-radius: 999px; background: #08473a;
  font: 34px "DejaVu Sans Mono"; color: #bfe9da;
}
b { font-weight: 400; color: #fff; }
</style>${bare}<h1>AI Stack Deployer</h1><p>https://<b>anna</b>.ai.example.com</p>`
const icon = (svg, size) => `<style>
body { margin: 0 } svg { display: block; width: ${size}px; height: ${size}px }
</style>${svg}`

const browser = await launch()

async function draw(html, width, height = width) {
  const page = await browser.newPage({ viewport: { width, height } })
  await page.setContent(html)
  const png = await page.screenshot({ omitBackground: true })
  await page.close()
  return png
}

// The ICO container: the number of images, then the size and the position of each.
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.length)
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(images.length, 4)
  let position = head.length
  images.forEach(({ size, png }, i) => {
    const entry = head.subarray(6 + 16 * i)
    entry[0] = size
    entry[1] = size
    entry.writeUInt16LE(1, 4)
    entry.writeUInt16LE(32, 6)
    entry.writeUInt32LE(png.length, 8)
    entry.writeUInt32LE(position, 12)
    position += png.length
  })
  return Buffer.concat([head, ...images.map(({ png }) => png)])
}

const icons = []
for (const size of [16, 32, 48]) icons.push({ size, png: await draw(icon(logo, size), size) })
const files = {
  'card.png': await draw(card, 1200, 630),
  'touch.png': await draw(icon(square, 180), 180),
  'favicon.ico': ico(icons),
}
for (const [name, bytes] of Object.entries(files)) {
  writeFileSync(new URL(name, www), bytes)
  console.log(`${name}: ${bytes.length} bytes`)
}
await browser.close()
