--- Whose turn it is. Pure: first come, first served, but nobody gets a second place while others have none.
local queue = {}

local function least_served(waiting, served)
  local best = 1
  for i, entry in ipairs(waiting) do
    if (served[entry.owner_id] or 0) < (served[waiting[best].owner_id] or 0) then best = i end
  end
  return best
end

local function count(running)
  local served = {}
  for _, entry in ipairs(running) do served[entry.owner_id] = (served[entry.owner_id] or 0) + 1 end
  return served
end

--- The waiting ones in the order in which they will be started.
---@param waiting { owner_id: string }[]  in the order in which they came
---@param running { owner_id: string }[]
function queue.order(waiting, running)
  local left, served, order = { table.unpack(waiting) }, count(running), {}
  while #left > 0 do
    local entry = table.remove(left, least_served(left, served))
    served[entry.owner_id] = (served[entry.owner_id] or 0) + 1
    order[#order + 1] = entry
  end
  return order
end

--- The middle one; nil of none.
---@param numbers number[]
function queue.median(numbers)
  local sorted = { table.unpack(numbers) }
  table.sort(sorted)
  local middle = #sorted // 2
  if #sorted == 0 then return nil end
  return #sorted % 2 == 1 and sorted[middle + 1] or (sorted[middle] + sorted[middle + 1]) / 2
end

--- Whole seconds until the one at that position starts, when `places` run at once and one takes `seconds`.
function queue.eta(position, places, seconds) return math.ceil(math.ceil(position / places) * seconds) end

--- How far a deployment is, from 0 to 99: the steps' expected seconds are their weights.
---@param steps { expect: number }[]
---@param index integer  the step that runs
---@param share number   how much of it is done, from 0 to 1
function queue.percent(steps, index, share)
  local total, past = 0, 0
  for i, step in ipairs(steps) do
    total = total + step.expect
    if i < index then past = past + step.expect elseif i == index then past = past + step.expect * math.min(1, share) end
  end
  return math.min(99, past * 100 // total // 1 | 0)
end

return queue
