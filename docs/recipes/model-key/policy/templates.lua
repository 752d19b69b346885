-- People can bring the key of their own model. The portal passes it to the container and keeps it
-- nowhere.
return {
  { id = "default",
    parameters = {
      { id = "model_key", kind = "secret", pattern = "^sk%-ant%-", variable = "ANTHROPIC_API_KEY",
        example = "sk-ant-...",
        title = { en = "Anthropic API key", nl = "API-sleutel van Anthropic",
          ar = "مفتاح Anthropic API" },
        help = {
          en = "Optional. It begins with sk-ant-.",
          nl = "Niet verplicht. De sleutel begint met sk-ant-.",
          ar = "اختياري. يبدأ بـ sk-ant-.",
        } },
    } },
}
