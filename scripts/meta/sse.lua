---@meta core.sse
--- Server-sent events.
local sse = {}
---@class Event
---@field id integer
---@field event string
---@field data string   JSON
---@field last? boolean the stream ends after it

--- A reply that turns the request into a stream. Events of `replay` come first; no id comes twice.
---@param channel string
---@param options? { last_id?: integer, replay?: Event[], client?: string }  client: for whom, as sse.count counts
---@return table reply
function sse.subscribe(channel, options) end

--- Sends to all who listen. Call it only after the event is in the journal.
---@param channel string
---@param event Event
---@return integer listeners
function sse.publish(channel, event) end

--- Whether anybody listens on the channel: who would publish to nobody can save himself the words.
---@param channel string
---@return boolean
function sse.has(channel) end

--- How many streams are open: of one client, or of all.
---@param client? string
---@return integer
function sse.count(client) end
return sse
