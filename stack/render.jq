# Writes a configuration file from the table in agents.json:
#   jq -f render.jq --arg make opencode|plugin|agents --argjson plugin 1|0 \
#     --argjson override '{"Oracle":"opencode/..."}' agents.json
# opencode: opencode.json. plugin: oh-my-opencode.json. agents: what an override changes of
# opencode.json. `override` gives roles another model ("small": the one for titles).

def names: [.roles[].role, "small"];
def overridden:
  names as $names
  | (($override | keys) - $names) as $unknown
  | if ($unknown | length) > 0 then error("unknown role: \($unknown | join(", ")) (roles: \($names | join(", ")))") else . end
  | if [$override[] | type == "string" and test("^[^/ ]+/[^ ]+$")] | all then . else error("a model is written provider/model") end
  | .small.model = ($override.small // .small.model)
  | .roles |= map(.model = ($override[.role] // .model));

def id: if .native.mode == "primary" then .role else .role | ascii_downcase | gsub(" "; "-") end;
def leader: first(.roles[] | select(.native.mode == "primary"));
def native: .roles | map({ (id): (.native + { model }) }) | add;
def models: { model: leader.model, small_model: .small.model } + if $plugin == 1 then {} else { agent: native } end;

def opencode:
  { "$schema": "https://opencode.ai/config.json" } + models + {
    enabled_providers: ["opencode"],
    autoupdate: false,
    share: "disabled"
  } + if $plugin == 1 then { plugin: ["file:///opt/stack/node_modules/oh-my-opencode"] } else { default_agent: (leader | id) } end;

# The plugin's agents and categories that use the role's model. Its others would call paid vendors,
# so they are disabled.
def placed($kind): [.roles[] | { model } as $model | (.plugin[$kind] // [])[] | { (.): $model }] | add;
def plugin: {
    "$schema": "https://raw.githubusercontent.com/code-yeongyu/oh-my-openagent/dev/assets/oh-my-opencode.schema.json",
    auto_update: false,
    telemetry: false,
    disabled_hooks: ["auto-update-checker", "startup-toast"],
    disabled_agents: ["hephaestus", "multimodal-looker"],
    git_master: { commit_footer: false, include_co_authored_by: false, git_env_prefix: "GIT_MASTER=1" },
    agents: placed("agents"),
    categories: placed("categories")
  };

overridden
| if $make == "opencode" then opencode
  elif $make == "plugin" then plugin
  elif $make == "agents" then models
  else error("make is opencode, plugin or agents") end
