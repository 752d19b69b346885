---@meta core.metrics
--- Counters, gauges and histograms for Prometheus. They belong to the process and survive a reload.
local metrics = {}

--- Declares a family of metrics; repeating a declaration does nothing. A counter or histogram
--- without labels starts at 0 at once.
---   metrics.declare("site_visits_total", "counter", "Visits.", { "page" })
---@param name string    "deployer_deployments_total"
---@param kind "counter"|"gauge"|"histogram"  a histogram observes seconds
---@param help string
---@param labels? string[]  names, at most 4
function metrics.declare(name, kind, help, labels) end

--- Creates the series of these label values at 0 if it does not exist yet, so that an alert on its
--- rate sees the first increase.
---   metrics.expect("site_visits_total", "motd")
---@param name string
---@param ... string     a value for each label
function metrics.expect(name, ...) end

--- Increases a counter.
---   metrics.add("site_visits_total", 1, "motd")
---@param name string
---@param n number       0 or more
---@param ... string     a value for each label
function metrics.add(name, n, ...) end

--- Records a duration in a histogram.
---   metrics.observe("site_report_seconds", response.seconds)
---@param name string
---@param seconds number
---@param ... string     a value for each label
function metrics.observe(name, seconds, ...) end

--- Sets a gauge.
---   metrics.set("site_licences", 12)
---@param name string
---@param n number
---@param ... string     a value for each label
function metrics.set(name, n, ...) end

--- Removes all series of a family: for gauges whose label values come and go.
---   metrics.clear "site_licences"
---@param name string
function metrics.clear(name) end

--- All families in the text format of Prometheus.
---   return { body = metrics.text(), type = "text/plain; version=0.0.4" }
---@return string
function metrics.text() end

return metrics
