---@meta core.sse
--- Server-sent events.
local sse = {}
---@class Event
---@field id integer
---@field event string
---@field data string   JSON
---@field last? boolean the stream ends after it

--- A reply that turns the request into a stream. Events of `replay` come first; no id is repeated.
---   return sse.subscribe("news", { last_id = tonumber(req.headers["last-event-id"]) })
---@param channel string
---@param options? { last_id?: integer, replay?: Event[], client?: string }
---  client: a key to count the stream under; see sse.count
---@return table reply
function sse.subscribe(channel, options) end

--- Sends an event to all subscribers. Call it only after the event is in the journal.
---   sse.publish("news", { id = 1, event = "note", data = json.encode { text = "Hi" } })
---@param channel string
---@param event Event
---@return integer listeners
function sse.publish(channel, event) end

--- Whether the channel has subscribers; without any, the caller need not build the event.
---   if sse.has "news" then sse.publish("news", event) end
---@param channel string
---@return boolean
function sse.has(channel) end

--- The number of open streams: of one client, of clients that begin with these words, or of all.
---   local open = sse.count()
---@param client? string
---@return integer
function sse.count(client) end
return sse
