-- People can bring the key of their own model. The portal passes it to the container and keeps it
-- nowhere.
return {
  { id = "default",
    parameters = {
      { id = "model_key", kind = "secret", pattern = "^sk%-or%-", variable = "OPENROUTER_API_KEY",
        example = "sk-or-...",
        title = { en = "OpenRouter API key", nl = "API-sleutel van OpenRouter",
          ar = "مفتاح OpenRouter API" },
        help = {
          en = "Optional. It begins with sk-or-.",
          nl = "Niet verplicht. De sleutel begint met sk-or-.",
          ar = "اختياري. يبدأ بـ sk-or-.",
        } },
    } },
}
