--- Text that people typed or pasted. Pure.
local text = {}

local function each(ranges, visit)
  for _, range in ipairs(ranges) do
    for code = range[1], range[2] do visit(utf8.char(code), code - range[1]) end
  end
end

-- Soft hyphen, direction marks, zero-width characters, byte-order mark; blanks other than ASCII's.
local replaced = {}
each({
  { 0xad, 0xad }, { 0x61c, 0x61c }, { 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x206f },
  { 0xfeff, 0xfeff },
}, function(char) replaced[char] = "" end)
each({
  { 0x85, 0x85 }, { 0xa0, 0xa0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x2028, 0x2029 },
  { 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 },
}, function(char) replaced[char] = " " end)

-- Arabic-Indic, Persian, Devanagari, Bengali, Thai, full-width.
local digits = {}
each({
  { 0x660, 0x669 }, { 0x6f0, 0x6f9 }, { 0x966, 0x96f }, { 0x9e6, 0x9ef }, { 0xe50, 0xe59 },
  { 0xff10, 0xff19 },
}, function(char, value) digits[char] = tostring(value) end)

local MULTIBYTE = "[\xc2-\xf4][\x80-\xbf]+"

--- Text without the invisible characters that come along when it is copied, and without blanks
--- around it.
---@param typed string
---@return string
function text.clean(typed)
  typed = typed:gsub(MULTIBYTE, replaced)
  local start = typed:find "%S"
  return start and typed:match("^.*%S", start) or ""
end

--- Text with the digits of other scripts as 0 to 9.
---@param typed string
---@return string
function text.with_ascii_digits(typed) return (typed:gsub(MULTIBYTE, digits)) end

return text
