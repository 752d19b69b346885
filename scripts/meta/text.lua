---@meta core.text
local text = {}

--- Text in lower case and without marks, such as accents; characters that are variants of others,
--- such as ligatures and full-width letters, are replaced by those (Unicode's NFKD). "Ｚoë" gives
--- "zoe", "Straße" gives "strasse"; "ø" and "ł" are letters of their own and stay.
---   assert(text.plain "Zoë" == "zoe")
---@param utf8_text string  raises when it is not UTF-8
---@return string
function text.plain(utf8_text) end

--- The items of a header field with weights (RFC 9110), such as Accept-Language, in their order;
--- malformed ones are left out.
---   local languages = text.weighted "nl, en;q=0.5"
---@param list string
---@return { name: string, weight: number }[]  names in lower case, weights from 0 (refused) to 1
function text.weighted(list) end

--- How much a field such as Accept wants a value, by its most specific item.
---   local is_page = text.weight(req.headers.accept, "text/html") > 0
---@param list string|nil  without the field everything is wanted
---@param value string  "text/html"
---@return number  0 (not at all) to 1
function text.weight(list, value) end

return text
