// An installation's own folder for a test: siteOf({ 'policy/names.lua': '...' }). Give its `env` to
// the portal; write and remove files as an admin does, as a whole.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { DEPLOYER, temporary, top } from './harness.mjs'

export function siteOf(files = {}) {
  const path = temporary('site')
  const site = {
    path,
    env: { SITE_DIR: path },
    write(file, text) {
      const target = join(path, file)
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(`${target}.new~`, text)
      renameSync(`${target}.new~`, target)
    },
    remove: (file) => rmSync(join(path, file)),
    // What `deployer --check` says of it: its exit status and its output.
    check(env = {}) {
      const { status, stdout, stderr } = spawnSync(DEPLOYER, ['--root', top, '--check'], {
        env: { PATH: process.env.PATH, DATA_DIR: temporary('check'), ...site.env, ...env },
        encoding: 'utf8',
      })
      return { status, text: stdout + stderr }
    },
  }
  for (const [file, text] of Object.entries(files)) site.write(file, text)
  return site
}

// Makes one edit, which the portal notices by itself, and resolves when it is in force: then its
// version has the highest number.
export async function putInForce(portal, edit) {
  const activated = ({ event }) => event === 'site.activated'
  const before = Math.max(0, ...portal.log.filter(activated).map(({ number }) => number))
  edit()
  await portal.logged((line) => activated(line) && line.number > before, 'the edit is in force')
}

// A step that makes another project in Dokploy, which stands for anything made elsewhere.
export const zone = `
local try = require("lib.base.attempt").try
return {
  after = "settings", kind = "zone", deadline = 30,
  title = { en = "Making the zone", nl = "De zone maken", ar = "إنشاء النطاق" },
  make = function(ctx)
    local body = { name = "zone-" .. ctx.name, description = "zone of " .. ctx.name, env = "" }
    local made, message, code, info = ctx.dokploy:call("project.create", body)
    if not made then return nil, message, code, info end
    return { id = made.project.projectId }
  end,
  find = function(ctx)
    local found = try(ctx.dokploy:projects_described("zone of " .. ctx.name))
    return found[1] and { id = found[1].projectId } or false
  end,
  undo = function(ctx, resource)
    local _, message, code = ctx.dokploy:call("project.remove", { projectId = resource.id })
    if message and code ~= "not_found" then return nil, message, code end
    return true
  end,
}
`
