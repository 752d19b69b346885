---@meta policy
--- What rules and name checks (policy/access.lua, policy/names.lua, and the same files of a site)
--- get. Every field without a ? is always there.

--- Who sent the request.
---@class Who
---@field kind string  admin; owner: has an owner's key; user: signed in by the proxy in front;
---                    token: a program with an API token; visitor: anyone else
---@field id? string   the owner's id: equal to what.owner_id for their own workspaces. Of a user
---                    "user." and 24 digits; of a token "token." and 12, or its owner's. Visitors
---                    and the admin have none
---@field name? string   a user's name as the proxy reports it, a token's label
---@field user? string   the name that a user signs in with
---@field email? string  of a user, if the proxy reports it; lower case
---@field groups Groups  of a user, if the proxy reports them
---@field network string  the client's address without its last part: "192.0.2.0/24"
---@field scopes table<string, boolean>  of a token: create read delete secrets admin

--- A list of names; `who.groups.staff` is true for a member.
---@alias Groups string[]|table<string, true>

--- What it is to be done to.
---@class What
---@field mode string        `access` of config.lua: open invite forward-auth closed
---@field name? string       of the workspace, or of the other thing that is acted on
---@field owner_id? string   the owner of the workspace or operation
---@field template? string   of the workspace
---@field parameters table<string, any>  deploy: of the template, by their ids
---@field scope? string      that a token needs for the action; nil: only admins may
---@field invite? string     deploy: state of the invite: good unknown revoked expired used_up
---@field invite_label? string  deploy: what the admin called the invite; may be ""
---@field stacks table<string, integer>  deploy: existing workspaces of the `owner`, from the
---                          `network`, from the IPv6 /48 (`site`), in `total`; else 0
---@field quotas table<string, integer>  deploy: the most of each; nil: no limit
---@field is_near? boolean   read_metrics: directly from this machine or a private network
---@field now Now

---@class Now
---@field unix number      seconds since 1970
---@field zone string      `zone` of config.lua, which the rest is in
---@field date string      "2026-03-01"
---@field hour integer     0 to 23
---@field minute integer
---@field weekday integer  1 is Monday, 7 Sunday

--- A refusal with a code of one's own: return false and this.
---@class Refused
---@field code string        for programs, in lower case: "too_late"
---@field status? integer    400 to 599; default 403
---@field text? table<string, string>  a sentence for people in each language: { en =, nl =, ar = }
---@field retry_after? integer  seconds

--- A rule. `decide` returns nothing where the rule does not apply; true; or false and a code or a
--- Refused. The first rule with an answer decides.
---@class AccessRule
---@field name string
---@field before? string  a site's rule has one of these: the rule that it comes before or after
---@field after? string
---@field decide fun(who: Who, action: string, what: What): boolean?, string|Refused|nil
