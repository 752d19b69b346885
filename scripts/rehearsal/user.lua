--- user.* and organization.*
local errors = require "rehearsal.errors"
local json = require "core.json"
local keys = require "rehearsal.keys"
local model = require "rehearsal.model"
local people = require "rehearsal.people"
local procedures = require "rehearsal.procedures"
local rows = require "rehearsal.rows"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local null = json.null

local function shown_member(member)
  local shown = rows.show(member)
  if not version.new() then shown.accessedGitProviders, shown.accessedServers = nil, nil end
  return shown
end

local function shown_key(key)
  if version.new() then return rows.pick(key, "id name prefix enabled expiresAt createdAt") end
  local shown = rows.show(key, { userId = key.referenceId, key = "hash-of-the-key" })
  shown.configId, shown.referenceId = nil, nil
  shown.metadata = json.encode { organizationId = key._organization }
  return shown
end

local function shown_user(member)
  local user = {
    id = member.userId, firstName = member._name, lastName = member._last_name, email = member._email, image = null,
    allowImpersonation = false, twoFactorEnabled = false, stripeCustomerId = null, stripeSubscriptionId = null, serversQuantity = 0,
    apiKeys = rows.list(keys.of(member), shown_key),
  }
  if version.new() then
    user.isEnterpriseCloud, user.sendInvoiceNotifications = false, false
    return user
  end
  local older = {
    isRegistered = false, expirationDate = member.createdAt, createdAt2 = member.createdAt, createdAt = member.createdAt,
    emailVerified = false, banned = null, banReason = null, banExpires = null, updatedAt = member.createdAt, role = "user",
    enablePaidFeatures = false,
  }
  for name, value in pairs(older) do user[name] = value end
  return user
end

procedures.query("user.get", {}, function(_, who)
  local shown = shown_member(who)
  shown.user = shown_user(who)
  return shown
end)

procedures.query("organization.all", {}, function(_, who)
  return rows.list(model.list "organization", function(organization)
    local shown = rows.show(organization, { members = rows.list({ who }, shown_member) })
    if not version.new() then shown.defaultRole = nil end
    return shown
  end)
end)

local key_input = {
  name = v.text { min_new = 1, max_new = 32, max_message = "Name must be at most 32 characters" },
  prefix = v.text { optional = true },
  expiresIn = v.number { optional = true },
  metadata = v.object {},
  rateLimitEnabled = v.flag { optional = true },
  rateLimitTimeWindow = v.number { optional = true },
  rateLimitMax = v.number { optional = true },
  remaining = v.number { optional = true },
  refillAmount = v.number { optional = true },
  refillInterval = v.number { optional = true },
}

local function check_key(input, who)
  local function refuse(message)
    errors.raise("INTERNAL_SERVER_ERROR", message)
  end
  if input.metadata.organizationId ~= who.organizationId then errors.raise("FORBIDDEN", "You are not a member of this organization") end
  if #input.name > 32 then refuse "The name length is either too large or too small." end
  if input.expiresIn and input.expiresIn < 86400 then refuse "The expiresIn is smaller than the predefined minimum value." end
end

procedures.mutation("user.createApiKey", key_input, function(input, who)
  check_key(input, who)
  local key = keys.make(who, input)
  local shown = rows.show(key, { key = key._text })
  if not version.new() then
    shown.userId, shown.referenceId, shown.configId = key.referenceId, nil, nil
  end
  return shown
end)

procedures.mutation("user.deleteApiKey", { apiKeyId = v.text {} }, function(input)
  keys.delete(input.apiKeyId)
  return true
end)

local member_input = { email = v.text {}, password = v.text {}, role = v.text {} }

procedures.mutation("user.createUserWithCredentials", member_input, function(input)
  local member = people.add(input.role, input.email)
  return { userId = member.userId, email = input.email, role = input.role }
end, { new = true })

local function each(text, set)
  for word in text:gmatch "%S+" do set(word) end
end

local function assignment()
  local input = { id = v.text {} }
  each("accessedProjects accessedEnvironments accessedServices", function(name) input[name] = v.list {} end)
  each("accessedGitProviders accessedServers", function(name) input[name] = v.list { nonoptional = "new" } end)
  each([[canCreateProjects canCreateServices canDeleteProjects canDeleteServices canAccessToDocker canAccessToTraefikFiles canAccessToAPI
    canAccessToSSHKeys canAccessToGitProviders canDeleteEnvironments canCreateEnvironments]], function(name) input[name] = v.flag {} end)
  return input
end

procedures.mutation("user.assignPermissions", assignment(), function(input)
  local member = people.by_user(input.id) or errors.not_found "User"
  people.assign(member, input)
end)

return true
