--- Block-style YAML as a tree of its lines, for changing a few of them and keeping the rest: what
--- Dokploy writes for Traefik. Pure. A node is { text, children = {...} }; text is the line without
--- its indentation, such as "rule: Host(`a`)" or "- web".
local outline = {}

local function node_of(text) return { text = text, children = {} } end

local function is_item(text) return text:find("^%-%f[%s\0]") ~= nil end

--- The tree; nil for text in other styles: flow collections, block scalars, anchors, tabs, lists
--- that are indented no deeper than their key.
---@param text string
---@return table|nil root
function outline.parse(text)
  local root = node_of ""
  local open = { { indent = -1, node = root } }
  for line in text:gmatch("[^\r\n]+") do
    local blanks, content = line:match("^( *)(.-)%s*$")
    local value = content:gsub("^[^:]*:", "")
    if content:find("\t") or value:find("^%s*[|>&*]") or value:find("^%s*[%[{]%s*[^%]}%s]") then
      return nil
    end
    if content ~= "" and content:sub(1, 1) ~= "#" then
      while open[#open].indent >= #blanks do open[#open] = nil end
      local node, siblings = node_of(content), open[#open].node.children
      if siblings[1] and is_item(siblings[1].text) ~= is_item(content) then return nil end
      siblings[#siblings + 1] = node
      open[#open + 1] = { indent = #blanks, node = node }
    end
  end
  return root
end

local function add_lines(lines, node, depth)
  for _, child in ipairs(node.children) do
    lines[#lines + 1] = ("  "):rep(depth) .. child.text
    add_lines(lines, child, depth + 1)
  end
  return lines
end

--- The text of a tree.
function outline.text(root) return table.concat(add_lines({}, root, 0), "\n") .. "\n" end

local function index_of(node, key)
  for i, child in ipairs(node.children) do
    if child.text:sub(1, #key + 1) == key .. ":" then return i end
  end
end

--- The child of that key, or nil.
function outline.get(node, key) return node.children[index_of(node, key)] end

--- The child of that key, made if it is missing; an empty collection in it is removed.
function outline.ensure(node, key)
  local child = outline.get(node, key)
  if not child then
    child = node_of(key .. ":")
    node.children[#node.children + 1] = child
  end
  if child.text:find(":%s*[%[{]%s*[%]}]$") then child.text = key .. ":" end
  return child
end

--- Puts a part in place of the child of its key, or at the end.
---@param part table  a root with one child
function outline.put(node, key, part)
  node.children[index_of(node, key) or #node.children + 1] = part.children[1]
end

--- Removes the child of that key.
function outline.remove(node, key)
  local i = index_of(node, key)
  if i then table.remove(node.children, i) end
end

--- Whether a list has an item.
function outline.has_item(node, item)
  for _, child in ipairs(node.children) do
    if child.text == "- " .. item then return true end
  end
  return false
end

--- Puts an item at the head of a list.
function outline.add_item(node, item) table.insert(node.children, 1, node_of("- " .. item)) end

return outline
