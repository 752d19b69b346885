--- GET /api/openapi.json: the OpenAPI document of every route.
local crypto = require "core.crypto"
local openapi = require "lib.http.openapi"
local routes = require "lib.http.routes"

local document, etag -- made at the first request, when every route is declared

local function show()
  document = document or openapi.document()
  etag = etag or '"' .. crypto.sha256(document):sub(1, 20) .. '"'
  return {
    body = document, type = "application/json",
    headers = { ETag = etag, ["Cache-Control"] = "no-cache" },
  }
end

routes.add("Monitoring", {
  { "GET", "/api/openapi.json", show,
    summary = "This document",
    answers = { [200] = { "OpenAPI 3.1", type = "application/json" } } },
})
