---@meta core.text
local text = {}

--- Text in lower case and without marks, such as accents; characters that are variants of others,
--- such as ligatures and full-width letters, are replaced by those (Unicode's NFKD). "Ｚoë" gives
--- "zoe", "Straße" gives "strasse"; "ø" and "ł" are letters of their own and stay.
---@param utf8_text string  raises when it is not UTF-8
---@return string
function text.plain(utf8_text) end

return text
