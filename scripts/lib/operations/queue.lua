--- Whose turn it is, when it comes, and how far a deployment is. Pure. First come, first served,
--- but no owner gets a second slot while others have no slot.
local queue = {
  late = 0.5, -- of its time so far: what one that takes longer than usual is still given
  newest = 5, -- deploys that ended last: how busy the machine is now shows in these
}

-- Of those with the fewest slots, the owner whose last turn is longest ago: since their last deploy
-- ended, or since they came.
local function goes_before(a, b)
  if a.served ~= b.served then return a.served < b.served end
  if a.since ~= b.since then return a.since < b.since end
  return a.came < b.came
end

--- The waiting ones in the order in which they will be started.
---@param waiting { owner_id: string, created_at: number|nil }[]  in the order in which they came
---@param running { owner_id: string }[]
---@param ended table<string, number>|nil  when an owner's last one ended
function queue.order(waiting, running, ended)
  local turns, served, order = {}, {}, {}
  for _, entry in ipairs(running) do served[entry.owner_id] = (served[entry.owner_id] or 0) + 1 end
  for i, entry in ipairs(waiting) do
    local owner_id = entry.owner_id
    local since = math.max(entry.created_at or 0, ended and ended[owner_id] or 0)
    turns[i] = { entry = entry, served = served[owner_id] or 0, since = since, came = i }
    served[owner_id] = turns[i].served + 1
  end
  table.sort(turns, goes_before)
  for i, turn in ipairs(turns) do order[i] = turn.entry end
  return order
end

--- The median; nil of no numbers.
---@param numbers number[]
function queue.median(numbers)
  local sorted = { table.unpack(numbers) }
  table.sort(sorted)
  local middle = #sorted // 2
  if #sorted == 0 then return nil end
  if #sorted % 2 == 1 then return sorted[middle + 1] end
  return (sorted[middle] + sorted[middle + 1]) / 2
end

--- For how many seconds a slot is held: by the deploys that ended last, or by those that run, where
--- most of these take longer already.
---@param durations number[]  newest first; empty: nothing is known
---@param ages number[]       for how many seconds each of those that run has been running
---@param guess number        where nothing is known
---@return number
function queue.hold(durations, ages, guess)
  local usual = queue.median { table.unpack(durations, 1, queue.newest) } or guess
  return math.max(usual, queue.median(ages) or 0)
end

-- When those that run will end, in seconds, soonest first. A free slot ends at once; where the
-- limit was lowered, the first ends make no room.
local function endings(ages, slots, seconds)
  local ends = {}
  for i = 1, math.max(slots, #ages) do
    local age = ages[i]
    if not age then
      ends[i] = 0
    else
      ends[i] = age < seconds and seconds - age or age * queue.late
    end
  end
  table.sort(ends)
  return { table.unpack(ends, 1 + #ends - slots) }
end

--- Whole seconds until each of the first `count` of those that wait will start.
---@param count integer
---@param ages number[]    for how many seconds each of those that run has been running
---@param slots integer    how many run at once
---@param seconds number   duration of one deployment
---@param dokploy { each: number, ahead: integer }|nil  Dokploy ends one each `each` seconds, and
--- has `ahead` jobs of others before ours
---@return integer[]
function queue.starts(count, ages, slots, seconds, dokploy)
  local ends, starts = endings(ages, slots, seconds), {}
  local each, ahead = dokploy and dokploy.each or 0, dokploy and dokploy.ahead or 0
  for i = 1, count do
    local at = table.remove(ends, 1)
    if at > 0 then at = math.max(at, (ahead + i) * each) end
    starts[i] = math.ceil(at)
    ends[#ends + 1] = at + seconds
    table.sort(ends)
  end
  return starts
end

--- How far a deployment is, from 0 to 99: the steps' expected seconds are their weights.
---@param steps { expect: number }[]
---@param index integer  the step that runs
---@param share number   how much of it is done, from 0 to 1
function queue.percent(steps, index, share)
  local total, past = 0, 0
  for i, step in ipairs(steps) do
    total = total + step.expect
    if i < index then past = past + step.expect end
    if i == index then past = past + step.expect * math.min(1, share) end
  end
  return math.min(99, past * 100 // total // 1 | 0)
end

return queue
