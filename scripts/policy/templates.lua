--- What a visitor can deploy. The first one is taken when nobody chooses.
---
--- An installation's own are in site/policy/templates.lua, a list like this one: a template with an
--- id of this list replaces it, others are added. A template is a table:
---   id       a word; of two templates in one file no id is the same
---   image    else stack.image of config.lua
---   memory   such as "8 GiB", at least "1 GiB"; else stack.memory of config.lua
---   cpus     such as 4 or 0.5; else stack.cpus of config.lua
---   env      variables for the container, such as
---            { STACK_AGENTS = '{"Oracle":"opencode/big-pickle"}' }: another model for an agent. No
---            secrets: they are kept in the journal
---   title, about  its label and a sentence, by language: { en = "...", nl = "...", ar = "..." };
---            else the texts "template.ID.title" and "template.ID.about" in locales/*.json
---   hidden   true: not offered on the page and never taken by itself; for programs
---   parameters  fields of the form beside the name, a list of tables:
---     id       a word: the API takes { "parameters": { "ID": ... } }, steps have ctx.parameters.ID
---     kind     "text" (when it does not say), "secret", "choice", "flag" or "number"
---     title, help  its label and a sentence, by language; else the texts "parameter.ID.title" and
---              "parameter.ID.help" in locales/*.json
---     required true: there is no deployment without it; `default`: the value when it is left out
---     pattern  of text and secret: a Lua pattern for the whole value, such as "^https://"
---     example  of text and secret: a value that it accepts, such as "https://example.com/x.git";
---              it is in the message about a value that it does not accept
---     choices  of a choice: the list of its values
---     min, max of a number
---     variable the variable of the container that gets it. A secret needs one: it goes there, by
---              way of Dokploy, and is kept nowhere else
return {
  { id = "default" },
}
