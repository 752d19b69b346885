--- application.save* and application.update: what is stored now and applied at the next deployment
local application = require "rehearsal.application"
local errors = require "rehearsal.errors"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local function set(found, input, names)
  for _, name in ipairs(names) do
    if input[name] ~= nil then found[name] = input[name] end
  end
  model.touch(found)
end

local provider_input = {
  dockerImage = v.text { nonoptional = "new", null = true },
  applicationId = v.text {},
  username = v.text { nonoptional = "new", null = true },
  password = v.text { nonoptional = "new", null = true },
  registryUrl = v.text { nonoptional = "new", null = true },
}

-- It also resets the status, even while the container runs.
procedures.mutation("application.saveDockerProvider", provider_input, function(input)
  local found = application.find(input.applicationId)
  set(found, input, { "dockerImage", "username", "password", "registryUrl" })
  found.sourceType, found.applicationStatus = "docker", "idle"
  return true
end)

local environment_input = {
  applicationId = v.text {},
  env = v.text { nonoptional = "new", null = true },
  buildArgs = v.text { nonoptional = "new", null = true },
  buildSecrets = v.text { nonoptional = "new", null = true },
  createEnvFile = v.flag { nonoptional = "new", null = true },
}

procedures.mutation("application.saveEnvironment", environment_input, function(input)
  local found = application.find(input.applicationId)
  set(found, input, { "env", "buildArgs", "buildSecrets" })
  if input.createEnvFile ~= nil then found.createEnvFile = input.createEnvFile == true end
  return true
end)

local function keys(text)
  local set_of = {}
  for word in text:gmatch "%S+" do set_of[word] = true end
  return set_of
end

local update_config = keys "Parallelism Delay FailureAction Monitor MaxFailureRatio Order"

--- Fields of an update that are objects, with the keys that they may have (nil: any).
local objects = {
  healthCheckSwarm = keys "Test Interval Timeout StartPeriod Retries",
  restartPolicySwarm = keys "Condition Delay MaxAttempts Window",
  placementSwarm = keys "Constraints Preferences MaxReplicas Platforms",
  updateConfigSwarm = update_config,
  rollbackConfigSwarm = update_config,
  modeSwarm = keys "Replicated Global ReplicatedJob GlobalJob",
  endpointSpecSwarm = keys "Mode Ports",
}

--- The other fields, by type.
local by_type = {
  { v.text { optional = true, null = true }, [[ description env previewEnv previewBuildArgs previewBuildSecrets previewWildcard previewPath
    previewCustomCertResolver buildArgs buildSecrets memoryReservation memoryLimit cpuReservation cpuLimit title subtitle command
    refreshToken repository owner branch buildPath triggerType gitlabRepository gitlabOwner gitlabBranch gitlabBuildPath gitlabPathNamespace
    giteaRepository giteaOwner giteaBranch giteaBuildPath bitbucketRepository bitbucketOwner bitbucketBranch bitbucketBuildPath username
    password dockerImage registryUrl customGitUrl customGitBranch customGitBuildPath customGitSSHKeyId dockerfile dockerContextPath
    dockerBuildStage dropBuildPath railpackVersion herokuVersion publishDirectory registryId rollbackRegistryId githubId gitlabId giteaId
    bitbucketId buildServerId buildRegistryId ]] },
  { v.text { optional = true, null = true, new = true }, "icon bitbucketRepositorySlug" },
  { v.text { optional = true }, "createdAt environmentId" },
  { v.number { optional = true, null = true, coerce = true }, "previewPort previewLimit gitlabProjectId" },
  { v.number { optional = true, coerce = true }, "replicas" },
  { v.flag { optional = true, null = true }, [[ isPreviewDeploymentsActive previewRequireCollaboratorPermissions rollbackActive enabled
    cleanCache autoDeploy isStaticSpa ]] },
  { v.flag { optional = true }, "previewHttps enableSubmodules createEnvFile" },
  { v.flag { optional = true, new = true }, "detachDokployNetwork" },
  { v.list { optional = true, null = true }, "watchPaths previewLabels args networkSwarm" },
  { v.list { optional = true, null = true, new = true }, "ulimitsSwarm networkIds" },
  { v.object { optional = true, null = true }, "labelsSwarm" },
  { v.bigint { optional = true, null = true }, "stopGracePeriodSwarm" },
}

local function update_fields()
  local fields = {
    applicationId = v.text {},
    name = v.text { optional = true, min = 1 },
    applicationStatus = v.choice { optional = true, values = { "idle", "running", "done", "error" } },
    sourceType = v.choice { optional = true, values = { "github", "docker", "git", "gitlab", "bitbucket", "gitea", "drop" } },
    buildType = v.choice { optional = true,
      values = { "dockerfile", "heroku_buildpacks", "paketo_buildpacks", "nixpacks", "static", "railpack" } },
    previewCertificateType = v.choice { optional = true, values = { "letsencrypt", "none", "custom" } },
  }
  for _, group in ipairs(by_type) do
    for name in group[2]:gmatch "%S+" do fields[name] = group[1] end
  end
  for name, allowed in pairs(objects) do fields[name] = v.object { optional = true, null = true, keys = allowed } end
  return fields
end

local function names_of(input)
  local names = {}
  for name in pairs(input) do
    if name ~= "applicationId" then names[#names + 1] = name end
  end
  return names
end

procedures.mutation("application.update", update_fields(), function(input)
  local found = model.get("application", input.applicationId)
  if not found and version.new() then errors.bad "Error updating application" end
  found = application.find(input.applicationId)
  local names = names_of(input)
  if #names == 0 then errors.raise("INTERNAL_SERVER_ERROR", "No values to set") end
  set(found, input, names)
  return true
end)

procedures.mutation("application.refreshToken", { applicationId = v.text {} }, function(input)
  set(application.find(input.applicationId), { refreshToken = model.id() }, { "refreshToken" })
  return true
end)

return true
