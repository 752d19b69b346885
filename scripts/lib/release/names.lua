--- The words by which the portal knows itself in Dokploy.
local json = require "core.json"
local names = {}

local HISTORY = "AI Stack Deployer, the portal. Good releases: "

--- The description of the portal's project, by which it is found.
function names.mark(name) return "ai-stack-deployer portal=" .. name end

--- What a release is called when nobody says: the image's tag. nil of an image by digest or without a tag.
function names.word_of(image)
  if type(image) ~= "string" or image:find("@", 1, true) then return nil end
  return image:match(":([%w._-]+)$")
end

function names.description(list) return HISTORY .. list end

--- The list that a description holds.
function names.history(description)
  if type(description) ~= "string" or description:sub(1, #HISTORY) ~= HISTORY then return {} end
  local list, good = json.decode(description:sub(#HISTORY + 1)), {}
  for _, entry in ipairs(type(list) == "table" and list or {}) do
    if type(entry) == "table" and type(entry.image) == "string" and type(entry.release) == "string" then good[#good + 1] = entry end
  end
  return good
end

return names
