--- What differs between two texts, line by line. Pure.
local line_diff = {}

local MOST = 250000  -- comparisons; beyond that all lines count as different
local CONTEXT = 2    -- equal lines that are shown around a difference

local function lines_of(text)
  local lines = {}
  for line in (text:find "\n$" and text or text .. "\n"):gmatch "(.-)\n" do
    lines[#lines + 1] = line
  end
  return text == "" and {} or lines
end

-- Lengths of the longest common subsequences of what follows each pair of lines.
local function lengths(old, new, first, old_last, new_last)
  local rows = { [old_last + 1] = {} }
  for j = first, new_last + 1 do rows[old_last + 1][j] = 0 end
  for i = old_last, first, -1 do
    local row, below = { [new_last + 1] = 0 }, rows[i + 1]
    for j = new_last, first, -1 do
      row[j] = old[i] == new[j] and below[j + 1] + 1 or math.max(below[j], row[j + 1])
    end
    rows[i] = row
  end
  return rows
end

-- Appends the lines between two equal parts.
local function add_middle(edits, old, new, first, old_last, new_last)
  local is_small = (old_last - first + 1) * (new_last - first + 1) <= MOST
  local rows = is_small and lengths(old, new, first, old_last, new_last)
  local i, j = first, first
  while i <= old_last or j <= new_last do
    local can_remove, can_add = i <= old_last, j <= new_last
    if rows and can_remove and can_add and old[i] == new[j] then
      edits[#edits + 1] = { " ", old[i] }
      i, j = i + 1, j + 1
    elseif can_remove and (not can_add or not rows or rows[i + 1][j] >= rows[i][j + 1]) then
      edits[#edits + 1] = { "-", old[i] }
      i = i + 1
    else
      edits[#edits + 1] = { "+", new[j] }
      j = j + 1
    end
  end
end

local function edits_of(old, new)
  local first, old_last, new_last = 1, #old, #new
  while first <= old_last and first <= new_last and old[first] == new[first] do
    first = first + 1
  end
  while old_last >= first and new_last >= first and old[old_last] == new[new_last] do
    old_last, new_last = old_last - 1, new_last - 1
  end
  local edits = {}
  for i = 1, first - 1 do edits[i] = { " ", old[i] } end
  add_middle(edits, old, new, first, old_last, new_last)
  for i = old_last + 1, #old do edits[#edits + 1] = { " ", old[i] } end
  return edits
end

local function is_near(edits, at)
  for i = math.max(1, at - CONTEXT), math.min(#edits, at + CONTEXT) do
    if edits[i][1] ~= " " then return true end
  end
  return false
end

--- The differing lines with those around them: { "-", text } of the old one, { "+", text } of the
--- new one, { " ", text } of both, { "@", number } before each group with its line in the new one.
---@param old string
---@param new string
---@return { [1]: string, [2]: string|integer }[]
function line_diff.of(old, new)
  local edits, found, number, is_open = edits_of(lines_of(old), lines_of(new)), {}, 1, false
  for i, edit in ipairs(edits) do
    local is_shown = is_near(edits, i)
    if is_shown and not is_open then found[#found + 1] = { "@", number } end
    if is_shown then found[#found + 1] = edit end
    if edit[1] ~= "-" then number = number + 1 end
    is_open = is_shown
  end
  return found
end

return line_diff
