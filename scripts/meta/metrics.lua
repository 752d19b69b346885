---@meta core.metrics
--- Numbers for Prometheus. They belong to the process, and outlive a reload.
local metrics = {}

--- Makes a family known; again with the same words, nothing happens.
---@param name string    "deployer_deployments_total"
---@param kind "counter"|"gauge"|"histogram"  a histogram takes seconds
---@param help string
---@param labels? string[]  at most 4
function metrics.declare(name, kind, help, labels) end

--- Makes a counter grow.
---@param name string
---@param n number       from 0 on
---@param ... string     a value for each label
function metrics.add(name, n, ...) end

--- Tells a histogram one more time that something took.
---@param name string
---@param seconds number
---@param ... string     a value for each label
function metrics.observe(name, seconds, ...) end

--- Says what a gauge stands at.
---@param name string
---@param n number
---@param ... string     a value for each label
function metrics.set(name, n, ...) end

--- Forgets the series of a family: for gauges whose labels come and go.
---@param name string
function metrics.clear(name) end

--- All of it, in the text format of Prometheus.
---@return string
function metrics.text() end

return metrics
